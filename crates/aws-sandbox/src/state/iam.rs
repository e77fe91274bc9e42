//! Entities of IAM: roles and managed policies.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::state::Tag;

/// A role with its policies, boundary and tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created_at: DateTime<Utc>,
    /// The trust policy, as it was sent.
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: u32,
    /// The ARN of the permissions boundary.
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Vec<Tag>,
    /// ARNs of managed policies, in the order of attachment.
    pub(crate) attached: Vec<String>,
    /// Inline policies: name and document.
    pub(crate) inline: BTreeMap<String, String>,
    /// When the last change has propagated to the services that assume the role.
    pub(crate) assumable_at: DateTime<Utc>,
    /// Whether only the linked service can change the role.
    pub(crate) service_linked: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) number: u32,
    pub(crate) document: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A customer managed policy, or an AWS managed policy if `builtin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ManagedPolicy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) tags: Vec<Tag>,
    /// Oldest first.
    pub(crate) versions: Vec<PolicyVersion>,
    pub(crate) default_version: u32,
    pub(crate) next_version: u32,
    pub(crate) builtin: bool,
}

impl ManagedPolicy {
    /// The document of the default version.
    pub(crate) fn document(&self) -> &str {
        let default = self
            .versions
            .iter()
            .find(|version| version.number == self.default_version);
        default.map_or("", |version| version.document.as_str())
    }
}
