//! Spec: the accepted, validated description of what an operation shall do. It never changes within an operation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::{ChangeSpec, RebootSpec};
use super::ingress::IngressSpec;
use super::inventory::ResourceKind;
use super::names::ClusterName;
use super::observed::Observed;
use super::operation::Kind;
use crate::domain::iam::policies::{Access, Tables};

/// What an operation shall do, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Spec {
    /// Make a cluster and what it needs.
    CreateCluster(Box<ClusterSpec>),
    /// Remove a cluster and what was made for it.
    DeleteCluster(DeleteSpec),
    /// Change settings.
    UpdateCluster(Box<ChangeSpec>),
    /// Change the number of nodes.
    ScaleCluster(Box<ChangeSpec>),
    /// Reboot nodes.
    RebootNodes(RebootSpec),
    /// Bring what drifted back to the desired settings.
    RepairCluster(Box<ChangeSpec>),
    /// Take an existing cluster under management, with the settings it was seen with.
    AdoptCluster(Box<ClusterSpec>),
    /// Forget a cluster.
    ReleaseCluster,
    /// Let clients in, or no longer.
    ChangeIngress(IngressSpec),
}

impl Spec {
    /// The kind of operation it is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::CreateCluster(_) => Kind::CreateCluster,
            Self::DeleteCluster(_) => Kind::DeleteCluster,
            Self::UpdateCluster(_) => Kind::UpdateCluster,
            Self::ScaleCluster(_) => Kind::ScaleCluster,
            Self::RebootNodes(_) => Kind::RebootNodes,
            Self::RepairCluster(_) => Kind::RepairCluster,
            Self::AdoptCluster(_) => Kind::AdoptCluster,
            Self::ReleaseCluster => Kind::ReleaseCluster,
            Self::ChangeIngress(_) => Kind::ChangeIngress,
        }
    }

    /// The cluster as it shall be, where the operation says so.
    pub fn wanted(&self) -> Option<&ClusterSpec> {
        match self {
            Self::CreateCluster(spec) | Self::AdoptCluster(spec) => Some(spec),
            Self::UpdateCluster(change)
            | Self::ScaleCluster(change)
            | Self::RepairCluster(change) => Some(&change.after),
            Self::DeleteCluster(_)
            | Self::RebootNodes(_)
            | Self::ReleaseCluster
            | Self::ChangeIngress(_) => None,
        }
    }

    /// The change of settings, for the kinds that are one.
    pub fn change(&self) -> Option<&ChangeSpec> {
        match self {
            Self::UpdateCluster(change)
            | Self::ScaleCluster(change)
            | Self::RepairCluster(change) => Some(change),
            Self::CreateCluster(_)
            | Self::DeleteCluster(_)
            | Self::RebootNodes(_)
            | Self::AdoptCluster(_)
            | Self::ReleaseCluster
            | Self::ChangeIngress(_) => None,
        }
    }

    /// What to do when something goes wrong that a person could cure.
    pub fn on_failure(&self) -> OnFailure {
        match self {
            Self::CreateCluster(spec) => spec.on_failure,
            Self::UpdateCluster(change)
            | Self::ScaleCluster(change)
            | Self::RepairCluster(change) => change.after.on_failure,
            Self::DeleteCluster(_)
            | Self::RebootNodes(_)
            | Self::AdoptCluster(_)
            | Self::ReleaseCluster
            | Self::ChangeIngress(_) => OnFailure::Hold,
        }
    }
}

