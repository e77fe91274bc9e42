//! DeleteCluster.

use serde::Deserialize;

use crate::dax::clusters::{cluster_event, find_available_cluster, respond_with};
use crate::state::cluster::Phase;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteClusterRequest {
    cluster_name: Option<String>,
}

pub(super) fn delete_cluster(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: DeleteClusterRequest = read(body)?;
    let mut cluster =
        find_available_cluster(turn, "dax:DeleteCluster", request.cluster_name.as_deref())?.clone();
    let until = turn.after(turn.settings.deleting_seconds);
    cluster.phase = Phase::Deleting {
        from: turn.now,
        until,
    };
    let halfway = turn.after(turn.settings.deleting_seconds / 2.0);
    for node in &cluster.nodes {
        turn.change(cluster_event(
            &cluster.name,
            format!("Removed node {}.", node.id),
            halfway,
        ));
    }
    turn.change(cluster_event(&cluster.name, "Cluster deleted.", until));
    respond_with(turn, cluster)
}
