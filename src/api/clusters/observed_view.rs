//! Observed view: a cluster as AWS reported it, in AWS's own terms.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::observed;

/// A cluster as AWS reported it. What AWS did not say is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObservedCluster {
    /// AWS's word; null late in a deletion.
    #[schema(example = "available")]
    status: Option<String>,
    /// Its ARN.
    arn: Option<String>,
    /// Free text.
    description: Option<String>,
    /// Which machine the nodes are.
    #[schema(example = "dax.r5.large")]
    node_type: Option<String>,
    /// Nodes the cluster should have.
    total_nodes: Option<i32>,
    /// Nodes that serve.
    active_nodes: Option<i32>,
    /// The nodes; none while creating and deleting.
    nodes: Vec<ObservedNode>,
    /// Nodes that take the values of the parameter group with their next reboot.
    node_ids_to_reboot: Vec<String>,
    /// The role it uses.
    iam_role_arn: Option<String>,
    /// Its subnet group.
    subnet_group: Option<String>,
    /// Its parameter group.
    parameter_group: Option<String>,
    /// Whether its nodes have the values of the parameter group: `in-sync`, or another word of AWS's.
    #[schema(example = "in-sync")]
    parameter_apply_status: Option<String>,
    /// Its security groups.
    security_group_ids: Vec<String>,
    /// Its weekly maintenance window, in UTC.
    #[schema(example = "sun:05:00-sun:06:00")]
    maintenance_window: Option<String>,
    /// The topic that hears of its events; null if none does.
    notification_topic_arn: Option<String>,
    /// Its address family.
    network_type: Option<String>,
    /// Whether its disks are encrypted.
    encryption_at_rest: Option<bool>,
    /// Whether connections to it are.
    encryption_in_transit: Option<bool>,
    /// When AWS was asked.
    observed_at: Option<DateTime<Utc>>,
}

/// A node as AWS reported it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObservedNode {
    /// Its id.
    #[schema(example = "orders-cache-a")]
    node_id: Option<String>,
    /// AWS's word.
    #[schema(example = "available")]
    status: Option<String>,
    /// Its availability zone.
    #[schema(example = "us-east-1a")]
    availability_zone: Option<String>,
}

impl ObservedCluster {
    /// The view of what was seen, and when.
    pub(crate) fn of(seen: observed::Observed, observed_at: Option<DateTime<Utc>>) -> Self {
        let nodes = seen.nodes.into_iter().map(|node| ObservedNode {
            node_id: node.node_id,
            status: node.status,
            availability_zone: node.availability_zone,
        });
        Self {
            status: seen.status,
            arn: seen.arn,
            description: seen.description,
            node_type: seen.node_type,
            total_nodes: seen.total_nodes,
            active_nodes: seen.active_nodes,
            nodes: nodes.collect(),
            node_ids_to_reboot: seen.node_ids_to_reboot,
            iam_role_arn: seen.iam_role_arn,
            subnet_group: seen.subnet_group,
            parameter_group: seen.parameter_group,
            parameter_apply_status: seen.parameter_apply_status,
            security_group_ids: seen.security_group_ids.into_iter().collect(),
            maintenance_window: seen.maintenance_window,
            notification_topic_arn: seen.notification_topic_arn,
            network_type: seen.network_type,
            encryption_at_rest: seen.encryption_at_rest,
            encryption_in_transit: seen.encryption_in_transit,
            observed_at,
        }
    }
}
