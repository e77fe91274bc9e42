//! Project: a name that groups clusters for the rights of their callers, and a scope of rows.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::target::{TargetName, check_name};
use super::validation::violation::RuleViolation;

/// The name of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// Parses a name. The rule is that of targets.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        check_name(text).map(|()| Self(text.into()))
    }

    /// A name that no project can have.
    pub fn unnamed() -> Self {
        Self("-".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|rule| de::Error::custom(rule.detail))
    }
}

/// The clusters of a project in a target, with all that belongs to them. Reads are decided for a
/// whole scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The project; `None` for what belongs to none.
    pub project: Option<ProjectName>,
    /// The target.
    pub target: TargetName,
}

impl Scope {
    /// The scope of a project in a target.
    pub fn of(project: Option<&ProjectName>, target: &TargetName) -> Self {
        Self {
            project: project.cloned(),
            target: target.clone(),
        }
    }
}

/// The scopes that a caller may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scopes {
    /// Every scope, also of projects that do not exist yet.
    All,
    /// These.
    Only(BTreeSet<Scope>),
}

/// The clusters of a project that count, without failed and deleted ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectUsage {
    /// For each target and node type: the number of clusters and of their nodes.
    pub parts: Vec<UsagePart>,
}

/// The clusters of a project in one target with one node type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsagePart {
    /// The target.
    pub target: TargetName,
    /// The node type.
    pub node_type: String,
    /// Number of clusters.
    pub clusters: i64,
    /// Number of their nodes. During a scale, the larger of the numbers before and after.
    pub nodes: i64,
}
