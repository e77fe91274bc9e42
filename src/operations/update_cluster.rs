//! update_cluster: other settings, other cache values, another reach of the service role, other tags.

use super::changes::{self, CHANGE_PATIENCE, access, nodes, of_call, parameters, settings, tags};
use super::{Context, Plan, Step, StepFuture, StepOutcome};

/// The plan.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_PATIENCE,
            changes::await_changeable,
        ),
        Step::new("prepare_parameter_group", of_call, parameters::prepare),
        Step::new("set_parameters", of_call, parameters::set),
        Step::new(
            "update_cluster",
            |_| changes::BUSY_PATIENCE,
            settings::update,
        ),
        Step::awaiting(
            "await_updated",
            |_| CHANGE_PATIENCE,
            settings::await_updated,
        ),
        Step::new(
            "reboot_waiting_nodes",
            nodes::reboots_timeout,
            reboot_waiting_nodes,
        ),
        Step::new("create_access_policies", of_call, access::create),
        Step::new("attach_access_policies", of_call, access::attach),
        Step::new(
            "delete_replaced_policies",
            |_| changes::REMOVAL_PATIENCE,
            access::delete_replaced,
        ),
        Step::new("update_tags", |_| changes::BUSY_PATIENCE, tags::update),
        Step::new(
            "delete_replaced_parameter_group",
            |_| changes::BUSY_PATIENCE,
            parameters::delete_replaced,
        ),
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};

/// Reboots the nodes that AWS names as waiting for it, if that was asked for.
fn reboot_waiting_nodes<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        if !changes::change(context)?.reboot_nodes_if_needed {
            return Ok(StepOutcome::Skip);
        }
        nodes::reboot(context, |seen| seen.node_ids_to_reboot.clone()).await
    })
}
