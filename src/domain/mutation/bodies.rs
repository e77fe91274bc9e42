//! Parameters of `CreateCluster` and `UpdateCluster`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::validation::typed::{
    AvailabilityZone, MaintenanceWindow, NodeType, RoleArn, SecurityGroupId, TopicArn,
};

/// The parameters of `CreateCluster`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCluster {
    /// Cluster name, lower case.
    pub name: String,
    /// Free text shown in the AWS console.
    pub description: Option<String>,
    /// Node type, such as `dax.r5.large`.
    pub node_type: NodeType,
    /// Number of nodes.
    pub replication_factor: u8,
    /// One Availability Zone per node; empty lets AWS choose.
    pub availability_zones: Vec<AvailabilityZone>,
    /// Service role ARN.
    pub iam_role_arn: RoleArn,
    /// Subnet group name.
    pub subnet_group: String,
    /// Security group IDs; empty means the VPC's default group.
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Address family: `ipv4`, `ipv6` or `dual_stack`; `None` lets AWS choose.
    pub network_type: Option<String>,
    /// Parameter group name; `None` means AWS's default.
    pub parameter_group: Option<String>,
    /// Whether the nodes' disks are encrypted.
    pub encryption_at_rest: bool,
    /// Whether clients connect with TLS.
    pub encryption_in_transit: bool,
    /// Weekly maintenance window in UTC.
    pub maintenance_window: Option<MaintenanceWindow>,
    /// ARN of the SNS topic for events.
    pub notification_topic_arn: Option<TopicArn>,
    /// Tags, with the ownership tags.
    pub tags: BTreeMap<String, String>,
}

/// The parameters of `UpdateCluster`. A member that is `None` does not change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterUpdate {
    /// Cluster name.
    pub name: String,
    /// Free text; an empty string removes it.
    pub description: Option<String>,
    /// Weekly maintenance window in UTC.
    pub maintenance_window: Option<MaintenanceWindow>,
    /// ARN of the SNS topic for events.
    pub notification_topic_arn: Option<TopicArn>,
    /// Whether DAX publishes to the topic: `active` or `inactive`.
    pub notification_topic_status: Option<String>,
    /// Parameter group name.
    pub parameter_group: Option<String>,
    /// IDs of all security groups that the cluster then has.
    pub security_group_ids: Option<BTreeSet<SecurityGroupId>>,
}

impl ClusterUpdate {
    /// Whether the call would change nothing.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                name: self.name.clone(),
                ..Self::default()
            }
    }
}
