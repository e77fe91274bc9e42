//! DAX's representation of a cluster, which depends on the phase of the cluster.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::epoch_seconds;
use crate::state::cluster::{Cluster, Node, Phase};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterView<'a> {
    cluster_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    cluster_arn: &'a str,
    total_nodes: usize,
    active_nodes: usize,
    node_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    cluster_discovery_endpoint: EndpointView,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_ids_to_remove: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<NodeView<'a>>>,
    preferred_maintenance_window: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_configuration: Option<NotificationView<'a>>,
    subnet_group: &'a str,
    security_groups: Vec<SecurityGroupView<'a>>,
    iam_role_arn: &'a str,
    parameter_group: ParameterGroupView<'a>,
    #[serde(rename = "SSEDescription")]
    sse_description: SseView,
    cluster_endpoint_encryption_type: &'static str,
    network_type: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EndpointView {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    port: u16,
    #[serde(rename = "URL", skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeView<'a> {
    node_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<EndpointView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_create_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<&'a str>,
    node_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter_group_status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NotificationView<'a> {
    topic_arn: &'a str,
    topic_status: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecurityGroupView<'a> {
    security_group_identifier: &'a str,
    status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterGroupView<'a> {
    parameter_group_name: &'a str,
    parameter_apply_status: &'static str,
    node_ids_to_reboot: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SseView {
    status: &'static str,
}

/// The response of every operation on one cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterResult<'a> {
    pub(super) cluster: ClusterView<'a>,
}

impl<'a> ClusterView<'a> {
    pub(super) fn of(cluster: &'a Cluster, region: &str, now: DateTime<Utc>) -> ClusterView<'a> {
        ClusterView {
            cluster_name: &cluster.name,
            description: cluster.description.as_deref(),
            cluster_arn: &cluster.arn,
            total_nodes: cluster.nodes.len(),
            active_nodes: active_nodes(cluster, now),
            node_type: &cluster.node_type,
            status: cluster.status(now),
            cluster_discovery_endpoint: discovery_endpoint(cluster, region),
            node_ids_to_remove: nodes_being_removed(cluster),
            nodes: shows_nodes(cluster).then(|| nodes(cluster, region, now)),
            preferred_maintenance_window: &cluster.maintenance_window,
            notification_configuration: notification(cluster),
            subnet_group: &cluster.subnet_group,
            security_groups: security_groups(cluster, now),
            iam_role_arn: &cluster.role_arn,
            parameter_group: parameter_group(cluster, now),
            sse_description: SseView {
                status: if cluster.encrypted_at_rest {
                    "ENABLED"
                } else {
                    "DISABLED"
                },
            },
            cluster_endpoint_encryption_type: if cluster.tls { "TLS" } else { "NONE" },
            network_type: &cluster.network_type,
        }
    }
}

fn nodes_being_removed(cluster: &Cluster) -> Option<&[String]> {
    match &cluster.phase {
        Phase::Modifying { removing, .. } if !removing.is_empty() => Some(removing),
        _ => None,
    }
}

fn parameter_group(cluster: &Cluster, now: DateTime<Utc>) -> ParameterGroupView<'_> {
    let is_applying = cluster.is_applying(now);
    let waiting = cluster
        .nodes
        .iter()
        .filter(|node| shows_nodes(cluster) && !is_applying && node.needs_reboot(now));
    let node_ids_to_reboot: Vec<&str> = waiting.map(|node| node.id.as_str()).collect();
    ParameterGroupView {
        parameter_group_name: &cluster.parameter_group,
        parameter_apply_status: apply_status(is_applying, !node_ids_to_reboot.is_empty()),
        node_ids_to_reboot,
    }
}

/// `applying` is recorded from AWS (Cloud Custodian, `test_dax_update_cluster`), with no node to
/// reboot. `pending-reboot` is ElastiCache's value of the same member.
fn apply_status(is_applying: bool, needs_reboot: bool) -> &'static str {
    if is_applying {
        "applying"
    } else if needs_reboot {
        "pending-reboot"
    } else {
        "in-sync"
    }
}

