//! Spec: the accepted, validated input of an operation. It never changes while the operation runs.
//!
//! A spec is stored as JSON with its operation, so its serde names are part of the database schema.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::{ChangeSpec, RebootSpec};
use super::ingress::IngressSpec;
use super::inventory::ResourceKind;
use super::names::ClusterName;
use super::observed::Observed;
use super::operation::Kind;
use crate::domain::iam::policies::{Access, Tables};

/// The input of an operation, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Spec {
    /// Create a cluster and the resources it needs.
    CreateCluster(Box<ClusterSpec>),
    /// Delete a cluster and the resources that were created for it.
    DeleteCluster(DeleteSpec),
    /// Change the settings of a cluster.
    UpdateCluster(Box<ChangeSpec>),
    /// Change the number of nodes.
    ScaleCluster(Box<ChangeSpec>),
    /// Reboot nodes, one after another.
    RebootNodes(RebootSpec),
    /// Restore the desired settings where the cluster has drifted.
    RepairCluster(Box<ChangeSpec>),
    /// Start managing an existing cluster, with the settings that AWS reported for it.
    AdoptCluster(Box<ClusterSpec>),
    /// Stop managing a cluster. Nothing changes in AWS.
    ReleaseCluster,
    /// Open or close a port of a security group.
    ChangeIngress(IngressSpec),
}

impl Spec {
    /// The kind of operation that this spec belongs to.
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

    /// The desired settings after the operation, for the kinds that define them.
    pub fn desired(&self) -> Option<&ClusterSpec> {
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

    /// The settings before and after, for the kinds that change settings.
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

    /// What to do about a failure that an operator could fix.
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

/// The desired settings of a cluster, with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Name of the cluster, unique in its account and Region.
    pub name: ClusterName,
    /// Free text.
    pub description: Option<String>,
    /// Node type, such as `dax.r5.large`.
    pub node_type: String,
    /// Number of nodes, 1 to 11.
    pub replication_factor: u8,
    /// One Availability Zone per node; empty lets AWS choose.
    pub availability_zones: Vec<String>,
    /// The IAM role that DAX assumes to reach DynamoDB.
    pub service_role: ServiceRole,
    /// The subnets that the nodes are placed in.
    pub subnet_group: SubnetGroup,
    /// Security group IDs; empty means the VPC's default group.
    pub security_group_ids: Vec<String>,
    /// Address family of the endpoints; `None` lets AWS derive it from the subnet group.
    pub network_type: Option<NetworkType>,
    /// The cache settings.
    pub parameter_group: ParameterGroup,
    /// Whether the nodes' disks are encrypted. Fixed at creation.
    pub encryption_at_rest: bool,
    /// Whether clients connect with TLS. Fixed at creation.
    pub encryption_in_transit: bool,
    /// Weekly maintenance window in UTC, as `ddd:hh24:mi-ddd:hh24:mi`; `None` lets AWS choose.
    pub maintenance_window: Option<String>,
    /// ARN of the SNS topic that receives DAX's events.
    pub notification_topic_arn: Option<String>,
    /// The caller's tags, without the ownership tags that this service adds.
    pub tags: BTreeMap<String, String>,
    /// Whether requests to delete the cluster are rejected.
    pub deletion_protection: bool,
    /// What to do about a failure that an operator could fix.
    pub on_failure: OnFailure,
}

impl ClusterSpec {
    /// Whether AWS reports the parameter group that this spec names.
    ///
    /// Always false for a new group: its name is in the inventory, not in the spec.
    pub fn names_parameter_group_of(&self, observed: &Observed) -> bool {
        let reported = observed.parameter_group.as_deref().unwrap_or_default();
        match &self.parameter_group {
            ParameterGroup::Existing { name } => name == reported,
            ParameterGroup::Default => reported.starts_with("default."),
            ParameterGroup::New { .. } => false,
        }
    }
}

/// The service role: the IAM role that DAX assumes to reach DynamoDB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum ServiceRole {
    /// A role that exists already. This service never changes or deletes it.
    #[serde(rename = "given")]
    Existing {
        /// ARN of the role.
        arn: String,
    },
    /// A role that the operation creates, limited to these tables.
    #[serde(rename = "made")]
    New {
        /// What the role may do with the tables.
        access: Access,
        /// The DynamoDB tables that the role may reach.
        tables: Tables,
    },
    /// The only role in the account that trusts DAX, found by the same rules as in the AWS console.
    #[serde(rename = "found")]
    Discover {
        /// If no such role exists, create one with this access to all tables; `None` blocks
        /// instead. Set by the operator, not by the request.
        default_access: Option<Access>,
    },
}

/// The subnet group: the subnets that the nodes are placed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum SubnetGroup {
    /// A group that exists already. This service never changes or deletes it.
    #[serde(rename = "given")]
    Existing {
        /// Name of the group, lower case.
        name: String,
    },
    /// A group that the operation creates from these subnets.
    #[serde(rename = "made")]
    New {
        /// IDs of the subnets.
        subnet_ids: BTreeSet<String>,
    },
    /// A group that the operation creates from the suitable subnets of a VPC, as
    /// [`choose_subnets`](super::network::choose_subnets) selects them.
    OfVpc {
        /// ID of the VPC.
        vpc_id: String,
    },
    /// The account's group named `default`.
    Default,
}

/// The parameter group: the cache settings of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum ParameterGroup {
    /// A group that exists already. This service never changes or deletes it.
    #[serde(rename = "given")]
    Existing {
        /// Name of the group.
        name: String,
    },
    /// A group that the operation creates with these values.
    #[serde(rename = "made")]
    New {
        /// Decimal values by AWS's parameter names: `record-ttl-millis`, `query-ttl-millis`.
        values: BTreeMap<String, String>,
    },
    /// AWS's default group.
    Default,
}

/// Address family of a cluster's endpoints. Fixed at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum NetworkType {
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// IPv4 and IPv6.
    DualStack,
}

impl NetworkType {
    /// The name that AWS and the API use.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What an operation does about a failure that an operator could fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OnFailure {
    /// Block, report the cause, and resume once it is fixed.
    Hold,
    /// Delete what the operation created, then end `failed`.
    RollBack,
}

/// Which created resources a delete keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteSpec {
    /// Kinds to keep: `Role` (with its policies), `SubnetGroup`, `ParameterGroup`.
    pub retain: Vec<ResourceKind>,
}

impl DeleteSpec {
    /// Whether resources of this kind are kept. A retained role keeps its policies.
    pub fn retains(&self, kind: ResourceKind) -> bool {
        let listed = if kind == ResourceKind::Policy {
            ResourceKind::Role
        } else {
            kind
        };
        self.retain.contains(&listed)
    }
}
