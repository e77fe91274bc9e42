//! Fields of a request: the rule of each, as AWS has it or stricter, so that a wrong value is refused at the door.
//!
//! Sources: `CreateCluster` in the API model of DAX, the developer guide ("Managing DAX clusters"), the IAM user guide
//! ("IAM and AWS STS quotas") and the naming rules of DynamoDB tables. Each function is pure and reads one value.

use std::collections::BTreeMap;

use crate::domain::installation::AwsAccount;
use crate::domain::names::{IAM_PATH, RESERVED_TAG_PREFIX};
use crate::domain::validation::violation::RuleViolation;

/// Most nodes of a cluster: one primary and ten replicas.
pub const REPLICATION_FACTOR_MAX: u8 = 11;
/// Most subnets of a subnet group.
pub const SUBNETS_MAX: usize = 20;
/// Most security groups of a network interface, the quota raised as far as it goes.
pub const SECURITY_GROUPS_MAX: usize = 16;
/// Most tables one cluster serves well.
pub const TABLES_MAX: usize = 500;
/// Most tags of a caller: AWS takes 50, and two are ours.
pub const TAGS_MAX: usize = 48;
/// Longest key of a tag.
pub const TAG_KEY_MAX: usize = 128;
/// Longest value of a tag.
pub const TAG_VALUE_MAX: usize = 256;
/// Longest description, as IAM has it.
pub const DESCRIPTION_MAX: usize = 1_000;
/// Longest name of a group.
pub const GROUP_NAME_MAX: usize = 255;
/// Longest time to live: JSON carries whole numbers exactly up to here.
pub const TTL_MILLIS_MAX: i64 = 9_007_199_254_740_991;
/// Longest id of a node: the cluster's name and a suffix of AWS's, with room to spare.
pub const NODE_ID_MAX: usize = 64;
/// Longest ARN that is read.
pub const ARN_MAX: usize = 2_048;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEK_MINUTES: u32 = 7 * 24 * 60;
const WINDOW_MINUTES: std::ops::RangeInclusive<u32> = 60..=24 * 60;

/// A description: the characters IAM and DAX take. An empty one is none.
pub fn description(text: &str) -> Result<Option<String>, RuleViolation> {
    if text.chars().count() > DESCRIPTION_MAX {
        return Err(out_of_range(format!(
            "must have at most {DESCRIPTION_MAX} characters"
        )));
    }
    let known = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    if let Some(c) = text.chars().find(|&c| !known(c)) {
        let detail = format!(
            "must hold only Latin-1 letters, digits and signs, not U+{:04X}",
            u32::from(c)
        );
        return Err(invalid_format(detail));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A node type, such as `dax.r5.large`. Which types exist, AWS knows.
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
    Err(invalid_format("must look like `dax.r5.large`"))
}

/// Whether nodes of this type cannot encrypt their disks.
pub fn lacks_encryption_at_rest(node_type: &str) -> bool {
    node_type.starts_with("dax.r3.")
}

/// The number of nodes.
pub fn replication_factor(count: i64) -> Result<u8, RuleViolation> {
    u8::try_from(count)
        .ok()
        .filter(|count| (1..=REPLICATION_FACTOR_MAX).contains(count))
        .ok_or_else(|| out_of_range(format!("must be between 1 and {REPLICATION_FACTOR_MAX}")))
}

/// The id of a node, as AWS gives it.
pub fn node_id(text: &str) -> Result<String, RuleViolation> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=NODE_ID_MAX).contains(&text.len()) && text.chars().all(known) {
        return Ok(text.to_owned());
    }
    Err(invalid_format(
        "must be the id of a node, such as `orders-cache-a`",
    ))
}

/// An availability zone of the Region.
pub fn availability_zone(text: &str, place: &AwsAccount) -> Result<String, RuleViolation> {
    let known = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let rest = text
        .strip_prefix(place.region.as_str())
        .filter(|rest| !rest.is_empty());
    if known && text.len() <= 64 && rest.is_some() {
        return Ok(text.to_owned());
    }
    Err(invalid_format(format!(
        "must be a zone of the Region {0}, such as `{0}a`",
        place.region
    )))
}

/// A maintenance window `ddd:hh24:mi-ddd:hh24:mi` in UTC, of 60 minutes to 24 hours. Lower-cased as AWS does.
pub fn maintenance_window(text: &str) -> Result<String, RuleViolation> {
    let window = text.to_ascii_lowercase();
    let ends = window
        .split_once('-')
        .and_then(|(from, to)| Some((minute_of_week(from)?, minute_of_week(to)?)));
    let Some((from, to)) = ends else {
        return Err(invalid_format(
            "must look like `sun:05:00-sun:06:00`, in UTC",
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

/// A subnet's id.
pub fn subnet_id(text: &str) -> Result<String, RuleViolation> {
    network_id(text, "subnet-")
}

/// A VPC's id.
pub fn vpc_id(text: &str) -> Result<String, RuleViolation> {
    network_id(text, "vpc-")
}

/// A security group's id.
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
            "must be `{prefix}` and 8 or 17 lower-case hexadecimal digits"
        ))),
    }
}

/// The name of an existing subnet group, lower-cased as AWS does.
pub fn subnet_group_name(text: &str) -> Result<String, RuleViolation> {
    group_name(&text.to_ascii_lowercase())
}