/// The wanted cluster, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name.
    pub name: ClusterName,
    /// Free text.
    pub description: Option<String>,
    /// Node type, such as `dax.r5.large`.
    pub node_type: String,
    /// Number of nodes, 1 to 11.
    pub replication_factor: u8,
    /// One zone for each node, or none to let AWS choose.
    pub availability_zones: Vec<String>,
    /// The role DAX uses to reach DynamoDB.
    pub service_role: ServiceRole,
    /// Where the nodes are placed.
    pub subnet_group: SubnetGroup,
    /// Security groups; none means the VPC's default group.
    pub security_group_ids: Vec<String>,
    /// Address family; none means derived from the subnet group.
    pub network_type: Option<NetworkType>,
    /// Cache settings.
    pub parameter_group: ParameterGroup,
    /// Encryption of the nodes' disks.
    pub encryption_at_rest: bool,
    /// TLS between clients and nodes.
    pub encryption_in_transit: bool,
    /// `ddd:hh24:mi-ddd:hh24:mi`, UTC.
    pub maintenance_window: Option<String>,
    /// SNS topic for DAX's events.
    pub notification_topic_arn: Option<String>,
    /// The caller's tags.
    pub tags: BTreeMap<String, String>,
    /// Whether DELETE is refused.
    pub deletion_protection: bool,
    /// What to do when something goes wrong that a person could cure.
    pub on_failure: OnFailure,
}

impl ClusterSpec {
    /// Whether the cluster has the parameter group that is named here; one of ours is known by the inventory only.
    pub fn has_group_of(&self, seen: &Observed) -> bool {
        let found = seen.parameter_group.as_deref().unwrap_or_default();
        match &self.parameter_group {
            ParameterGroup::Existing { name } => name == found,
            ParameterGroup::Default => found.starts_with("default."),
            ParameterGroup::New { .. } => false,
        }
    }
}

/// Which role DAX shall use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum ServiceRole {
    /// This one; it is not ours.
    #[serde(rename = "given")]
    Existing {
        /// Its ARN.
        arn: String,
    },
    /// A new one, limited to these tables.
    #[serde(rename = "made")]
    New {
        /// What it may do.
        access: Access,
        /// On which tables.
        tables: Tables,
    },
    /// The one role of the account that trusts DAX, as the console looks for it; a new one only if the operator set a
    /// default access.
    #[serde(rename = "found")]
    Discover {
        /// What a new role may do on all tables, if none is found.
        default_access: Option<Access>,
    },
}

/// Which subnet group the cluster shall use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum SubnetGroup {
    /// This one; it is not ours.
    #[serde(rename = "given")]
    Existing {
        /// Its name, lower case.
        name: String,
    },
    /// A new one of these subnets.
    #[serde(rename = "made")]
    New {
        /// The subnets.
        subnet_ids: BTreeSet<String>,
    },
    /// A new one of the subnets of this VPC that suit the cluster.
    OfVpc {
        /// The VPC.
        vpc_id: String,
    },
    /// The account's group named `default`.
    Default,
}

/// Which parameter group the cluster shall use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum ParameterGroup {
    /// This one; it is not ours.
    #[serde(rename = "given")]
    Existing {
        /// Its name.
        name: String,
    },
    /// A new one with these values, by AWS's names (`record-ttl-millis`, `query-ttl-millis`).
    #[serde(rename = "made")]
    New {
        /// Values as AWS takes them: decimal text.
        values: BTreeMap<String, String>,
    },
    /// AWS's default group.
    Default,
}

/// Address family of a cluster's endpoints. It cannot change after creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkType {
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// Both.
    DualStack,
}

impl NetworkType {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::DualStack => "dual_stack",
        }
    }

    /// Reads AWS's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ipv4, Self::Ipv6, Self::DualStack]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What to do when something goes wrong that a person could cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Stop, explain, and go on when the cause is gone.
    Hold,
    /// Undo what was made.
    RollBack,
}

/// What a delete shall leave in place, although we made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteSpec {
    /// Kinds of things to leave: role (with its policies), subnet group, parameter group.
    pub retain: Vec<ResourceKind>,
}

impl DeleteSpec {
    /// Whether things of this kind stay. A retained role keeps its policies.
    pub fn retains(&self, kind: ResourceKind) -> bool {
        let asked = if kind == ResourceKind::Policy {
            ResourceKind::Role
        } else {
            kind
        };
        self.retain.contains(&asked)
    }
}
