//! Bodies of calls that carry more than a name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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

/// The body of UpdateCluster: what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterUpdate {
    /// Cluster name.
    pub name: String,
    /// Free text; an empty one takes it away.
    pub description: Option<String>,
    /// Maintenance window.
    pub maintenance_window: Option<String>,
    /// SNS topic; set to active.
    pub notification_topic_arn: Option<String>,
    /// `active` or `inactive`.
    pub notification_topic_status: Option<String>,
    /// Parameter group name.
    pub parameter_group: Option<String>,
    /// All security groups.
    pub security_group_ids: Option<BTreeSet<String>>,
}

impl ClusterUpdate {
    /// Whether it would change nothing.
    pub fn is_empty(&self) -> bool {
        *self
            == Self {
                name: self.name.clone(),
                ..Self::default()
            }
    }
}
