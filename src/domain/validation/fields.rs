//! Fields of a request that stay plain strings and numbers: one validation function per field, as
//! strict as AWS or stricter. [`super::typed`] has the types of the others.
//!
//! Sources: `CreateCluster` in the API model of DAX, the developer guide ("Managing DAX clusters"),
//! the IAM user guide ("IAM and AWS STS quotas") and the naming rules of DynamoDB tables.

use chrono::{DateTime, Months, SubsecRound, Utc};

use crate::domain::installation::AwsAccount;
use crate::domain::names::CLUSTER_NAME_MAX;
use crate::domain::validation::violation::RuleViolation;

/// Maximum number of nodes of a cluster: one primary and ten replicas.
pub const REPLICATION_FACTOR_MAX: u8 = 11;
/// Maximum number of subnets of a subnet group.
pub const SUBNETS_MAX: usize = 20;
/// Maximum number of security groups of a network interface, with the quota fully raised.
pub const SECURITY_GROUPS_MAX: usize = 16;
/// Maximum number of tables in a request.
pub const TABLES_MAX: usize = 500;
/// Maximum number of tags of a cluster in AWS.
pub const AWS_TAGS_MAX: usize = 50;
/// Maximum number of tags in a request: this service uses three.
pub const TAGS_MAX: usize = AWS_TAGS_MAX - 3;
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
/// Maximum number of years until a cluster expires.
pub const EXPIRY_YEARS_MAX: u32 = 10;
/// Maximum length of an ARN in characters.
pub const ARN_MAX: usize = 2_048;

/// Validates a text of at most `most` characters.
pub fn free_text(text: &str, most: usize) -> Result<String, RuleViolation> {
    if text.chars().count() > most {
        return Err(out_of_range(format!("must have at most {most} characters")));
    }
    Ok(text.to_owned())
}

/// Validates the time at which a cluster is deleted: after `now`, within [`EXPIRY_YEARS_MAX`] years. It
/// is rounded down to whole seconds.
pub fn expires_at(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, RuleViolation> {
    let parsed = DateTime::parse_from_rfc3339(text)
        .map_err(|_| invalid_format("must be a time such as 2027-01-31T18:00:00Z".to_owned()))?;
    let at = parsed.to_utc().trunc_subsecs(0);
    let latest = now.checked_add_months(Months::new(12 * EXPIRY_YEARS_MAX));
    if at <= now || latest.is_some_and(|latest| at > latest) {
        return Err(out_of_range(format!(
            "must be in the future, at most {EXPIRY_YEARS_MAX} years ahead"
        )));
    }
    Ok(at)
}

/// Validates a description: only characters that IAM and DAX accept. An empty one is `None`.
pub fn description(text: &str) -> Result<Option<String>, RuleViolation> {
    free_text(text, DESCRIPTION_MAX)?;
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

/// Validates the number of nodes.
pub fn replication_factor(count: i64) -> Result<u8, RuleViolation> {
    u8::try_from(count)
        .ok()
        .filter(|count| (1..=REPLICATION_FACTOR_MAX).contains(count))
        .ok_or_else(|| out_of_range(format!("must be between 1 and {REPLICATION_FACTOR_MAX}")))
}

/// Validates the beginning of a cluster name, and converts it to lower case.
pub fn name_prefix(text: &str) -> Result<String, RuleViolation> {
    let prefix = text.to_ascii_lowercase();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = prefix.starts_with(|first: char| first.is_ascii_alphabetic());
    if prefix.len() <= CLUSTER_NAME_MAX && begins && prefix.bytes().all(is_allowed) {
        return Ok(prefix);
    }
    let detail = "must be the beginning of a cluster name: a letter, then up to 19 ASCII letters, \
                  digits and hyphens";
    Err(RuleViolation::new("invalid_format", detail))
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
pub(super) fn own_arn<'a>(
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
    table_name(name)
}

/// Validates the name of a DynamoDB table.
pub fn table_name(name: &str) -> Result<String, RuleViolation> {
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
pub fn tag_count(count: usize) -> Result<(), RuleViolation> {
    if count > TAGS_MAX {
        return Err(out_of_range(format!("must have at most {TAGS_MAX} tags")));
    }
    Ok(())
}

pub(super) fn tag_characters(text: &str, what: &str) -> Result<(), RuleViolation> {
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

pub(super) fn out_of_range(detail: impl Into<String>) -> RuleViolation {
    RuleViolation::new("out_of_range", detail)
}

pub(super) fn invalid_format(detail: impl Into<String>) -> RuleViolation {
    RuleViolation::new("invalid_format", detail)
}
