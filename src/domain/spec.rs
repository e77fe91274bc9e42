//! Spec: the accepted, validated input of an operation. It never changes while the operation runs.
//!
//! A spec is stored as JSON with its operation, so its serde names are part of the database schema.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::change::{ChangeSpec, RebootSpec};
use super::ingress::IngressSpec;
use super::inventory::ResourceKind;
use super::names::ClusterName;
use super::observed::Observed;
use super::operation::Kind;
use crate::domain::iam::policies::{Access, Tables};
use crate::domain::validation::typed::{
    AvailabilityZone, MaintenanceWindow, NodeType, RoleArn, SecurityGroupId, SubnetId, TagKey,
    TopicArn, VpcId,
};

/// Format of a stored [`Spec`]. Raise it with every new field or variant: a process claims only
/// operations in a format it can read, so an old process never drops a setting it does not know.
pub const SPEC_VERSION: i32 = 3;

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
            Self::CreateCluster(spec) => spec.local.on_failure,
            Self::UpdateCluster(change)
            | Self::ScaleCluster(change)
            | Self::RepairCluster(change) => change.after.local.on_failure,
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
    pub node_type: NodeType,
    /// Number of nodes, 1 to 11.
    pub replication_factor: u8,
    /// One Availability Zone per node; empty lets AWS choose.
    pub availability_zones: Vec<AvailabilityZone>,
    /// The IAM role that DAX assumes to reach DynamoDB.
    pub service_role: ServiceRole,
    /// The subnets that the nodes are placed in.
    pub subnet_group: SubnetGroup,
    /// Security group IDs; empty means the VPC's default group.
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Address family of the endpoints; `None` lets AWS derive it from the subnet group.
    pub network_type: Option<NetworkType>,
    /// The cache settings.
    pub parameter_group: ParameterGroup,
    /// Whether the nodes' disks are encrypted. Fixed at creation.
    pub encryption_at_rest: bool,
    /// Whether clients connect with TLS. Fixed at creation.
    pub encryption_in_transit: bool,
    /// Weekly maintenance window in UTC; `None` lets AWS choose.
    pub maintenance_window: Option<MaintenanceWindow>,
    /// ARN of the SNS topic that receives DAX's events.
    pub notification_topic_arn: Option<TopicArn>,
    /// The caller's tags, without the ownership tags that this service adds.
    pub tags: BTreeMap<TagKey, String>,
    /// The settings that AWS does not store. In JSON they are members of the spec itself.
    #[serde(flatten)]
    pub local: LocalSettings,
}

/// Settings of a cluster that only this service stores. They apply from acceptance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSettings {
    /// Whether requests to delete the cluster are rejected.
    pub deletion_protection: bool,
    /// What to do about a failure that an operator could fix.
    pub on_failure: OnFailure,
    /// When the cluster is deleted, in whole seconds.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl ClusterSpec {
    /// The settings of a request that contains only the required fields, and of a service without
    /// a default access for new roles.
    pub fn with_defaults(name: ClusterName, node_type: NodeType, replication_factor: u8) -> Self {
        Self {
            name,
            description: None,
            node_type,
            replication_factor,
            availability_zones: Vec::new(),
            service_role: ServiceRole::Discover {
                default_access: None,
            },
            subnet_group: SubnetGroup::Default,
            security_group_ids: Vec::new(),
            network_type: None,
            parameter_group: ParameterGroup::Default,
            encryption_at_rest: true,
            encryption_in_transit: true,
            maintenance_window: None,
            notification_topic_arn: None,
            tags: BTreeMap::new(),
            local: LocalSettings::default(),
        }
    }

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
        arn: RoleArn,
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
        subnet_ids: BTreeSet<SubnetId>,
    },
    /// A group that the operation creates from the suitable subnets of a VPC, as
    /// [`choose_subnets`](super::network::choose_subnets) selects them.
    OfVpc {
        /// ID of the VPC.
        vpc_id: VpcId,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OnFailure {
    /// Block, report the cause, and resume once it is fixed.
    #[default]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_stored_form_of_a_spec_does_not_change() {
        let stored = json!({
            "kind": "create_cluster",
            "name": "orders",
            "description": null,
            "node_type": "dax.r5.large",
            "replication_factor": 3,
            "availability_zones": ["us-east-1a", "us-east-1b", "us-east-1a"],
            "service_role": {
                "choice": "given",
                "arn": "arn:aws:iam::123456789012:role/DaxRole",
            },
            "subnet_group": {"choice": "made", "subnet_ids": ["subnet-0a1b2c3d"]},
            "security_group_ids": ["sg-0a1b2c3d"],
            "network_type": "dual_stack",
            "parameter_group": {"choice": "default"},
            "encryption_at_rest": true,
            "encryption_in_transit": true,
            "maintenance_window": "sun:05:00-sun:06:00",
            "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:dax-events",
            "tags": {"team": "orders"},
            "deletion_protection": true,
            "on_failure": "roll_back",
            "expires_at": "2027-01-01T00:00:00Z",
        });
        let spec: Spec = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(spec.on_failure(), OnFailure::RollBack);
        assert_eq!(serde_json::to_value(spec).unwrap(), stored);
    }
}
