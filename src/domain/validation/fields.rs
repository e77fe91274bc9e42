//! Fields of a request: one validation function per field, as strict as AWS or stricter.
//!
//! Sources: `CreateCluster` in the API model of DAX, the developer guide ("Managing DAX clusters"),
//! the IAM user guide ("IAM and AWS STS quotas") and the naming rules of DynamoDB tables.

use std::collections::BTreeMap;

use crate::domain::installation::AwsAccount;
use crate::domain::names::{IAM_PATH, RESERVED_TAG_PREFIX};
use crate::domain::validation::violation::RuleViolation;

/// Maximum number of nodes of a cluster: one primary and ten replicas.
pub const REPLICATION_FACTOR_MAX: u8 = 11;
/// Maximum number of subnets of a subnet group.
pub const SUBNETS_MAX: usize = 20;
/// Maximum number of security groups of a network interface, with the quota fully raised.
pub const SECURITY_GROUPS_MAX: usize = 16;
/// Maximum number of tables in a request.
pub const TABLES_MAX: usize = 500;
/// Maximum number of tags in a request: AWS allows 50, and this service uses two.
pub const TAGS_MAX: usize = 48;
/// Maximum length of a tag key in characters.
pub const TAG_KEY_MAX: usize = 128;
/// Maximum length of a tag value in characters.
pub const TAG_VALUE_MAX: usize = 256;
/// Maximum length of a description in characters, as in IAM.
pub const DESCRIPTION_MAX: usize = 1_000;
/// Maximum length of a group name in characters.
pub const GROUP_NAME_MAX: usize = 255;
/// Maximum TTL in milliseconds: the largest integer that JSON represents exactly.
pub const TTL_MILLIS_MAX: i64 = 9_007_199_254_740_991;
/// Maximum length of a node ID: longer than every cluster name with AWS's suffix.
pub const NODE_ID_MAX: usize = 64;
/// Maximum length of an ARN in characters.
pub const ARN_MAX: usize = 2_048;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEK_MINUTES: u32 = 7 * 24 * 60;
const WINDOW_MINUTES: std::ops::RangeInclusive<u32> = 60..=24 * 60;

/// Validates a description: only characters that IAM and DAX accept. An empty one is `None`.
pub fn description(text: &str) -> Result<Option<String>, RuleViolation> {
    if text.chars().count() > DESCRIPTION_MAX {
        return Err(out_of_range(format!(
            "must have at most {DESCRIPTION_MAX} characters"
        )));
    }
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    if let Some(c) = text.chars().find(|&c| !is_allowed(c)) {
        let detail = format!(
            "must contain only printable Latin-1 characters, not U+{:04X}",
            u32::from(c)
        );
        return Err(invalid_format(detail));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Validates the form of a node type, such as `dax.r5.large`. Only AWS knows which types exist.
pub fn node_type(text: &str) -> Result<String, RuleViolation> {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let mut parts = text.split('.');
    let dax = parts.next() == Some("dax");
    let (family, size, rest) = (parts.next(), parts.next(), parts.next());
    if dax && family.is_some_and(word) && size.is_some_and(word) && rest.is_none() {
        return Ok(text.to_owned());
    }
    Err(invalid_format("must have the form `dax.r5.large`"))
}

/// Whether nodes of this type do not support encryption at rest.
pub fn lacks_encryption_at_rest(node_type: &str) -> bool {
    node_type.starts_with("dax.r3.")
}

/// Validates the number of nodes.
pub fn replication_factor(count: i64) -> Result<u8, RuleViolation> {
    u8::try_from(count)
        .ok()
        .filter(|count| (1..=REPLICATION_FACTOR_MAX).contains(count))
        .ok_or_else(|| out_of_range(format!("must be between 1 and {REPLICATION_FACTOR_MAX}")))
}

/// Validates the ID of a node, as AWS assigns it.
pub fn node_id(text: &str) -> Result<String, RuleViolation> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=NODE_ID_MAX).contains(&text.len()) && text.chars().all(is_allowed) {
        return Ok(text.to_owned());
    }
    Err(invalid_format(
        "must be a node ID, such as `orders-cache-a`",
    ))
}

/// Validates an availability zone of the Region.
pub fn availability_zone(text: &str, account: &AwsAccount) -> Result<String, RuleViolation> {
    let is_allowed = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let rest = text
        .strip_prefix(account.region.as_str())
        .filter(|rest| !rest.is_empty());
    if is_allowed && text.len() <= 64 && rest.is_some() {
        return Ok(text.to_owned());
    }
    Err(invalid_format(format!(
        "must be an availability zone of Region {0}, such as `{0}a`",
        account.region
    )))
}

