//! DAX queries. Every response member is optional in AWS's model and is treated as such.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dax::types::Cluster;

use crate::domain::observed::{ClustersPage, Endpoint, Observed, ObservedNode};
use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::Call;

/// Port of an endpoint with TLS; without TLS it is 8111 (developer guide, "DAX: How it works").
const TLS_PORT: i32 = 9111;
const PLAIN_PORT: i32 = 8111;
/// Status of a notification topic that receives no messages (API model of DAX, `UpdateCluster`).
const INACTIVE: &str = "inactive";
/// Status of a parameter group, and of a node, while a changed group is applied.
const APPLYING: &str = "applying";
/// Statuses of a security group while it is added or removed.
const ADDING: &str = "adding";
const REMOVING: &str = "removing";
/// Maximum number of clusters per page (API model of DAX, `DescribeClusters`).
const PAGE_MAX: i32 = 100;

/// The tags of a cluster, by key.
pub type ClusterTags = BTreeMap<String, String>;

/// A DAX subnet group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetGroup {
    /// The name of the group.
    pub name: String,
    /// The description, which contains the ownership tags.
    pub description: String,
    /// The VPC of the subnets, if AWS reports it.
    pub vpc_id: Option<String>,
    /// The IDs of the subnets.
    pub subnet_ids: BTreeSet<String>,
    /// The availability zone of each subnet ID, if AWS reports it.
    pub availability_zones: BTreeMap<String, String>,
    /// The network types that the subnets support; absent from older responses.
    pub network_types: BTreeSet<String>,
}

/// A DAX parameter group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterGroup {
    /// The name of the group.
    pub name: String,
    /// The description, which contains the ownership tags.
    pub description: String,
}

impl Aws {
    /// dax DescribeClusters of one name. `None` if the cluster does not exist.
    pub async fn cluster(&self, name: &str) -> Result<Option<Observed>, Fault> {
        let call = Call::read("dax", "DescribeClusters", None);
        let request = self.dax.describe_clusters().cluster_names(name);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        Ok(call
            .member(answer.clusters, "Clusters")?
            .into_iter()
            .next()
            .map(observed))
    }

    /// dax DescribeClusters, one page of all clusters: names, descriptions, and the token of the
    /// next page. A response without the member `Clusters` is an error, not an empty page.
    pub async fn clusters_page(&self, token: Option<String>) -> Result<ClustersPage, Fault> {
        let call = Call::read("dax", "DescribeClusters", None);
        let request = self
            .dax
            .describe_clusters()
            .max_results(PAGE_MAX)
            .set_next_token(token);
        let answer = call.response(request.send()).await?;
        let clusters = call
            .member(answer.clusters, "Clusters")?
            .into_iter()
            .map(|cluster| {
                let name = cluster.cluster_name.clone().unwrap_or_default();
                (name, observed(cluster))
            })
            .collect();
        Ok(ClustersPage {
            clusters,
            next_token: answer.next_token,
        })
    }

    /// dax DescribeClusters, all pages: the names and descriptions of all clusters.
    pub async fn clusters(&self) -> Result<Vec<(String, Observed)>, Fault> {
        let mut clusters = Vec::new();
        let mut token = None;
        loop {
            let page = self.clusters_page(token).await?;
            clusters.extend(page.clusters);
            token = page.next_token;
            if token.is_none() {
                return Ok(clusters);
            }
        }
    }

