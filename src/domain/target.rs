//! Target: an AWS account and Region in which the installation has clusters, by its name.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::validation::violation::RuleViolation;

/// Maximum length of a name.
pub const TARGET_NAME_MAX: usize = 40;
/// Format of a name in the API document.
pub const TARGET_NAME_PATTERN: &str = "^[a-z][a-z0-9-]*$";

/// The rule of the names of targets and projects.
pub(super) fn check_name(text: &str) -> Result<(), RuleViolation> {
    if text.is_empty() || text.len() > TARGET_NAME_MAX {
        let detail = format!("must have 1 to {TARGET_NAME_MAX} characters");
        return Err(RuleViolation::new("out_of_range", detail));
    }
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.starts_with(|first: char| first.is_ascii_lowercase()) || !text.bytes().all(is_allowed)
    {
        return Err(RuleViolation::new(
            "invalid_format",
            "must start with a lower-case letter and contain only lower-case letters, digits and hyphens",
        ));
    }
    Ok(())
}

/// The name of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetName(Arc<str>);

impl TargetName {
    /// Parses a name.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        check_name(text).map(|()| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the target of an installation without a directory.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for TargetName {
    /// The target of an installation without a directory.
    fn default() -> Self {
        Self("default".into())
    }
}

impl Serialize for TargetName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether operations in a target can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetStatus {
    /// AWS names the account that the target has, and its operations run.
    Ready,
    /// AWS does not answer, or does not let the service in. It is tried again.
    Unreachable(String),
    /// The account or the Region is not the one of the target. An operator must act.
    Misconfigured(String),
    /// The organisation no longer has the target. Its clusters stay readable.
    Removed,
}

impl TargetStatus {
    /// Why they cannot.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready => None,
            Self::Unreachable(reason) | Self::Misconfigured(reason) => Some(reason),
            Self::Removed => Some("the organisation no longer has it"),
        }
    }

    /// The status without its reason.
    pub fn kind(&self) -> TargetStatusKind {
        match self {
            Self::Ready => TargetStatusKind::Ready,
            Self::Unreachable(_) => TargetStatusKind::Unreachable,
            Self::Misconfigured(_) => TargetStatusKind::Misconfigured,
            Self::Removed => TargetStatusKind::Removed,
        }
    }
}

/// A [`TargetStatus`] by its name in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TargetStatusKind {
    /// Its operations run.
    Ready,
    /// AWS does not answer, or does not let the service in.
    Unreachable,
    /// An operator must act.
    Misconfigured,
    /// The organisation no longer has it.
    Removed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_and_at_most_forty_characters() {
        for good in ["a", "default", "payments-prod", "p2-", &"x".repeat(40)] {
            assert_eq!(TargetName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2p",
            "-p",
            "Payments",
            "a_b",
            "a b",
            "ä",
            &"x".repeat(41),
        ] {
            assert!(TargetName::parse(bad).is_err(), "{bad}");
        }
    }
}
