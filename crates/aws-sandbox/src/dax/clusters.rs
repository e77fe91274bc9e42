//! What the operations on clusters share: finding one, asking for permission, answering with it.

use chrono::{DateTime, Utc};

use crate::authority::Ask;
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

/// The ARN of a cluster of that name, whether there is one or not.
pub(super) fn cluster_arn(turn: &Turn<'_>, name: &str) -> String {
    format!(
        "arn:aws:dax:{}:{}:cache/{name}",
        turn.region(),
        turn.account_id()
    )
}

/// Asks for an action on a cluster by its name.
pub(super) fn authorize_on_cluster(
    turn: &mut Turn<'_>,
    action: &str,
    name: &str,
) -> Result<(), ServiceFault> {
    let arn = cluster_arn(turn, name);
    let ask = Ask::on(action, &arn);
    let ask = match turn.state.clusters.get(name) {
        Some(cluster) => ask.resource_tags(Service::Dax, &cluster.tags),
        None => ask,
    };
    turn.authorize(&ask)
}

/// The cluster that an operation is about, after asking for permission.
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

/// The same cluster, if it is available: everything that changes one wants that.
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

/// Collects the changed cluster and answers with it.
pub(super) fn answer_with(turn: &mut Turn<'_>, cluster: Cluster) -> Result<Vec<u8>, ServiceFault> {
    let answer = write(&ClusterResult {
        cluster: ClusterView::of(&cluster, turn.region(), turn.now),
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    answer
}

/// An event about a cluster, seen from `date` on.
pub(super) fn cluster_event(name: &str, message: impl Into<String>, date: DateTime<Utc>) -> Change {
    Change::Event(Event {
        source_name: name.to_owned(),
        source: EventSource::Cluster,
        message: message.into(),
        date,
    })
}

/// Lets every cluster that is stuck in `creating` become available at `ready_at`.
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
