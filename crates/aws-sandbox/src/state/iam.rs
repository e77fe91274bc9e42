//! IAM's entities: roles and managed policies.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::state::Tag;

/// A role with everything that hangs on it.
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
    /// When the last change will have reached the services that assume the role.
    pub(crate) assumable_at: DateTime<Utc>,
    /// Made for a service, and only that service changes it.
    pub(crate) service_linked: bool,
}

/// One version of a managed policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) number: u32,
    pub(crate) document: String,
    pub(crate) created_at: DateTime<Utc>,
}

/// A managed policy: the customer's, or AWS's where `builtin`.
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
    /// The document in force.
    pub(crate) fn document(&self) -> &str {
        let default = self
            .versions
            .iter()
            .find(|version| version.number == self.default_version);
        default.map_or("", |version| version.document.as_str())
    }
}