/// The name of an existing parameter group.
pub fn parameter_group_name(text: &str) -> Result<String, RuleViolation> {
    group_name(text)
}

fn group_name(text: &str) -> Result<String, RuleViolation> {
    if text.is_empty() || text.len() > GROUP_NAME_MAX {
        return Err(out_of_range(format!(
            "must have 1 to {GROUP_NAME_MAX} characters"
        )));
    }
    let known = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if known && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(text.to_owned());
    }
    Err(invalid_format(
        "must start with a letter and hold only ASCII letters, digits, hyphens, dots and underscores",
    ))
}

/// An ARN in its six parts, of this partition and account; the resource is the last.
fn own_arn<'a>(
    text: &'a str,
    service: &str,
    region: &str,
    place: &AwsAccount,
) -> Result<&'a str, RuleViolation> {
    let expected = format!(
        "arn:{}:{service}:{region}:{}:",
        place.partition, place.account_id
    );
    if text.len() > ARN_MAX {
        return Err(out_of_range(format!(
            "must have at most {ARN_MAX} characters"
        )));
    }
    text.strip_prefix(&expected).ok_or_else(|| {
        if text.starts_with("arn:") {
            RuleViolation::new(
                "foreign_arn",
                format!("must be of this account and Region: `{expected}…`"),
            )
        } else {
            invalid_format(format!("must be an ARN: `{expected}…`"))
        }
    })
}

/// The ARN of an existing role of this account that is not ours: a role of ours serves one cluster only.
pub fn role_arn(text: &str, place: &AwsAccount) -> Result<String, RuleViolation> {
    let resource = own_arn(text, "iam", "", place)?;
    let invalid = || invalid_format("must name a role: `role/<path><name>`");
    let path_and_name = resource.strip_prefix("role").ok_or_else(invalid)?;
    let (path, name) = path_and_name.rsplit_once('/').ok_or_else(invalid)?;
    let name_known = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    let path_known = path.is_empty()
        || (path.starts_with('/') && path.chars().all(|c| ('!'..='~').contains(&c)));
    if name.is_empty()
        || name.len() > 64
        || !name_known
        || !path_known
        || path.len() > 511
        || path.contains('*')
    {
        return Err(invalid());
    }
    if format!("{path}/")
        .to_ascii_lowercase()
        .starts_with(IAM_PATH)
    {
        let detail = "must not lie under our own path: a role of ours serves one cluster only";
        return Err(RuleViolation::new("managed_role", detail));
    }
    Ok(text.to_owned())
}

/// The ARN of an SNS topic of this account and Region.
pub fn topic_arn(text: &str, place: &AwsAccount) -> Result<String, RuleViolation> {
    let name = own_arn(text, "sns", &place.region, place)?;
    let known = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if name.is_empty() || name.len() > 256 || !known {
        return Err(invalid_format("must name a standard SNS topic"));
    }
    Ok(text.to_owned())
}

/// A DynamoDB table, by its name or its ARN; what counts is the name. Policies are built from it, so nothing that IAM
/// would read as a wildcard or a variable comes through.
pub fn table(text: &str, place: &AwsAccount) -> Result<String, RuleViolation> {
    let name = if text.starts_with("arn:") {
        let resource = own_arn(text, "dynamodb", &place.region, place)?;
        resource
            .strip_prefix("table/")
            .ok_or_else(|| invalid_format("must name a table: `table/<name>`"))?
    } else {
        text
    };
    let known = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !known {
        return Err(invalid_format(
            "must hold only ASCII letters, digits, `_`, `.` and `-`; wildcards are not names",
        ));
    }
    if !(3..=255).contains(&name.len()) {
        return Err(out_of_range("must have 3 to 255 characters"));
    }
    Ok(name.to_owned())
}

/// A time to live in milliseconds, as the decimal text AWS takes.
pub fn ttl_millis(millis: i64) -> Result<String, RuleViolation> {
    if !(0..=TTL_MILLIS_MAX).contains(&millis) {
        return Err(out_of_range(format!(
            "must be between 0 and {TTL_MILLIS_MAX}"
        )));
    }
    Ok(millis.to_string())
}

/// The key of a tag.
pub fn tag_key(text: &str) -> Result<(), RuleViolation> {
    let length = text.chars().count();
    if length == 0 || length > TAG_KEY_MAX {
        return Err(out_of_range(format!(
            "the key of a tag must have 1 to {TAG_KEY_MAX} characters"
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

/// The value of a tag.
pub fn tag_value(text: &str) -> Result<(), RuleViolation> {
    if text.chars().count() > TAG_VALUE_MAX {
        return Err(out_of_range(format!(
            "the value of a tag must have at most {TAG_VALUE_MAX} characters"
        )));
    }
    tag_characters(text, "value")
}

/// How many tags there may be.
pub fn tag_count(tags: &BTreeMap<String, String>) -> Result<(), RuleViolation> {
    if tags.len() > TAGS_MAX {
        return Err(out_of_range(format!("must have at most {TAGS_MAX} tags")));
    }
    Ok(())
}

fn tag_characters(text: &str, what: &str) -> Result<(), RuleViolation> {
    let known = |c: char| {
        c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
    };
    if text.chars().all(known) {
        return Ok(());
    }
    Err(invalid_format(format!(
        "the {what} of a tag may hold letters, digits, blanks and `_ . : / = + - @`"
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
