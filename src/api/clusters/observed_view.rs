//! The observed state of a cluster in API responses, with AWS's own values.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::observed;

/// A cluster as AWS reported it. A value that AWS did not report is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObservedCluster {
    /// Status in AWS; null late in a deletion.
    #[schema(example = "available")]
    status: Option<String>,
    /// ARN of the cluster.
    arn: Option<String>,
    /// Description of the cluster.
    description: Option<String>,
    /// Instance type of the nodes.
    #[schema(example = "dax.r5.large")]
    node_type: Option<String>,
    /// Number of nodes that the cluster should have.
    total_nodes: Option<i32>,
    /// Number of nodes that serve requests.
    active_nodes: Option<i32>,
    /// The nodes; empty while the cluster is being created or deleted.
    nodes: Vec<ObservedNode>,
    /// IDs of nodes that apply the values of the parameter group at their next reboot.
    node_ids_to_reboot: Vec<String>,
    /// ARN of the service role.
    iam_role_arn: Option<String>,
    /// Name of the subnet group.
    subnet_group: Option<String>,
    /// Name of the parameter group.
    parameter_group: Option<String>,
    /// Whether the nodes have applied the values of the parameter group: `in-sync`, or another
    /// status of AWS.
    #[schema(example = "in-sync")]
    parameter_apply_status: Option<String>,
    /// IDs of the security groups.
    security_group_ids: Vec<String>,
    /// Weekly maintenance window, in UTC.
    #[schema(example = "sun:05:00-sun:06:00")]
    maintenance_window: Option<String>,
    /// ARN of the SNS topic that receives DAX events; null if there is none.
    notification_topic_arn: Option<String>,
    /// Address family of the cluster's endpoint.
    network_type: Option<String>,
    /// Whether the disks of the nodes are encrypted.
    encryption_at_rest: Option<bool>,
    /// Whether connections to the cluster are encrypted.
    encryption_in_transit: Option<bool>,
    /// Time of the read from AWS.
    observed_at: Option<DateTime<Utc>>,
}

/// A node as AWS reported it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObservedNode {
    /// ID of the node.
    #[schema(example = "orders-cache-a")]
    node_id: Option<String>,
    /// Status in AWS.
    #[schema(example = "available")]
    status: Option<String>,
    /// Availability zone of the node.
    #[schema(example = "us-east-1a")]
    availability_zone: Option<String>,
}

impl ObservedCluster {
    pub(crate) fn of(observed: observed::Observed, observed_at: Option<DateTime<Utc>>) -> Self {
        let nodes = observed.nodes.into_iter().map(|node| ObservedNode {
            node_id: node.node_id,
            status: node.status,
            availability_zone: node.availability_zone,
        });
        Self {
            status: observed.status,
            arn: observed.arn,
            description: observed.description,
            node_type: observed.node_type,
            total_nodes: observed.total_nodes,
            active_nodes: observed.active_nodes,
            nodes: nodes.collect(),
            node_ids_to_reboot: observed.node_ids_to_reboot,
            iam_role_arn: observed.iam_role_arn,
            subnet_group: observed.subnet_group,
            parameter_group: observed.parameter_group,
            parameter_apply_status: observed.parameter_apply_status,
            security_group_ids: observed.security_group_ids.into_iter().collect(),
            maintenance_window: observed.maintenance_window,
            notification_topic_arn: observed.notification_topic_arn,
            network_type: observed.network_type,
            encryption_at_rest: observed.encryption_at_rest,
            encryption_in_transit: observed.encryption_in_transit,
            observed_at,
        }
    }
}
