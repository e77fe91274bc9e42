//! CreateCluster.

use chrono::TimeDelta;

use crate::authority::Ask;
use crate::dax::clusters::{answer_with, cluster_arn, cluster_event};
use crate::dax::messages::fault;
use crate::dax::nodes::{check_node_quotas, new_nodes};
use crate::dax::placement::{security_groups, zones_for};
use crate::dax::service_role::{assume, authorize_pass_role};
use crate::dax::subnets::{network_type, subnets_of};
use crate::dax::wish::Wish;
use crate::faults::FaultKind;
use crate::iam::ensure_service_linked_role;
use crate::state::cluster::{Cluster, Phase, Topic};
use crate::state::{Change, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

/// Where the cluster will live.
struct Site {
    zones: Vec<String>,
    security_group_ids: Vec<String>,
    network_type: &'static str,
}

pub(super) fn create_cluster(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let wish = Wish::read(turn, read(body)?)?;
    authorize(turn, &wish)?;
    ensure_service_linked_role(turn)?;
    if turn.state.clusters.contains_key(&wish.name) {
        return Err(fault("ClusterAlreadyExistsFault"));
    }
    check_quotas(turn, &wish)?;
    let site = find_site(turn, &wish)?;
    assume(turn, &wish.role_arn)?;
    let cluster = new_cluster(turn, wish, site);
    if let Some(until) = cluster.due() {
        turn.change(cluster_event(&cluster.name, "Cluster created.", until));
    }
    if cluster.tls {
        turn.change(Change::CertificateIssued(turn.now));
    }
    answer_with(turn, cluster)
}

fn find_site(turn: &Turn<'_>, wish: &Wish) -> Result<Site, ServiceFault> {
    let group = turn.state.subnet_groups.get(&wish.subnet_group);
    let group = group.ok_or_else(|| fault("SubnetGroupNotFoundFault"))?;
    if !turn
        .state
        .parameter_groups
        .contains_key(&wish.parameter_group)
    {
        return Err(fault("ParameterGroupNotFoundFault"));
    }
    let subnets = subnets_of(turn.state, &group.subnet_ids);
    let zones = wish.zones.as_deref();
    Ok(Site {
        network_type: network_type(&subnets, wish.network_type.as_deref())?,
        zones: zones_for(turn, &subnets, zones, &[], wish.node_count)?,
        security_group_ids: security_groups(
            turn,
            &group.vpc_id,
            wish.security_group_ids.as_deref(),
        )?,
    })
}

fn new_cluster(turn: &Turn<'_>, wish: Wish, site: Site) -> Cluster {
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
        arn: cluster_arn(turn, &wish.name),
        address_hash: unique_id("", 6).to_ascii_lowercase(),
        description: wish.description,
        node_type: wish.node_type,
        nodes: new_nodes(&wish.name, &[], site.zones, until.unwrap_or(turn.now)),
        phase: Phase::Creating { until },
        subnet_group: wish.subnet_group,
        security_group_ids: site.security_group_ids,
        role_arn: wish.role_arn,
        parameter_group: wish.parameter_group,
        maintenance_window: wish.maintenance_window,
        topic: wish.topic_arn.map(active_topic),
        encrypted_at_rest: wish.encrypted_at_rest,
        tls: wish.tls,
        network_type: site.network_type.to_owned(),
        tags: wish.tags,
        created_at: turn.now,
        name: wish.name,
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
    let recent = certificates
        .filter(|issued| turn.now - **issued < TimeDelta::days(30))
        .count();
    if wish.tls && recent >= quotas.certificates as usize {
        return Err(fault("ServiceQuotaExceededException"));
    }
    Ok(())
}