    /// dax ListTags of a cluster, all pages. `None` if the cluster does not exist.
    pub async fn cluster_tags(&self, arn: &str) -> Result<Option<ClusterTags>, Fault> {
        let call = Call::read("dax", "ListTags", None);
        let mut tags = BTreeMap::new();
        let mut token = None;
        loop {
            let request = self
                .dax
                .list_tags()
                .resource_name(arn)
                .set_next_token(token);
            let Some(answer) = call.found(request.send()).await? else {
                return Ok(None);
            };
            for tag in answer.tags.unwrap_or_default() {
                tags.insert(tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
            }
            token = answer.next_token;
            if token.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    /// dax DescribeSubnetGroups of one name. `None` if the group does not exist.
    pub async fn subnet_group(&self, name: &str) -> Result<Option<SubnetGroup>, Fault> {
        let call = Call::read("dax", "DescribeSubnetGroups", None);
        let request = self.dax.describe_subnet_groups().subnet_group_names(name);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        Ok(call
            .member(answer.subnet_groups, "SubnetGroups")?
            .into_iter()
            .next()
            .map(subnet_group))
    }

    /// dax DescribeSubnetGroups, all pages.
    pub async fn subnet_groups(&self) -> Result<Vec<SubnetGroup>, Fault> {
        let call = Call::read("dax", "DescribeSubnetGroups", None);
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let request = self.dax.describe_subnet_groups().set_next_token(token);
            let answer = call.response(request.send()).await?;
            groups.extend(
                call.member(answer.subnet_groups, "SubnetGroups")?
                    .into_iter()
                    .map(subnet_group),
            );
            token = answer.next_token;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    /// dax DescribeParameterGroups of one name. `None` if the group does not exist.
    pub async fn parameter_group(&self, name: &str) -> Result<Option<ParameterGroup>, Fault> {
        let call = Call::read("dax", "DescribeParameterGroups", None);
        let request = self
            .dax
            .describe_parameter_groups()
            .parameter_group_names(name);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        Ok(call
            .member(answer.parameter_groups, "ParameterGroups")?
            .into_iter()
            .next()
            .map(parameter_group))
    }

    /// dax DescribeParameterGroups, all pages.
    pub async fn parameter_groups(&self) -> Result<Vec<ParameterGroup>, Fault> {
        let call = Call::read("dax", "DescribeParameterGroups", None);
        let mut groups = Vec::new();
        let mut token = None;
        loop {
            let request = self.dax.describe_parameter_groups().set_next_token(token);
            let answer = call.response(request.send()).await?;
            groups.extend(
                call.member(answer.parameter_groups, "ParameterGroups")?
                    .into_iter()
                    .map(parameter_group),
            );
            token = answer.next_token;
            if token.is_none() {
                return Ok(groups);
            }
        }
    }

    /// dax DescribeParameters: the parameter values of a group, by name. `None` if the group does
    /// not exist.
    pub async fn parameters(&self, group: &str) -> Result<Option<BTreeMap<String, String>>, Fault> {
        let call = Call::read("dax", "DescribeParameters", None);
        let request = self.dax.describe_parameters().parameter_group_name(group);
        let answer = call.found(request.send()).await?;
        Ok(answer.map(|answer| {
            let parameters = answer.parameters.unwrap_or_default().into_iter();
            parameters
                .filter_map(|parameter| {
                    Some((parameter.parameter_name?, parameter.parameter_value?))
                })
                .collect()
        }))
    }
}

/// Converts a cluster description.
pub(super) fn observed(cluster: Cluster) -> Observed {
    let encryption_in_transit = cluster
        .cluster_endpoint_encryption_type
        .as_ref()
        .map(|kind| kind.as_str() == "TLS");
    let tls = encryption_in_transit.unwrap_or_default();
    let applying = is_applying(&cluster);
    let nodes = cluster.nodes.unwrap_or_default().into_iter();
    let groups = cluster.security_groups.unwrap_or_default().into_iter();
    let groups = groups.filter(|group| group.status.as_deref() != Some(REMOVING));
    let topic = cluster
        .notification_configuration
        .filter(|topic| topic.topic_status.as_deref() != Some(INACTIVE));
    let parameter_group = cluster.parameter_group;
    let group = parameter_group.as_ref();
    Observed {
        status: cluster.status,
        total_nodes: cluster.total_nodes,
        active_nodes: cluster.active_nodes,
        nodes: nodes
            .map(|node| ObservedNode {
                node_id: node.node_id,
                status: node.node_status,
                availability_zone: node.availability_zone,
            })
            .collect(),
        arn: cluster.cluster_arn,
        node_type: cluster.node_type,
        iam_role_arn: cluster.iam_role_arn,
        subnet_group: cluster.subnet_group,
        applying,
        parameter_apply_status: group.and_then(|group| group.parameter_apply_status.clone()),
        node_ids_to_reboot: group
            .and_then(|group| group.node_ids_to_reboot.clone())
            .unwrap_or_default(),
        parameter_group: parameter_group.and_then(|group| group.parameter_group_name),
        endpoint: cluster
            .cluster_discovery_endpoint
            .and_then(|endpoint| discovery(endpoint, tls)),
        // DAX returns an absent description as one space.
        description: cluster.description.filter(|text| !text.trim().is_empty()),
        security_group_ids: groups
            .filter_map(|group| group.security_group_identifier)
            .collect(),
        maintenance_window: cluster
            .preferred_maintenance_window
            .map(|window| window.to_ascii_lowercase()),
        notification_topic_arn: topic.and_then(|topic| topic.topic_arn),
        encryption_at_rest: cluster
            .sse_description
            .and_then(|sse| sse.status)
            .and_then(|status| at_rest(status.as_str())),
        encryption_in_transit,
        network_type: cluster.network_type.map(|kind| kind.as_str().to_owned()),
    }
}

/// Whether AWS applies a change although the cluster may be `available`. Recorded from AWS by Cloud
/// Custodian (`test_dax_update_cluster`, `test_dax_update_security_groups`).
fn is_applying(cluster: &Cluster) -> bool {
    let group = cluster.parameter_group.as_ref();
    let of_group = group.and_then(|group| group.parameter_apply_status.as_deref());
    let of_nodes = cluster
        .nodes()
        .iter()
        .map(|node| node.parameter_group_status());
    let groups = cluster.security_groups().iter().map(|group| group.status());
    of_nodes
        .chain([of_group])
        .any(|status| status == Some(APPLYING))
        || groups
            .into_iter()
            .any(|status| matches!(status, Some(ADDING | REMOVING)))
}

/// Whether encryption at rest is on or being turned on.
fn at_rest(status: &str) -> Option<bool> {
    match status {
        "ENABLING" | "ENABLED" => Some(true),
        "DISABLING" | "DISABLED" => Some(false),
        _ => None,
    }
}

/// Converts an endpoint. While a cluster is being created, AWS returns only the port.
fn discovery(endpoint: aws_sdk_dax::types::Endpoint, tls: bool) -> Option<Endpoint> {
    let address = endpoint.address.filter(|address| !address.is_empty())?;
    let port = match endpoint.port {
        0 if tls => TLS_PORT,
        0 => PLAIN_PORT,
        port => port,
    };
    // Old clusters have no URL. Its scheme depends on encryption in transit.
    let scheme = if tls { "daxs" } else { "dax" };
    let url = endpoint
        .url
        .unwrap_or_else(|| format!("{scheme}://{address}:{port}"));
    Some(Endpoint {
        url,
        address,
        port,
        tls,
    })
}

fn subnet_group(group: aws_sdk_dax::types::SubnetGroup) -> SubnetGroup {
    let network_types = group.supported_network_types.unwrap_or_default();
    let subnets = group.subnets.unwrap_or_default();
    let zones = subnets.iter().filter_map(|subnet| {
        Some((
            subnet.subnet_identifier.clone()?,
            subnet.subnet_availability_zone.clone()?,
        ))
    });
    SubnetGroup {
        vpc_id: group.vpc_id,
        availability_zones: zones.collect(),
        name: group.subnet_group_name.unwrap_or_default(),
        description: group.description.unwrap_or_default(),
        subnet_ids: subnets
            .into_iter()
            .filter_map(|subnet| subnet.subnet_identifier)
            .collect(),
        network_types: network_types
            .iter()
            .map(|kind| kind.as_str().to_owned())
            .collect(),
    }
}

fn parameter_group(group: aws_sdk_dax::types::ParameterGroup) -> ParameterGroup {
    ParameterGroup {
        name: group.parameter_group_name.unwrap_or_default(),
        description: group.description.unwrap_or_default().trim().to_owned(),
    }
}
