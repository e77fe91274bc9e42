//! CreateCluster.

use serde::Deserialize;

use crate::authority::Ask;
use crate::dax::clusters::{answer_with, cluster_arn, cluster_event};
use crate::dax::maintenance::{check_window, draw_window};
use crate::dax::messages::{fault, invalid_combination, invalid_value};
use crate::dax::names::{
    check_role_arn, check_topic_arn, cluster_name, parameter_group_name, required, subnet_group_name,
};
use crate::dax::node_types::{encrypts_at_rest, is_offered};
use crate::dax::placement::{security_groups, zones_for};
use crate::dax::service_role::{assume, authorize_pass_role};
use crate::dax::subnets::{network_type, subnets_of};
use crate::dax::tags::check_tags;
use crate::faults::FaultKind;
use crate::iam::ensure_service_linked_role;
use crate::state::cluster::{Cluster, Node, Phase, Topic};
use crate::state::{Change, Tag, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateClusterRequest {
    cluster_name: Option<String>,
    node_type: Option<String>,
    description: Option<String>,
    replication_factor: Option<i64>,
    availability_zones: Option<Vec<String>>,
    subnet_group_name: Option<String>,
    security_group_ids: Option<Vec<String>>,
    preferred_maintenance_window: Option<String>,
    notification_topic_arn: Option<String>,
    iam_role_arn: Option<String>,
    parameter_group_name: Option<String>,
    tags: Option<Vec<Tag>>,
    #[serde(rename = "SSESpecification")]
    sse_specification: Option<SseSpecification>,
    cluster_endpoint_encryption_type: Option<String>,
    network_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SseSpecification {
    enabled: Option<bool>,
}

/// A request whose every member has been looked at by itself.
struct Wish {
    request: CreateClusterRequest,
    name: String,
    node_type: String,
    node_count: usize,
    role_arn: String,
    subnet_group: String,
    parameter_group: String,
    maintenance_window: String,
    tags: Vec<Tag>,
    encrypted_at_rest: bool,
    tls: bool,
}

pub(super) fn create_cluster(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let wish = Wish::read(turn, read(body)?)?;
    authorize(turn, &wish)?;
    ensure_service_linked_role(turn)?;
    if turn.state.clusters.contains_key(&wish.name) {
        return Err(fault("ClusterAlreadyExistsFault"));
    }
    check_quotas(turn, &wish)?;
    let group = turn.state.subnet_groups.get(&wish.subnet_group).ok_or_else(|| fault("SubnetGroupNotFoundFault"))?;
    if !turn.state.parameter_groups.contains_key(&wish.parameter_group) {
        return Err(fault("ParameterGroupNotFoundFault"));
    }
    let subnets = subnets_of(turn.state, &group.subnet_ids);
    let network_type = network_type(&subnets, wish.request.network_type.as_deref())?;
    let zones = zones_for(turn, &subnets, wish.request.availability_zones.as_deref(), &[], wish.node_count)?;
    let security_group_ids = security_groups(turn, &group.vpc_id, wish.request.security_group_ids.as_deref())?;
    assume(turn, &wish.role_arn)?;
    let is_stuck = turn.injected.filter(|injected| injected.kind == FaultKind::Stuck);
    let until = match is_stuck {
        None => Some(turn.after(turn.settings.creating_seconds)),
        Some(stuck) => stuck.seconds.map(|seconds| turn.after(seconds)),
    };
    let ready_at = until.unwrap_or(turn.now);
    let cluster = Cluster {
        arn: cluster_arn(turn, &wish.name),
        address_hash: unique_id("", 6).to_ascii_lowercase(),
        description: wish.request.description.filter(|description| !description.is_empty()),
        node_type: wish.node_type,
        nodes: new_nodes(&wish.name, &[], zones, ready_at),
        phase: Phase::Creating { until },
        subnet_group: wish.subnet_group,
        security_group_ids,
        role_arn: wish.role_arn,
        parameter_group: wish.parameter_group,
        maintenance_window: wish.maintenance_window,
        topic: wish.request.notification_topic_arn.map(|arn| Topic { arn, status: "active".to_owned() }),
        encrypted_at_rest: wish.encrypted_at_rest,
        tls: wish.tls,
        network_type: network_type.to_owned(),
        tags: wish.tags,
        created_at: turn.now,
        name: wish.name,
    };
    if let Some(until) = until {
        turn.change(cluster_event(&cluster.name, "Cluster created.", until));
    }
    if cluster.tls {
        turn.change(Change::CertificateIssued(turn.now));
    }
    answer_with(turn, cluster)
}

impl Wish {
    fn read(turn: &Turn<'_>, request: CreateClusterRequest) -> Result<Wish, ServiceFault> {
        let name = cluster_name(required("ClusterName", request.cluster_name.as_deref())?)?;
        let node_type = required("NodeType", request.node_type.clone())?;
        if !is_offered(&node_type) {
            return Err(invalid_value(format!("Invalid node type: {node_type}")));
        }
        let factor = required("ReplicationFactor", request.replication_factor)?;
        let node_count = usize::try_from(factor).ok().filter(|count| *count >= 1);
        let node_count = node_count.ok_or_else(|| invalid_value("ReplicationFactor must be at least 1."))?;
        let role_arn = required("IamRoleArn", request.iam_role_arn.clone())?;
        check_role_arn(&role_arn, turn.account_id())?;
        let tags = request.tags.clone().unwrap_or_default();
        check_tags(&tags, turn.settings.quotas.tags)?;
        if let Some(topic) = &request.notification_topic_arn {
            check_topic_arn(topic, turn.account_id(), turn.region())?;
        }
        let encrypted_at_rest = match &request.sse_specification {
            None => false,
            Some(sse) => required("SSESpecification.Enabled", sse.enabled)?,
        };
        if encrypted_at_rest && !encrypts_at_rest(&node_type) {
            return Err(invalid_combination(format!("Nodes of type {node_type} cannot encrypt at rest.")));
        }
        let tls = match request.cluster_endpoint_encryption_type.as_deref() {
            None | Some("NONE") => false,
            Some("TLS") => true,
            Some(other) => {
                return Err(invalid_value(format!("Invalid ClusterEndpointEncryptionType: {other}")));
            }
        };
        Ok(Wish {
            subnet_group: subnet_group_name(request.subnet_group_name.as_deref().unwrap_or("default"))?,
            parameter_group: match request.parameter_group_name.as_deref() {
                None | Some("default.dax1.0") => "default.dax1.0".to_owned(),
                Some(group) => parameter_group_name(group)?,
            },
            maintenance_window: request
                .preferred_maintenance_window
                .as_deref()
                .map_or_else(|| Ok(draw_window()), check_window)?,
            request,
            name,
            node_type,
            node_count,
            role_arn,
            tags,
            encrypted_at_rest,
            tls,
        })
    }
}

fn authorize(turn: &mut Turn<'_>, wish: &Wish) -> Result<(), ServiceFault> {
    let arn = cluster_arn(turn, &wish.name);
    turn.authorize(&Ask::on("dax:CreateCluster", &arn).requesting_tags(&wish.tags))?;
    if !wish.tags.is_empty() {
        turn.authorize(&Ask::on("dax:TagResource", &arn).requesting_tags(&wish.tags))?;
    }
    authorize_pass_role(turn, &wish.role_arn)
}

fn check_quotas(turn: &Turn<'_>, wish: &Wish) -> Result<(), ServiceFault> {
    let quotas = &turn.settings.quotas;
    if turn.state.clusters.len() >= quotas.clusters as usize {
        return Err(fault("ClusterQuotaForCustomerExceededFault"));
    }
    check_node_quotas(turn, wish.node_count, wish.node_count)?;
    let certificates = turn.state.certificates.iter();
    let recent = certificates.filter(|issued| turn.now - **issued < chrono::TimeDelta::days(30)).count();
    if wish.tls && recent >= quotas.certificates as usize {
        return Err(fault("ServiceQuotaExceededException"));
    }
    Ok(())
}

/// Whether a cluster may have so many nodes, and the account so many more.
pub(super) fn check_node_quotas(turn: &Turn<'_>, of_cluster: usize, more: usize) -> Result<(), ServiceFault> {
    let quotas = &turn.settings.quotas;
    if of_cluster > quotas.nodes_per_cluster as usize {
        return Err(fault("NodeQuotaForClusterExceededFault"));
    }
    let nodes: usize = turn.state.clusters.values().map(|cluster| cluster.nodes.len()).sum();
    if nodes + more > quotas.nodes as usize {
        return Err(fault("NodeQuotaForCustomerExceededFault"));
    }
    Ok(())
}

/// Nodes in these zones, named by the letters that are free.
pub(super) fn new_nodes(
    cluster: &str,
    existing: &[Node],
    zones: Vec<String>,
    ready_at: chrono::DateTime<chrono::Utc>,
) -> Vec<Node> {
    let ids = (0_u32..).map(|number| format!("{cluster}-{}", letters(number)));
    let free = ids.filter(|id| !existing.iter().any(|node| node.id == *id));
    free.zip(zones)
        .map(|(id, availability_zone)| Node { id, availability_zone, created_at: ready_at, rebooting_until: None })
        .collect()
}

/// `a` to `z`, then `aa`, `ab`, …: no cluster of AWS's has so many nodes, but quotas can be raised here.
fn letters(number: u32) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    match number / 26 {
        0 => last.to_string(),
        rest => letters(rest - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn node_letters_go_on_after_z() {
        let named: Vec<String> = [0, 25, 26, 27, 51, 52].into_iter().map(letters).collect();
        assert_eq!(named, ["a", "z", "aa", "ab", "az", "ba"]);
    }
}
