//! Mutation: one AWS call that changes a resource, as data. It is committed as an intent before it
//! is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ingress::Ingress;
use super::inventory::ResourceKind;
use crate::domain::validation::typed::{AvailabilityZone, SecurityGroupId, SubnetId};

use bodies::{ClusterUpdate, NewCluster};

pub mod bodies;

/// One mutating AWS call, with exact names and all parameters. Stored as JSON in its intent.
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
        /// Description shown in the AWS console.
        description: String,
        /// Tags, with the ownership tags.
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
        /// Description shown in the AWS console.
        description: String,
        /// Tags, with the ownership tags.
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
        /// Ownership evidence: subnet groups cannot be tagged.
        description: String,
        /// IDs of the subnets.
        subnet_ids: BTreeSet<SubnetId>,
    },
    /// dax CreateParameterGroup.
    CreateParameterGroup {
        /// Group name.
        name: String,
        /// Ownership evidence: parameter groups cannot be tagged.
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
        /// Number of nodes after the call.
        count: u8,
        /// One Availability Zone per new node; empty lets AWS choose.
        availability_zones: Vec<AvailabilityZone>,
    },
    /// dax DecreaseReplicationFactor.
    DecreaseReplicationFactor {
        /// Cluster name.
        name: String,
        /// Number of nodes after the call.
        count: u8,
        /// One Availability Zone per removed node; empty lets AWS choose.
        availability_zones: Vec<AvailabilityZone>,
        /// IDs of the nodes to remove; empty lets AWS choose.
        node_ids: Vec<String>,
    },
    /// dax RebootNode.
    RebootNode {
        /// Cluster name.
        cluster: String,
        /// Node ID.
        node_id: String,
    },
    /// dax TagResource of a cluster.
    TagCluster {
        /// Cluster ARN.
        arn: String,
        /// Tags to add or overwrite.
        tags: BTreeMap<String, String>,
    },
    /// dax UntagResource of a cluster.
    UntagCluster {
        /// Cluster ARN.
        arn: String,
        /// Tag keys to remove.
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
        /// Inventory name of the rule.
        name: String,
        /// Security group, port and peer.
        ingress: Ingress,
        /// Tags of the rule, with the ownership tags.
        tags: BTreeMap<String, String>,
    },
    /// ec2 RevokeSecurityGroupIngress of one rule.
    RevokeIngress {
        /// Security group ID.
        security_group_id: SecurityGroupId,
        /// ARN of the rule, which ends in its ID.
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

    /// The exact name, ID or ARN of the resource that the call changes.
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

    /// The kind and name of the resource that the call creates, for the calls that create a managed
    /// resource.
    pub fn creates(&self) -> Option<(ResourceKind, &str)> {
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

    /// The call in one line, such as `dax RebootNode orders-a`.
    pub fn summary(&self) -> String {
        format!("{} {} {}", self.service(), self.operation(), self.target())
    }

    /// The name of the call in IAM policies and intents, such as `iam:CreateRole`.
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

/// Name of DAX's service-linked role (developer guide, "Using service-linked roles for DAX").
pub const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForDAX";
