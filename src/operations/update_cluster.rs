//! update_cluster: changes settings, parameter values, access policies and tags of a cluster.

use super::changes::{
    self, CHANGE_TIMEOUT, access, call_timeout, nodes, parameters, settings, tags,
};
use super::{Context, Plan, Step, StepOutcome};
use crate::domain::problems::fault::Fault;

/// The steps of an update. Steps without a change to apply are skipped.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(changes::await_changeable(context)),
        ),
        Step::new("prepare_parameter_group", call_timeout, |context| {
            Box::pin(parameters::prepare(context))
        }),
        Step::new("set_parameters", call_timeout, |context| {
            Box::pin(parameters::set(context))
        }),
        Step::new(
            "update_cluster",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(settings::update(context)),
        ),
        Step::awaiting(
            "await_updated",
            |_| CHANGE_TIMEOUT,
            |context| Box::pin(settings::await_updated(context)),
        ),
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
        Step::new(
            "update_tags",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(tags::update(context)),
        ),
        Step::new(
            "delete_replaced_parameter_group",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(parameters::delete_replaced(context)),
        ),
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
