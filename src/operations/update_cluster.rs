//! update_cluster: changes settings, parameter values, access policies and tags of a cluster.

use super::changes::{self, access, call_timeout, nodes, steps};
use super::{Context, Plan, Step, StepOutcome};
use crate::domain::problems::fault::Fault;

/// The steps of an update. Steps without a change to apply are skipped.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        steps::PREPARE_PARAMETER_GROUP,
        steps::SET_PARAMETERS,
        steps::UPDATE_CLUSTER,
        steps::AWAIT_UPDATED,
        Step::new("reboot_waiting_nodes", nodes::reboots_timeout, |context| {
            Box::pin(reboot_waiting_nodes(context))
        }),
        Step::new("create_access_policies", call_timeout, |context| {
            Box::pin(access::create(context))
        }),
        Step::new("attach_access_policies", call_timeout, |context| {
            Box::pin(access::attach(context))
        }),
        Step::new(
            "delete_replaced_policies",
            |_| changes::REMOVAL_TIMEOUT,
            |context| Box::pin(access::delete_replaced(context)),
        ),
        steps::UPDATE_TAGS,
        steps::DELETE_REPLACED_PARAMETER_GROUP,
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};

/// Reboots the nodes that AWS lists as waiting for a reboot, if the request asks for it.
async fn reboot_waiting_nodes(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    if !changes::change(context)?.reboot_nodes_if_needed {
        return Ok(StepOutcome::Skip);
    }
    nodes::reboot(context, |observed| observed.node_ids_to_reboot.clone()).await
}