/// Validates a maintenance window `ddd:hh24:mi-ddd:hh24:mi` in UTC, of 60 minutes to 24 hours.
/// Converts it to lower case, as AWS does.
pub fn maintenance_window(text: &str) -> Result<String, RuleViolation> {
    let window = text.to_ascii_lowercase();
    let ends = window
        .split_once('-')
        .and_then(|(from, to)| Some((minute_of_week(from)?, minute_of_week(to)?)));
    let Some((from, to)) = ends else {
        return Err(invalid_format(
            "must have the form `sun:05:00-sun:06:00`, in UTC",
        ));
    };
    if !WINDOW_MINUTES.contains(&((WEEK_MINUTES + to - from) % WEEK_MINUTES)) {
        return Err(out_of_range(
            "must last at least 60 minutes and at most 24 hours",
        ));
    }
    Ok(window)
}

fn minute_of_week(text: &str) -> Option<u32> {
    let (day, time) = text.split_once(':')?;
    let (hours, minutes) = time.split_once(':')?;
    let day = DAYS.iter().position(|name| *name == day)?;
    let two_digits = |part: &str, below: u32| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u32>()
            .ok()
            .filter(|number| digits && *number < below)
    };
    let day = u32::try_from(day).ok()?;
    Some((day * 24 + two_digits(hours, 24)?) * 60 + two_digits(minutes, 60)?)
}

/// Validates a subnet ID.
pub fn subnet_id(text: &str) -> Result<String, RuleViolation> {
    network_id(text, "subnet-")
}

/// Validates a VPC ID.
pub fn vpc_id(text: &str) -> Result<String, RuleViolation> {
    network_id(text, "vpc-")
}

/// Validates a security group ID.
pub fn security_group_id(text: &str) -> Result<String, RuleViolation> {
    network_id(text, "sg-")
}

fn network_id(text: &str, prefix: &str) -> Result<String, RuleViolation> {
    let hex = |rest: &str| {
        rest.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match text.strip_prefix(prefix) {
        Some(rest) if matches!(rest.len(), 8 | 17) && hex(rest) => Ok(text.to_owned()),
        Some(_) | None => Err(invalid_format(format!(
            "must be `{prefix}` followed by 8 or 17 lower-case hexadecimal digits"
        ))),
    }
}

/// Validates the name of an existing subnet group and converts it to lower case, as AWS does.
pub fn subnet_group_name(text: &str) -> Result<String, RuleViolation> {
    group_name(&text.to_ascii_lowercase())
}

/// Validates the name of an existing parameter group.
pub fn parameter_group_name(text: &str) -> Result<String, RuleViolation> {
    group_name(text)
}

fn group_name(text: &str) -> Result<String, RuleViolation> {
    if text.is_empty() || text.len() > GROUP_NAME_MAX {
        return Err(out_of_range(format!(
            "must have 1 to {GROUP_NAME_MAX} characters"
        )));
    }
    let is_allowed = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if is_allowed && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(text.to_owned());
    }
    Err(invalid_format(
        "must start with a letter and contain only ASCII letters, digits, hyphens, dots and \
         underscores",
    ))
}

/// The resource of an ARN of this service, partition, account and Region.
fn own_arn<'a>(
    text: &'a str,
    service: &str,
    region: &str,
    account: &AwsAccount,
) -> Result<&'a str, RuleViolation> {
    let expected = format!(
        "arn:{}:{service}:{region}:{}:",
        account.partition, account.account_id
    );
    if text.len() > ARN_MAX {
        return Err(out_of_range(format!(
            "must have at most {ARN_MAX} characters"
        )));
    }
    text.strip_prefix(&expected).ok_or_else(|| {
        if text.starts_with("arn:") {
            let owner = match region {
                "" => format!("account {} (IAM has no Region)", account.account_id),
                _ => format!("account {} and Region {region}", account.account_id),
            };
            RuleViolation::new(
                "foreign_arn",
                format!("must belong to {owner}: `{expected}…`"),
            )
        } else {
            invalid_format(format!("must be an ARN: `{expected}…`"))
        }
    })
}

