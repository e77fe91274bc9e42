//! Inventory: what exists in AWS because of us, or is used by us.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of a thing in AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// An IAM role that DAX assumes.
    Role,
    /// A customer managed IAM policy.
    Policy,
    /// The account's service-linked role for DAX.
    ServiceLinkedRole,
    /// A DAX subnet group.
    SubnetGroup,
    /// A DAX parameter group.
    ParameterGroup,
    /// A DAX cluster.
    Cluster,
    /// A rule of a security group that lets clients in, named by [`super::ingress::Ingress::name`].
    SecurityGroupRule,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Role,
        Self::Policy,
        Self::ServiceLinkedRole,
        Self::SubnetGroup,
        Self::ParameterGroup,
        Self::Cluster,
        Self::SecurityGroupRule,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Policy => "policy",
            Self::ServiceLinkedRole => "service_linked_role",
            Self::SubnetGroup => "subnet_group",
            Self::ParameterGroup => "parameter_group",
            Self::Cluster => "cluster",
            Self::SecurityGroupRule => "security_group_rule",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Whether we made a thing or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// We made it, and delete it with its cluster.
    Managed,
    /// It was found or given; we never delete it.
    External,
}

impl Owner {
    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::External => "external",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Managed, Self::External]
            .into_iter()
            .find(|owner| owner.as_str() == word)
    }
}

/// Where a thing of the inventory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It exists.
    Present,
    /// We deleted it, and AWS confirmed that it is gone.
    Gone,
    /// It was left on purpose, for the reason given beside it.
    Left,
}

impl Presence {
    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Gone => "gone",
            Self::Left => "left",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Present, Self::Gone, Self::Left]
            .into_iter()
            .find(|presence| presence.as_str() == word)
    }
}

/// One row of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ResourceKind,
    /// Its exact name in AWS.
    pub name: String,
    /// Its ARN, where AWS gives one (subnet and parameter groups have none).
    pub arn: Option<String>,
    /// Who made it.
    pub owner: Owner,
    /// Where it stands.
    pub presence: Presence,
    /// Why it was left.
    pub reason: Option<String>,
    /// The operation whose evidence (tags, description) it carries, or which first used it.
    pub operation_id: Uuid,
    /// When this row was first written, by the database's clock; `None` before it is.
    pub recorded_at: Option<DateTime<Utc>>,
}

impl Item {
    /// A thing that an operation made.
    pub fn made(
        kind: ResourceKind,
        name: impl Into<String>,
        arn: Option<String>,
        operation_id: Uuid,
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            arn,
            owner: Owner::Managed,
            presence: Presence::Present,
            reason: None,
            operation_id,
            recorded_at: None,
        }
    }

    /// A thing that was found or given.
    pub fn found(
        kind: ResourceKind,
        name: impl Into<String>,
        arn: Option<String>,
        operation_id: Uuid,
    ) -> Self {
        Self {
            owner: Owner::External,
            ..Self::made(kind, name, arn, operation_id)
        }
    }

    /// The same thing, now gone.
    pub fn gone(&self) -> Self {
        Self {
            presence: Presence::Gone,
            reason: None,
            ..self.clone()
        }
    }

    /// The same thing, left for a reason.
    pub fn left(&self, reason: impl Into<String>) -> Self {
        Self {
            presence: Presence::Left,
            reason: Some(reason.into()),
            ..self.clone()
        }
    }

    /// Whether this is a thing of ours that still exists as far as we know.
    pub fn is_managed_and_present(&self) -> bool {
        self.owner == Owner::Managed && self.presence == Presence::Present
    }
}
