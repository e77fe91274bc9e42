//! Validation of names and ARNs by DAX's rules.

use crate::dax::messages::invalid_value;
use crate::wire::fault::ServiceFault;

/// Returns a required member, or DAX's error that it is missing.
pub(super) fn required<T>(member: &str, value: Option<T>) -> Result<T, ServiceFault> {
    value.ok_or_else(|| invalid_value(format!("The parameter {member} must be provided.")))
}

/// A cluster name, lower-cased: 1 to 20 letters, digits and single hyphens, a letter first,
/// without `sudo` and `grep`.
pub(super) fn cluster_name(name: &str) -> Result<String, ServiceFault> {
    let name = name.to_ascii_lowercase();
    let forbidden = name.contains("sudo") || name.contains("grep");
    match is_identifier(&name, 20) && !forbidden {
        true => Ok(name),
        false => Err(invalid_value(
            "Cluster ID specified is not a valid identifier. Identifiers must begin with a letter; must contain only \
             ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.",
        )),
    }
}

/// A valid subnet group name, lower-cased.
pub(super) fn subnet_group_name(name: &str) -> Result<String, ServiceFault> {
    let name = name.to_ascii_lowercase();
    match is_identifier(&name, 255) {
        true => Ok(name),
        false => Err(invalid_value(format!(
            "SubnetGroupName {name:?} is not a valid identifier."
        ))),
    }
}

/// A valid parameter group name, in its original case.
pub(super) fn parameter_group_name(name: &str) -> Result<String, ServiceFault> {
    match is_identifier(&name.to_ascii_lowercase(), 255) {
        true => Ok(name.to_owned()),
        false => Err(invalid_value(format!(
            "ParameterGroupName {name:?} is not a valid identifier."
        ))),
    }
}

/// Rejects names that begin with `default`, which AWS reserves.
pub(super) fn reject_reserved(name: &str) -> Result<(), ServiceFault> {
    match name.to_ascii_lowercase().starts_with("default") {
        true => Err(invalid_value(format!(
            "{name} is reserved and cannot be modified."
        ))),
        false => Ok(()),
    }
}

/// Whether a name matches `^[a-z](?:-?[a-z0-9])*$` and is not longer than `max_length`.
fn is_identifier(name: &str, max_length: usize) -> bool {
    let has_valid_characters = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    has_valid_characters
        && name.len() <= max_length
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Checks that an ARN names a role of this account. The messages are DAX's.
pub(super) fn check_role_arn(arn: &str, account_id: &str) -> Result<(), ServiceFault> {
    if !arn.starts_with("arn:") {
        return Err(invalid_value(format!("ARNs must start with 'arn:': {arn}")));
    }
    const MISSING: [&str; 4] = [
        "Second colon partition not found",
        "Third colon vendor not found",
        "Fourth colon (region/namespace delimiter) not found",
        "Fifth colon (namespace/relative-id delimiter) not found",
    ];
    let colons = arn.matches(':').count();
    if let Some(missing) = MISSING.get(colons.saturating_sub(1)).filter(|_| colons < 5) {
        return Err(invalid_value(format!("{missing}: {arn}")));
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, resource]
            if account == account_id && resource.starts_with("role/") =>
        {
            Ok(())
        }
        _ => Err(invalid_value(format!(
            "IamRoleArn is not the ARN of a role of this account: {arn}"
        ))),
    }
}

/// Checks that an ARN names an SNS topic of this account and Region.
pub(super) fn check_topic_arn(
    arn: &str,
    account_id: &str,
    region: &str,
) -> Result<(), ServiceFault> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", topic_region, owner, name]
            if owner == account_id && topic_region == region && !name.is_empty() =>
        {
            Ok(())
        }
        ["arn", _, "sns", _, owner, _] if owner != account_id => Err(invalid_value(
            "The owner of the notification topic must be the owner of the cluster.",
        )),
        _ => Err(invalid_value(format!(
            "Invalid notification topic ARN: {arn}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        check_role_arn, check_topic_arn, cluster_name, reject_reserved, subnet_group_name,
    };

    #[test]
    fn cluster_names_follow_the_rules_and_are_lower_cased() {
        assert_eq!(cluster_name("My-Cache-1").as_deref(), Ok("my-cache-1"));
        assert_eq!(cluster_name("a").as_deref(), Ok("a"));
        for wrong in [
            "",
            "1a",
            "a-",
            "a--b",
            "a_b",
            "abcdefghijklmnopqrstu",
            "my-sudo",
            "GREPper",
            "é",
        ] {
            assert!(cluster_name(wrong).is_err(), "{wrong}");
        }
        assert!(subnet_group_name(&"a".repeat(255)).is_ok());
        assert!(subnet_group_name(&"a".repeat(256)).is_err());
        assert!(reject_reserved("Default-two").is_err());
    }

    #[test]
    fn role_arn_errors_have_the_messages_of_dax() {
        let account = "123456789012";
        assert!(check_role_arn("arn:aws:iam::123456789012:role/path/r", account).is_ok());
        let message = |arn| {
            check_role_arn(arn, account)
                .expect_err("not a role ARN")
                .message
        };
        assert!(message("role").starts_with("ARNs must start with 'arn:'"));
        assert!(message("arn:").starts_with("Second colon"));
        assert!(message("arn:aws:").starts_with("Third colon"));
        assert!(message("arn:aws:iam:").starts_with("Fourth colon"));
        assert!(message("arn:aws:iam::1").starts_with("Fifth colon"));
        assert!(check_role_arn("arn:aws:iam::210987654321:role/r", account).is_err());
        assert!(
            check_topic_arn("arn:aws:sns:us-east-1:123456789012:t", account, "us-east-1").is_ok()
        );
        assert!(
            check_topic_arn("arn:aws:sns:us-east-1:210987654321:t", account, "us-east-1").is_err()
        );
    }
}
