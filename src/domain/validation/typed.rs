//! Typed strings: one type for each kind of value, so that a subnet ID cannot be used as a security
//! group ID.
//!
//! `parse` is the only constructor for the value of a request: it applies the rule of its kind, as
//! strict as AWS or stricter. The sources of the rules are those of [`super::fields`].

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::fields::{TAG_KEY_MAX, invalid_format, out_of_range, own_arn, tag_characters};
use super::violation::RuleViolation;
use crate::domain::iam::trust::{SERVICE_LINKED_PATH, is_literal_path};
use crate::domain::installation::AwsAccount;
use crate::domain::names::{IAM_PATH, RESERVED_TAG_PREFIX};

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEK_MINUTES: u32 = 7 * 24 * 60;
const WINDOW_MINUTES: std::ops::RangeInclusive<u32> = 60..=24 * 60;

/// A string of the kind `K`, in JSON a plain string.
///
/// `Deserialize` is for stored data only, never for requests. It accepts every string, so that a
/// row stays readable when a later version has a stricter rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed<K>(String, PhantomData<K>);

/// The kinds. They have no values; they only distinguish the types.
mod kind {
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum NodeType {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum AvailabilityZone {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum MaintenanceWindow {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum SubnetId {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum VpcId {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum SecurityGroupId {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum RoleArn {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum TopicArn {}
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum TagKey {}
}

/// A node type, such as `dax.r5.large`.
pub type NodeType = Typed<kind::NodeType>;
/// The name of an availability zone, such as `us-east-1a`.
pub type AvailabilityZone = Typed<kind::AvailabilityZone>;
/// A weekly window `ddd:hh24:mi-ddd:hh24:mi` in UTC, lower case.
pub type MaintenanceWindow = Typed<kind::MaintenanceWindow>;
/// The ID of a subnet, such as `subnet-0a1b2c3d`.
pub type SubnetId = Typed<kind::SubnetId>;
/// The ID of a VPC, such as `vpc-0a1b2c3d`.
pub type VpcId = Typed<kind::VpcId>;
/// The ID of a security group, such as `sg-0a1b2c3d`.
pub type SecurityGroupId = Typed<kind::SecurityGroupId>;
/// The ARN of an IAM role.
pub type RoleArn = Typed<kind::RoleArn>;
/// The ARN of an SNS topic.
pub type TopicArn = Typed<kind::TopicArn>;
/// The key of a tag that a caller sets.
pub type TagKey = Typed<kind::TagKey>;

impl<K> Typed<K> {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }

    /// A value that AWS reported, or that names a resource of the inventory. It is not validated:
    /// a cluster that exists in AWS can be adopted with whatever values it has.
    pub fn from_aws(text: impl Into<String>) -> Self {
        Self::new(text)
    }

    /// The value as AWS expects it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K> fmt::Display for Typed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<K> From<Typed<K>> for String {
    fn from(value: Typed<K>) -> Self {
        value.0
    }
}

/// Finds a value in a set or map by a plain string.
impl<K> Borrow<str> for Typed<K> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl NodeType {
    /// Parses the form of a node type. Only AWS knows which types exist.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
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
            return Ok(Self::new(text));
        }
        Err(invalid_format("must have the form `dax.r5.large`"))
    }

    /// Whether nodes of this type do not support encryption at rest.
    pub fn lacks_encryption_at_rest(&self) -> bool {
        self.0.starts_with("dax.r3.")
    }
}

impl AvailabilityZone {
    /// Parses an availability zone of the Region.
    pub fn parse(text: &str, account: &AwsAccount) -> Result<Self, RuleViolation> {
        let is_allowed = text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let rest = text
            .strip_prefix(account.region.as_str())
            .filter(|rest| !rest.is_empty());
        if is_allowed && text.len() <= 64 && rest.is_some() {
            return Ok(Self::new(text));
        }
        Err(invalid_format(format!(
            "must be an availability zone of Region {0}, such as `{0}a`",
            account.region
        )))
    }
}

impl MaintenanceWindow {
    /// Parses a window of 60 minutes to 24 hours and converts it to lower case, as AWS does.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
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
        Ok(Self::new(window))
    }
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

impl SubnetId {
    /// Parses a subnet ID.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        network_id(text, "subnet-")
    }
}

impl VpcId {
    /// Parses a VPC ID.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        network_id(text, "vpc-")
    }
}

impl SecurityGroupId {
    /// Parses a security group ID.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        network_id(text, "sg-")
    }
}

fn network_id<K>(text: &str, prefix: &str) -> Result<Typed<K>, RuleViolation> {
    let hex = |rest: &str| {
        rest.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match text.strip_prefix(prefix) {
        Some(rest) if matches!(rest.len(), 8 | 17) && hex(rest) => Ok(Typed::new(text)),
        Some(_) | None => Err(invalid_format(format!(
            "must be `{prefix}` followed by 8 or 17 lower-case hexadecimal digits"
        ))),
    }
}

impl RoleArn {
    /// Parses the ARN of an existing role of this account. Policies are built from it, so IAM
    /// wildcards and variables are rejected. A role created by this service is rejected, because it
    /// belongs to one cluster.
    pub fn parse(text: &str, account: &AwsAccount) -> Result<Self, RuleViolation> {
        let resource = own_arn(text, "iam", "", account)?;
        let invalid = || invalid_format("must name a role: `role/<path><name>`");
        let path_and_name = resource.strip_prefix("role").ok_or_else(invalid)?;
        let (path, name) = path_and_name.rsplit_once('/').ok_or_else(invalid)?;
        let is_valid_name = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
        let path = format!("{path}/");
        if name.is_empty()
            || name.len() > 64
            || !is_valid_name
            || !is_literal_path(&path)
            || path.len() > 512
        {
            return Err(invalid());
        }
        let path = path.to_ascii_lowercase();
        if path.starts_with(SERVICE_LINKED_PATH) {
            let detail = "must not be a service-linked role: it belongs to an AWS service";
            return Err(RuleViolation::new("service_linked_role", detail));
        }
        if path.starts_with(IAM_PATH) {
            let detail = "must not be a role created by this service: it belongs to one cluster";
            return Err(RuleViolation::new("managed_role", detail));
        }
        Ok(Self::new(text))
    }
}

impl TopicArn {
    /// Parses the ARN of an SNS topic of this account and Region.
    pub fn parse(text: &str, account: &AwsAccount) -> Result<Self, RuleViolation> {
        let name = own_arn(text, "sns", &account.region, account)?;
        let is_allowed = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if name.is_empty() || name.len() > 256 || !is_allowed {
            return Err(invalid_format("must name a standard SNS topic"));
        }
        Ok(Self::new(text))
    }
}

impl TagKey {
    /// Parses a tag key. The prefixes of AWS and of the ownership tags are reserved.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
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
        tag_characters(text, "key")?;
        Ok(Self::new(text))
    }
}
