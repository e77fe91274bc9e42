//! CreateCluster.

use chrono::TimeDelta;

use crate::authorization::AccessRequest;
use crate::dax::clusters::{cluster_arn, cluster_event, respond_with};
use crate::dax::create_input::CreateInput;
use crate::dax::messages::fault;
use crate::dax::nodes::{check_node_quotas, new_nodes};
use crate::dax::placement::{security_groups, zones_for};
use crate::dax::service_role::{assume, authorize_pass_role};
use crate::dax::subnets::{network_type, subnets_of};
use crate::faults::FaultKind;
use crate::iam::ensure_service_linked_role;
use crate::state::cluster::{Cluster, Phase, Topic};
use crate::state::{Change, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

/// Zones, security groups and network type of a new cluster.
struct Placement {
    zones: Vec<String>,
    security_group_ids: Vec<String>,
    network_type: &'static str,
}

pub(super) fn create_cluster(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let input = CreateInput::read(turn, read(body)?)?;
    authorize(turn, &input)?;
    ensure_service_linked_role(turn)?;
    if turn.state.clusters.contains_key(&input.name) {
        return Err(fault("ClusterAlreadyExistsFault"));
    }
    check_quotas(turn, &input)?;
    let placement = find_placement(turn, &input)?;
    assume(turn, &input.role_arn)?;
    let cluster = new_cluster(turn, input, placement);
    if let Some(until) = cluster.due() {
        turn.change(cluster_event(&cluster.name, "Cluster created.", until));
    }
    if cluster.tls {
        turn.change(Change::CertificateIssued(turn.now));
    }
    respond_with(turn, cluster)
}

fn find_placement(turn: &Turn<'_>, input: &CreateInput) -> Result<Placement, ServiceFault> {
    let group = turn.state.subnet_groups.get(&input.subnet_group);
    let group = group.ok_or_else(|| fault("SubnetGroupNotFoundFault"))?;
    if !turn
        .state
        .parameter_groups
        .contains_key(&input.parameter_group)
    {
        return Err(fault("ParameterGroupNotFoundFault"));
    }
    let subnets = subnets_of(turn.state, &group.subnet_ids);
    let zones = input.zones.as_deref();
    Ok(Placement {
        network_type: network_type(&subnets, input.network_type.as_deref())?,
        zones: zones_for(turn, &subnets, zones, &[], input.node_count)?,
        security_group_ids: security_groups(
            turn,
            &group.vpc_id,
            input.security_group_ids.as_deref(),
        )?,
    })
}

fn new_cluster(turn: &Turn<'_>, input: CreateInput, placement: Placement) -> Cluster {
    let stuck = turn
        .injected
        .filter(|injected| injected.kind == FaultKind::Stuck);
    let until = match stuck {
        None => Some(turn.after(turn.settings.creating_seconds)),
        Some(stuck) => stuck.seconds.map(|seconds| turn.after(seconds)),
    };
    let active_topic = |arn| Topic {
        arn,
        status: "active".to_owned(),
    };
    Cluster {
        arn: cluster_arn(turn, &input.name),
        address_hash: unique_id("", 6).to_ascii_lowercase(),
        description: input.description,
        node_type: input.node_type,
        nodes: new_nodes(&input.name, &[], placement.zones, until.unwrap_or(turn.now)),
        phase: Phase::Creating { until },
        subnet_group: input.subnet_group,
        security_group_ids: placement.security_group_ids,
        role_arn: input.role_arn,
        parameter_group: input.parameter_group,
        maintenance_window: input.maintenance_window,
        topic: input.topic_arn.map(active_topic),
        encrypted_at_rest: input.encrypted_at_rest,
        tls: input.tls,
        network_type: placement.network_type.to_owned(),
        tags: input.tags,
        created_at: turn.now,
        applying_until: None,
        group_change: None,
        name: input.name,
    }
}

fn authorize(turn: &mut Turn<'_>, input: &CreateInput) -> Result<(), ServiceFault> {
    let arn = cluster_arn(turn, &input.name);
    turn.authorize(&AccessRequest::on("dax:CreateCluster", &arn).requesting_tags(&input.tags))?;
    if !input.tags.is_empty() {
        turn.authorize(&AccessRequest::on("dax:TagResource", &arn).requesting_tags(&input.tags))?;
    }
    authorize_pass_role(turn, &input.role_arn)
}

fn check_quotas(turn: &Turn<'_>, input: &CreateInput) -> Result<(), ServiceFault> {
    let quotas = &turn.settings.quotas;
    if turn.state.clusters.len() >= quotas.clusters as usize {
        return Err(fault("ClusterQuotaForCustomerExceededFault"));
    }
    check_node_quotas(turn, input.node_count, input.node_count)?;
    let certificates = turn.state.certificates.iter();
    let recent = certificates
        .filter(|issued| turn.now - **issued < TimeDelta::days(30))
        .count();
    if input.tls && recent >= quotas.certificates as usize {
        return Err(fault("ServiceQuotaExceededException"));
    }
    Ok(())
}
