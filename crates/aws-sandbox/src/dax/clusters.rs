//! Shared by the operations on clusters: lookup, authorization and the response.

use chrono::{DateTime, Utc};

use crate::authorization::AccessRequest;
use crate::dax::cluster_view::{ClusterResult, ClusterView};
use crate::dax::messages::fault;
use crate::dax::names::{cluster_name, required};
use crate::state::cluster::{Cluster, Phase};
use crate::state::group::{Event, EventSource};
use crate::state::{Change, State};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::write;
use crate::wire::service::Service;

/// The ARN of a cluster of this name, which need not exist.
pub(super) fn cluster_arn(turn: &Turn<'_>, name: &str) -> String {
    format!(
        "arn:aws:dax:{}:{}:cache/{name}",
        turn.region(),
        turn.account_id()
    )
}

/// Authorizes an action on a cluster by its name.
pub(super) fn authorize_on_cluster(
    turn: &mut Turn<'_>,
    action: &str,
    name: &str,
) -> Result<(), ServiceFault> {
    let arn = cluster_arn(turn, name);
    let access = AccessRequest::on(action, &arn);
    let access = match turn.current_state.clusters.get(name) {
        Some(cluster) => access.resource_tags(Service::Dax, &cluster.tags),
        None => access,
    };
    turn.authorize(&access)
}

/// Authorizes an action on a cluster and returns the cluster.
pub(super) fn find_cluster<'a>(
    turn: &mut Turn<'a>,
    action: &str,
    name: Option<&str>,
) -> Result<&'a Cluster, ServiceFault> {
    let name = cluster_name(required("ClusterName", name)?)?;
    authorize_on_cluster(turn, action, &name)?;
    turn.state
        .clusters
        .get(&name)
        .ok_or_else(|| fault("ClusterNotFoundFault"))
}

/// Like `find_cluster`, but the cluster must be available, as every change requires.
pub(super) fn find_available_cluster<'a>(
    turn: &mut Turn<'a>,
    action: &str,
    name: Option<&str>,
) -> Result<&'a Cluster, ServiceFault> {
    let cluster = find_cluster(turn, action, name)?;
    if cluster.is_available() {
        Ok(cluster)
    } else {
        Err(fault("InvalidClusterStateFault"))
    }
}

/// Collects the changed cluster and returns it as the response.
pub(super) fn respond_with(turn: &mut Turn<'_>, cluster: Cluster) -> Result<Vec<u8>, ServiceFault> {
    let response = write(&ClusterResult {
        cluster: ClusterView::of(&cluster, turn.region(), turn.now),
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    response
}

/// An event of a cluster, visible from `date` on.
pub(super) fn cluster_event(name: &str, message: impl Into<String>, date: DateTime<Utc>) -> Change {
    Change::Event(Event {
        source_name: name.to_owned(),
        source: EventSource::Cluster,
        message: message.into(),
        date,
    })
}

/// The changes that make every cluster stuck in `creating` available at `ready_at`.
pub(crate) fn release_stuck_clusters(state: &State, ready_at: DateTime<Utc>) -> Vec<Change> {
    let stuck = state
        .clusters
        .values()
        .filter(|cluster| cluster.phase == Phase::Creating { until: None });
    stuck
        .flat_map(|cluster| {
            let mut cluster = cluster.clone();
            cluster.phase = Phase::Creating {
                until: Some(ready_at),
            };
            cluster
                .nodes
                .iter_mut()
                .for_each(|node| node.created_at = ready_at);
            let event = cluster_event(&cluster.name, "Cluster created.", ready_at);
            [Change::Cluster(Box::new(cluster)), event]
        })
        .collect()
}
