//! IncreaseReplicationFactor and DecreaseReplicationFactor.

use serde::Deserialize;

use crate::dax::clusters::{cluster_event, find_available_cluster, respond_with};
use crate::dax::messages::{fault, invalid_combination, invalid_value};
use crate::dax::names::required;
use crate::dax::nodes::{check_node_quotas, new_nodes};
use crate::dax::placement::zones_for;
use crate::dax::subnets::subnets_of;
use crate::state::cluster::{Cluster, Phase};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicationRequest {
    cluster_name: Option<String>,
    new_replication_factor: Option<i64>,
    availability_zones: Option<Vec<String>>,
    node_ids_to_remove: Option<Vec<String>>,
}

/// The requested number of nodes, at least one.
fn requested_count(request: &ReplicationRequest) -> Result<usize, ServiceFault> {
    let requested = required("NewReplicationFactor", request.new_replication_factor)?;
    let requested = usize::try_from(requested)
        .ok()
        .filter(|requested| *requested >= 1);
    requested.ok_or_else(|| invalid_value("NewReplicationFactor must be at least 1."))
}

pub(super) fn increase_replication_factor(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: ReplicationRequest = read(body)?;
    let requested = requested_count(&request)?;
    let name = request.cluster_name.as_deref();
    let mut cluster = find_available_cluster(turn, "dax:IncreaseReplicationFactor", name)?.clone();
    let additional = requested
        .checked_sub(cluster.nodes.len())
        .filter(|additional| *additional > 0)
        .ok_or_else(|| {
            invalid_value(format!(
                "NewReplicationFactor must be greater than {}.",
                cluster.nodes.len()
            ))
        })?;
    check_node_quotas(turn, requested, additional)?;
    let zones = zones_of_new_nodes(
        turn,
        &cluster,
        request.availability_zones.as_deref(),
        additional,
    )?;
    let until = turn.after(turn.settings.modifying_seconds);
    let added = new_nodes(&cluster.name, &cluster.nodes, zones, until);
    let adding: Vec<String> = added.iter().map(|node| node.id.clone()).collect();
    for id in &adding {
        turn.change(cluster_event(
            &cluster.name,
            format!("Added node {id}."),
            until,
        ));
    }
    cluster.nodes.extend(added);
    cluster.phase = Phase::Modifying {
        until,
        adding,
        removing: Vec::new(),
    };
    respond_with(turn, cluster)
}

fn zones_of_new_nodes(
    turn: &Turn<'_>,
    cluster: &Cluster,
    requested: Option<&[String]>,
    additional: usize,
) -> Result<Vec<String>, ServiceFault> {
    let group = turn.state.subnet_groups.get(&cluster.subnet_group);
    let group = group.ok_or_else(|| fault("InvalidVPCNetworkStateFault"))?;
    let subnets = subnets_of(turn.state, &group.subnet_ids);
    let existing: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| node.availability_zone.clone())
        .collect();
    zones_for(turn, &subnets, requested, &existing, additional)
}

pub(super) fn decrease_replication_factor(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: ReplicationRequest = read(body)?;
    let requested = requested_count(&request)?;
    let name = request.cluster_name.as_deref();
    let mut cluster = find_available_cluster(turn, "dax:DecreaseReplicationFactor", name)?.clone();
    let fewer = cluster
        .nodes
        .len()
        .checked_sub(requested)
        .filter(|fewer| *fewer > 0)
        .ok_or_else(|| {
            invalid_value(format!(
                "NewReplicationFactor must be less than {}.",
                cluster.nodes.len()
            ))
        })?;
    let removing = nodes_to_remove(&cluster, &request, fewer)?;
    let until = turn.after(turn.settings.modifying_seconds);
    for id in &removing {
        turn.change(cluster_event(
            &cluster.name,
            format!("Removed node {id}."),
            until,
        ));
    }
    cluster.phase = Phase::Modifying {
        until,
        adding: Vec::new(),
        removing,
    };
    respond_with(turn, cluster)
}

/// The nodes to remove: those named, or one in each named zone, or the newest.
fn nodes_to_remove(
    cluster: &Cluster,
    request: &ReplicationRequest,
    fewer: usize,
) -> Result<Vec<String>, ServiceFault> {
    let named = request
        .node_ids_to_remove
        .as_deref()
        .filter(|ids| !ids.is_empty());
    let zones = request
        .availability_zones
        .as_deref()
        .filter(|zones| !zones.is_empty());
    match (named, zones) {
        (Some(_), Some(_)) => Err(invalid_combination(
            "NodeIdsToRemove and AvailabilityZones cannot be given together.",
        )),
        (Some(named), None) => named_nodes(cluster, named, fewer),
        (None, Some(zones)) => nodes_in_zones(cluster, zones, fewer),
        (None, None) => Ok(cluster
            .nodes
            .iter()
            .rev()
            .take(fewer)
            .map(|node| node.id.clone())
            .collect()),
    }
}

fn named_nodes(
    cluster: &Cluster,
    named: &[String],
    fewer: usize,
) -> Result<Vec<String>, ServiceFault> {
    let mut removing: Vec<String> = named.iter().map(|id| id.to_ascii_lowercase()).collect();
    removing.sort_unstable();
    removing.dedup();
    if removing
        .iter()
        .any(|id| !cluster.nodes.iter().any(|node| node.id == *id))
    {
        return Err(fault("NodeNotFoundFault"));
    }
    if removing.len() != fewer {
        return Err(invalid_combination(format!(
            "NodeIdsToRemove must name {fewer} nodes."
        )));
    }
    Ok(removing)
}

fn nodes_in_zones(
    cluster: &Cluster,
    zones: &[String],
    fewer: usize,
) -> Result<Vec<String>, ServiceFault> {
    if zones.len() != fewer {
        let message = format!(
            "AvailabilityZones must have {fewer} entries, one for each node that is removed."
        );
        return Err(invalid_combination(message));
    }
    let mut removing: Vec<String> = Vec::with_capacity(fewer);
    for zone in zones {
        let candidates = cluster.nodes.iter().rev();
        let found = candidates.map(|node| (&node.availability_zone, &node.id));
        let mut found = found.filter(|(in_zone, id)| *in_zone == zone && !removing.contains(id));
        let (_, id) = found
            .next()
            .ok_or_else(|| invalid_value(format!("No node to remove is in {zone}.")))?;
        removing.push(id.clone());
    }
    Ok(removing)
}