/// Validates the ARN of an existing role of this account. A role created by this service is
/// rejected, because it belongs to one cluster.
pub fn role_arn(text: &str, account: &AwsAccount) -> Result<String, RuleViolation> {
    let resource = own_arn(text, "iam", "", account)?;
    let invalid = || invalid_format("must name a role: `role/<path><name>`");
    let path_and_name = resource.strip_prefix("role").ok_or_else(invalid)?;
    let (path, name) = path_and_name.rsplit_once('/').ok_or_else(invalid)?;
    let is_valid_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    let is_valid_path = path.is_empty()
        || (path.starts_with('/') && path.chars().all(|c| ('!'..='~').contains(&c)));
    if name.is_empty()
        || name.len() > 64
        || !is_valid_name
        || !is_valid_path
        || path.len() > 511
        || path.contains('*')
    {
        return Err(invalid());
    }
    if format!("{path}/")
        .to_ascii_lowercase()
        .starts_with(IAM_PATH)
    {
        let detail = "must not be a role created by this service: it belongs to one cluster";
        return Err(RuleViolation::new("managed_role", detail));
    }
    Ok(text.to_owned())
}

/// Validates the ARN of an SNS topic of this account and Region.
pub fn topic_arn(text: &str, account: &AwsAccount) -> Result<String, RuleViolation> {
    let name = own_arn(text, "sns", &account.region, account)?;
    let is_allowed = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if name.is_empty() || name.len() > 256 || !is_allowed {
        return Err(invalid_format("must name a standard SNS topic"));
    }
    Ok(text.to_owned())
}

/// Validates a DynamoDB table, given by name or ARN, and returns its name. Policies are built from
/// it, so IAM wildcards and variables are rejected.
pub fn table(text: &str, account: &AwsAccount) -> Result<String, RuleViolation> {
    let name = if text.starts_with("arn:") {
        let resource = own_arn(text, "dynamodb", &account.region, account)?;
        resource
            .strip_prefix("table/")
            .ok_or_else(|| invalid_format("must name a table: `table/<name>`"))?
    } else {
        text
    };
    let is_allowed = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !is_allowed {
        return Err(invalid_format(
            "must contain only ASCII letters, digits, `_`, `.` and `-`; wildcards are not \
             supported",
        ));
    }
    if !(3..=255).contains(&name.len()) {
        return Err(out_of_range("must have 3 to 255 characters"));
    }
    Ok(name.to_owned())
}

/// Validates a TTL in milliseconds and returns the decimal string that AWS expects.
pub fn ttl_millis(millis: i64) -> Result<String, RuleViolation> {
    if !(0..=TTL_MILLIS_MAX).contains(&millis) {
        return Err(out_of_range(format!(
            "must be between 0 and {TTL_MILLIS_MAX}"
        )));
    }
    Ok(millis.to_string())
}

/// Validates a tag key.
pub fn tag_key(text: &str) -> Result<(), RuleViolation> {
    let length = text.chars().count();
    if length == 0 || length > TAG_KEY_MAX {
        return Err(out_of_range(format!(
            "a tag key must have 1 to {TAG_KEY_MAX} characters"
        )));
    }
    let folded = text.to_lowercase();
    if let Some(prefix) = ["aws:", RESERVED_TAG_PREFIX]
        .into_iter()
        .find(|prefix| folded.starts_with(prefix))
    {
        return Err(RuleViolation::new(
            "reserved",
            format!("the prefix `{prefix}` is reserved"),
        ));
    }
    tag_characters(text, "key")
}

/// Validates a tag value.
pub fn tag_value(text: &str) -> Result<(), RuleViolation> {
    if text.chars().count() > TAG_VALUE_MAX {
        return Err(out_of_range(format!(
            "a tag value must have at most {TAG_VALUE_MAX} characters"
        )));
    }
    tag_characters(text, "value")
}

/// Validates the number of tags.
pub fn tag_count(tags: &BTreeMap<String, String>) -> Result<(), RuleViolation> {
    if tags.len() > TAGS_MAX {
        return Err(out_of_range(format!("must have at most {TAGS_MAX} tags")));
    }
    Ok(())
}

fn tag_characters(text: &str, what: &str) -> Result<(), RuleViolation> {
    let is_allowed = |c: char| {
        c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
    };
    if text.chars().all(is_allowed) {
        return Ok(());
    }
    Err(invalid_format(format!(
        "a tag {what} must contain only letters, digits, spaces and `_ . : / = + - @`"
    )))
}

fn out_of_range(detail: impl Into<String>) -> RuleViolation {
    RuleViolation::new("out_of_range", detail)
}

fn invalid_format(detail: impl Into<String>) -> RuleViolation {
    RuleViolation::new("invalid_format", detail)
}

#[cfg(test)]
mod tests;
