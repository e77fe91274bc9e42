//! RebootNode.
//!
//! Only the node becomes `REBOOTING`; the cluster stays `available` with one active node fewer. AWS
//! does not document whether the cluster shows anything else.

use serde::Deserialize;

use crate::dax::clusters::{cluster_event, find_available_cluster, respond_with};
use crate::dax::messages::fault;
use crate::dax::names::required;
use crate::state::cluster::Parameters;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RebootNodeRequest {
    cluster_name: Option<String>,
    node_id: Option<String>,
}

pub(super) fn reboot_node(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: RebootNodeRequest = read(body)?;
    let id = required("NodeId", request.node_id)?;
    let mut cluster =
        find_available_cluster(turn, "dax:RebootNode", request.cluster_name.as_deref())?.clone();
    let until = turn.after(turn.settings.rebooting_seconds);
    let node = cluster
        .nodes
        .iter_mut()
        .find(|node| node.id.eq_ignore_ascii_case(&id));
    let node = node.ok_or_else(|| fault("NodeNotFoundFault"))?;
    if node.is_rebooting(turn.now) {
        return Err(fault("InvalidClusterStateFault"));
    }
    node.rebooting_until = Some(until);
    if node.parameters == Parameters::AwaitReboot {
        node.parameters = Parameters::InSyncFrom(until);
    }
    let message = format!("Node {} rebooted.", node.id);
    turn.change(cluster_event(&cluster.name, message, until));
    respond_with(turn, cluster)
}
