//! Inventory: the AWS resources that this service created or uses for a cluster.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of an AWS resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
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
    /// An inbound rule of a security group; [`super::ingress::Ingress::name`] gives its name.
    SecurityGroupRule,
}

impl ResourceKind {
    /// The call that deletes a resource of this kind. `None` if this service never deletes one.
    pub fn delete_call(self) -> Option<&'static str> {
        match self {
            Self::Role => Some("iam:DeleteRole"),
            Self::Policy => Some("iam:DeletePolicy"),
            Self::ServiceLinkedRole => None,
            Self::SubnetGroup => Some("dax:DeleteSubnetGroup"),
            Self::ParameterGroup => Some("dax:DeleteParameterGroup"),
            Self::Cluster => Some("dax:DeleteCluster"),
            Self::SecurityGroupRule => Some("ec2:RevokeSecurityGroupIngress"),
        }
    }

    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether this service manages a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Owner {
    /// Created or adopted by this service, and deleted with its cluster.
    Managed,
    /// Created outside of this service, and never deleted by it.
    External,
}

impl Owner {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether a resource of the inventory exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Presence {
    /// It exists.
    Present,
    /// It was deleted, and AWS confirmed that it no longer exists.
    Gone,
    /// It was left in AWS on purpose; the item's `reason` states why.
    Left,
}

impl Presence {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One row of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Exact name in AWS.
    pub name: String,
    /// ARN; `None` for subnet and parameter groups, which have none.
    pub arn: Option<String>,
    /// Whether this service manages the resource.
    pub owner: Owner,
    /// Whether the resource exists.
    pub presence: Presence,
    /// Why the resource was left in AWS.
    pub reason: Option<String>,
    /// The operation named by its ownership tags or description, or the first one that used it.
    pub operation_id: Uuid,
    /// When the row was first written, by the database's clock; `None` until it is written.
    pub recorded_at: Option<DateTime<Utc>>,
}

impl Item {
    /// A resource that an operation created or adopted.
    pub fn managed(
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

    /// A resource that an operation uses, created outside of this service.
    pub fn external(
        kind: ResourceKind,
        name: impl Into<String>,
        arn: Option<String>,
        operation_id: Uuid,
    ) -> Self {
        Self {
            owner: Owner::External,
            ..Self::managed(kind, name, arn, operation_id)
        }
    }

    /// The same resource after its deletion.
    pub fn gone(&self) -> Self {
        Self {
            presence: Presence::Gone,
            reason: None,
            ..self.clone()
        }
    }

    /// The same resource, left in AWS for this reason.
    pub fn left(&self, reason: impl Into<String>) -> Self {
        Self {
            presence: Presence::Left,
            reason: Some(reason.into()),
            ..self.clone()
        }
    }

    /// Whether this service manages the resource and has neither deleted nor left it.
    pub fn is_managed_and_present(&self) -> bool {
        self.owner == Owner::Managed && self.presence == Presence::Present
    }
}
