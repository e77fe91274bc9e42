//! Mutation: one AWS call that changes something, as data. It is committed as an intent before it is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ingress::Ingress;
use super::inventory::ResourceKind;

use bodies::{ClusterUpdate, NewCluster};

pub mod bodies;

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
    /// dax UpdateCluster.
    UpdateCluster(Box<ClusterUpdate>),
    /// dax IncreaseReplicationFactor.
    IncreaseReplicationFactor {
        /// Cluster name.
        name: String,
        /// Nodes there shall be.
        count: u8,
        /// One zone for each new node, or none.
        availability_zones: Vec<String>,
    },
    /// dax DecreaseReplicationFactor.
    DecreaseReplicationFactor {
        /// Cluster name.
        name: String,
        /// Nodes there shall be.
        count: u8,
        /// One zone for each removed node, or none.
        availability_zones: Vec<String>,
        /// The nodes to remove, or none.
        node_ids: Vec<String>,
    },
    /// dax RebootNode.
    RebootNode {
        /// Cluster name.
        cluster: String,
        /// Node id.
        node_id: String,
    },
    /// dax TagResource of a cluster.
    TagCluster {
        /// Cluster ARN.
        arn: String,
        /// Tags to set.
        tags: BTreeMap<String, String>,
    },
    /// dax UntagResource of a cluster.
    UntagCluster {
        /// Cluster ARN.
        arn: String,
        /// Keys to remove.
        keys: BTreeSet<String>,
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
    /// ec2 AuthorizeSecurityGroupIngress of one port to one peer.
    AuthorizeIngress {
        /// Its name in the inventory.
        name: String,
        /// What is opened.
        ingress: Ingress,
        /// Tags of the rule.
        tags: BTreeMap<String, String>,
    },
    /// ec2 RevokeSecurityGroupIngress of one rule.
    RevokeIngress {
        /// The security group.
        security_group_id: String,
        /// The rule's ARN, which ends in its id.
        rule_arn: String,
    },
}

impl Mutation {
    /// The AWS service: `iam`, `dax` or `ec2`.
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
            | Self::IncreaseReplicationFactor { name, .. }
            | Self::DecreaseReplicationFactor { name, .. }
            | Self::DeleteSubnetGroup { name }
            | Self::DeleteParameterGroup { name }
            | Self::DeleteRole { name }
            | Self::AuthorizeIngress { name, .. } => name,
            Self::AttachRolePolicy { policy_arn, .. }
            | Self::DetachRolePolicy { policy_arn, .. } => policy_arn,
            Self::DeletePolicy { arn }
            | Self::TagCluster { arn, .. }
            | Self::UntagCluster { arn, .. } => arn,
            Self::RevokeIngress { rule_arn, .. } => rule_arn,
            Self::RebootNode { node_id, .. } => node_id,
            Self::CreateServiceLinkedRole => SERVICE_LINKED_ROLE,
            Self::CreateCluster(cluster) => &cluster.name,
            Self::UpdateCluster(update) => &update.name,
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
            Self::AuthorizeIngress { name, .. } => Some((ResourceKind::SecurityGroupRule, name)),
            Self::AttachRolePolicy { .. }
            | Self::CreateServiceLinkedRole
            | Self::UpdateParameterGroup { .. }
            | Self::DeleteCluster { .. }
            | Self::DeleteSubnetGroup { .. }
            | Self::DeleteParameterGroup { .. }
            | Self::UpdateCluster(_)
            | Self::IncreaseReplicationFactor { .. }
            | Self::DecreaseReplicationFactor { .. }
            | Self::RebootNode { .. }
            | Self::TagCluster { .. }
            | Self::UntagCluster { .. }
            | Self::DetachRolePolicy { .. }
            | Self::DeletePolicy { .. }
            | Self::DeleteRole { .. }
            | Self::RevokeIngress { .. } => None,
        }
    }

    /// `dax RebootNode orders-a`, for histories.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.service(), self.operation(), self.target())
    }

    /// `iam:CreateRole`, as IAM and the intents name the call.
    pub fn call_name(&self) -> String {
        format!("{}:{}", self.service(), self.operation())
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
            Self::UpdateCluster(_) => ("dax", "UpdateCluster"),
            Self::IncreaseReplicationFactor { .. } => ("dax", "IncreaseReplicationFactor"),
            Self::DecreaseReplicationFactor { .. } => ("dax", "DecreaseReplicationFactor"),
            Self::RebootNode { .. } => ("dax", "RebootNode"),
            Self::TagCluster { .. } => ("dax", "TagResource"),
            Self::UntagCluster { .. } => ("dax", "UntagResource"),
            Self::DetachRolePolicy { .. } => ("iam", "DetachRolePolicy"),
            Self::DeletePolicy { .. } => ("iam", "DeletePolicy"),
            Self::DeleteRole { .. } => ("iam", "DeleteRole"),
            Self::AuthorizeIngress { .. } => ("ec2", "AuthorizeSecurityGroupIngress"),
            Self::RevokeIngress { .. } => ("ec2", "RevokeSecurityGroupIngress"),
        }
    }
}

/// Name of the service-linked role of DAX (developer guide, "Using service-linked roles for DAX").
pub const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForDAX";
