//! Mutation: one AWS call that changes something, as data. It is committed as an intent before it is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::inventory::ResourceKind;

/// One mutating AWS call: service, operation, exact names, body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Mutation {
    /// iam CreateRole.
    CreateRole {
        /// Role name.
        name: String,
        /// IAM path.
        path: String,
        /// Trust policy, compact JSON.
        trust_policy: String,
        /// Permissions boundary ARN.
        permissions_boundary: Option<String>,
        /// What people read in the console.
        description: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// iam CreatePolicy.
    CreatePolicy {
        /// Policy name.
        name: String,
        /// IAM path.
        path: String,
        /// The policy, compact JSON.
        document: String,
        /// What people read in the console.
        description: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// iam AttachRolePolicy.
    AttachRolePolicy {
        /// Role name.
        role: String,
        /// Policy ARN.
        policy_arn: String,
    },
    /// iam CreateServiceLinkedRole for DAX.
    CreateServiceLinkedRole,
    /// dax CreateSubnetGroup.
    CreateSubnetGroup {
        /// Group name.
        name: String,
        /// Evidence.
        description: String,
        /// Subnets.
        subnet_ids: BTreeSet<String>,
    },
    /// dax CreateParameterGroup.
    CreateParameterGroup {
        /// Group name.
        name: String,
        /// Evidence.
        description: String,
    },
    /// dax UpdateParameterGroup.
    UpdateParameterGroup {
        /// Group name.
        name: String,
        /// Values by AWS's parameter names.
        values: BTreeMap<String, String>,
    },
    /// dax CreateCluster.
    CreateCluster(Box<NewCluster>),
    /// dax DeleteCluster.
    DeleteCluster {
        /// Cluster name.
        name: String,
    },
    /// dax DeleteSubnetGroup.
    DeleteSubnetGroup {
        /// Group name.
        name: String,
    },
    /// dax DeleteParameterGroup.
    DeleteParameterGroup {
        /// Group name.
        name: String,
    },
    /// iam DetachRolePolicy.
    DetachRolePolicy {
        /// Role name.
        role: String,
        /// Policy ARN.
        policy_arn: String,
    },
    /// iam DeletePolicy.
    DeletePolicy {
        /// Policy ARN.
        arn: String,
    },
    /// iam DeleteRole.
    DeleteRole {
        /// Role name.
        name: String,
    },
}

/// The body of CreateCluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCluster {
    /// Cluster name, lower case.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Node type.
    pub node_type: String,
    /// Number of nodes.
    pub replication_factor: u8,
    /// One zone for each node, or none.
    pub availability_zones: Vec<String>,
    /// Service role ARN.
    pub iam_role_arn: String,
    /// Subnet group name.
    pub subnet_group: String,
    /// Security groups, or none.
    pub security_group_ids: Vec<String>,
    /// Address family: `ipv4`, `ipv6`, `dual_stack`.
    pub network_type: Option<String>,
    /// Parameter group name; none for AWS's default.
    pub parameter_group: Option<String>,
    /// Encryption of the nodes' disks.
    pub encryption_at_rest: bool,
    /// TLS.
    pub encryption_in_transit: bool,
    /// Maintenance window.
    pub maintenance_window: Option<String>,
    /// SNS topic.
    pub notification_topic_arn: Option<String>,
    /// Tags, ours among them.
    pub tags: BTreeMap<String, String>,
}

impl Mutation {
    /// The AWS service: `iam` or `dax`.
    pub fn service(&self) -> &'static str {
        self.call().0
    }

    /// The AWS operation, such as `CreateRole`.
    pub fn operation(&self) -> &'static str {
        self.call().1
    }

    /// The exact name or ARN of what the call changes.
    pub fn target(&self) -> &str {
        match self {
            Self::CreateRole { name, .. }
            | Self::CreatePolicy { name, .. }
            | Self::CreateSubnetGroup { name, .. }
            | Self::CreateParameterGroup { name, .. }
            | Self::UpdateParameterGroup { name, .. }
            | Self::DeleteCluster { name }
            | Self::DeleteSubnetGroup { name }
            | Self::DeleteParameterGroup { name }
            | Self::DeleteRole { name } => name,
            Self::AttachRolePolicy { policy_arn, .. } | Self::DetachRolePolicy { policy_arn, .. } => policy_arn,
            Self::DeletePolicy { arn } => arn,
            Self::CreateServiceLinkedRole => SERVICE_LINKED_ROLE,
            Self::CreateCluster(cluster) => &cluster.name,
        }
    }

    /// What the call makes, for those that make something of ours: the kind and the name.
    pub fn makes(&self) -> Option<(ResourceKind, &str)> {
        match self {
            Self::CreateRole { name, .. } => Some((ResourceKind::Role, name)),
            Self::CreatePolicy { name, .. } => Some((ResourceKind::Policy, name)),
            Self::CreateSubnetGroup { name, .. } => Some((ResourceKind::SubnetGroup, name)),
            Self::CreateParameterGroup { name, .. } => Some((ResourceKind::ParameterGroup, name)),
            Self::CreateCluster(cluster) => Some((ResourceKind::Cluster, &cluster.name)),
            Self::AttachRolePolicy { .. }
            | Self::CreateServiceLinkedRole
            | Self::UpdateParameterGroup { .. }
            | Self::DeleteCluster { .. }
            | Self::DeleteSubnetGroup { .. }
            | Self::DeleteParameterGroup { .. }
            | Self::DetachRolePolicy { .. }
            | Self::DeletePolicy { .. }
            | Self::DeleteRole { .. } => None,
        }
    }

    fn call(&self) -> (&'static str, &'static str) {
        match self {
            Self::CreateRole { .. } => ("iam", "CreateRole"),
            Self::CreatePolicy { .. } => ("iam", "CreatePolicy"),
            Self::AttachRolePolicy { .. } => ("iam", "AttachRolePolicy"),
            Self::CreateServiceLinkedRole => ("iam", "CreateServiceLinkedRole"),
            Self::CreateSubnetGroup { .. } => ("dax", "CreateSubnetGroup"),
            Self::CreateParameterGroup { .. } => ("dax", "CreateParameterGroup"),
            Self::UpdateParameterGroup { .. } => ("dax", "UpdateParameterGroup"),
            Self::CreateCluster(_) => ("dax", "CreateCluster"),
            Self::DeleteCluster { .. } => ("dax", "DeleteCluster"),
            Self::DeleteSubnetGroup { .. } => ("dax", "DeleteSubnetGroup"),
            Self::DeleteParameterGroup { .. } => ("dax", "DeleteParameterGroup"),
            Self::DetachRolePolicy { .. } => ("iam", "DetachRolePolicy"),
            Self::DeletePolicy { .. } => ("iam", "DeletePolicy"),
            Self::DeleteRole { .. } => ("iam", "DeleteRole"),
        }
    }
}

/// Name of the service-linked role of DAX (developer guide, "Using service-linked roles for DAX").
pub const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForDAX";