fn nodes<'a>(cluster: &'a Cluster, region: &str, now: DateTime<Utc>) -> Vec<NodeView<'a>> {
    cluster
        .nodes
        .iter()
        .map(|node| NodeView::of(cluster, node, region, now))
        .collect()
}

fn notification(cluster: &Cluster) -> Option<NotificationView<'_>> {
    let topic = cluster.topic.as_ref()?;
    Some(NotificationView {
        topic_arn: &topic.arn,
        topic_status: &topic.status,
    })
}

/// During a change, DAX returns the old and the new groups (Cloud Custodian,
/// `test_dax_update_security_groups`).
fn security_groups(cluster: &Cluster, now: DateTime<Utc>) -> Vec<SecurityGroupView<'_>> {
    let change = cluster.changing_groups(now);
    let is_added = |id: &String| change.is_some_and(|change| change.adding.contains(id));
    let current = cluster
        .security_group_ids
        .iter()
        .map(|id| SecurityGroupView {
            security_group_identifier: id,
            status: if is_added(id) { "adding" } else { "active" },
        });
    let removed = change.into_iter().flat_map(|change| &change.removing);
    let removed = removed.map(|id| SecurityGroupView {
        security_group_identifier: id,
        status: "removing",
    });
    current.chain(removed).collect()
}

/// While a cluster is created or deleted, DAX returns no nodes.
fn shows_nodes(cluster: &Cluster) -> bool {
    matches!(cluster.phase, Phase::Available | Phase::Modifying { .. })
}

fn is_being_added(cluster: &Cluster, node: &Node) -> bool {
    matches!(&cluster.phase, Phase::Modifying { adding, .. } if adding.contains(&node.id))
}

fn active_nodes(cluster: &Cluster, now: DateTime<Utc>) -> usize {
    let is_active = |node: &&Node| !is_being_added(cluster, node) && !node.is_rebooting(now);
    if shows_nodes(cluster) {
        cluster.nodes.iter().filter(is_active).count()
    } else {
        0
    }
}

fn port(cluster: &Cluster) -> u16 {
    if cluster.tls { 9111 } else { 8111 }
}

fn scheme(cluster: &Cluster) -> &'static str {
    if cluster.tls { "daxs" } else { "dax" }
}

/// A cluster that is being created has a port but no address.
fn discovery_endpoint(cluster: &Cluster, region: &str) -> EndpointView {
    if matches!(cluster.phase, Phase::Creating { .. }) {
        return EndpointView {
            address: None,
            port: port(cluster),
            url: None,
        };
    }
    let address = format!(
        "{}.{}.dax-clusters.{region}.amazonaws.com",
        cluster.name, cluster.address_hash
    );
    let url = format!("{}://{address}", scheme(cluster));
    EndpointView {
        address: Some(address),
        port: port(cluster),
        url: Some(url),
    }
}

impl<'a> NodeView<'a> {
    fn of(cluster: &'a Cluster, node: &'a Node, region: &str, now: DateTime<Utc>) -> NodeView<'a> {
        if is_being_added(cluster, node) {
            return NodeView {
                node_id: &node.id,
                endpoint: None,
                node_create_time: None,
                availability_zone: None,
                node_status: "creating",
                parameter_group_status: None,
            };
        }
        let address = format!(
            "{}.{}.nodes.dax-clusters.{region}.amazonaws.com",
            node.id, cluster.address_hash
        );
        let url = format!("{}://{address}", scheme(cluster));
        NodeView {
            node_id: &node.id,
            endpoint: Some(EndpointView {
                address: Some(address),
                port: port(cluster),
                url: Some(url),
            }),
            node_create_time: Some(epoch_seconds(node.created_at)),
            availability_zone: Some(&node.availability_zone),
            node_status: if node.is_rebooting(now) {
                "REBOOTING"
            } else {
                "available"
            },
            parameter_group_status: Some(apply_status(
                cluster.is_applying(now),
                node.needs_reboot(now),
            )),
        }
    }
}
