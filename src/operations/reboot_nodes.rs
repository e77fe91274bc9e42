//! reboot_nodes: reboots the given nodes, or all of them, one after another.

use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;
use crate::domain::spec::Spec;

use super::changes::{self, nodes, steps};
use super::{Context, Plan, Step, StepOutcome, wrong_spec};

/// The steps. A reboot cannot be undone: an undo only waits until the cluster is idle.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        Step::awaiting("reboot_nodes", nodes::reboots_timeout, |context| {
            Box::pin(reboot(context))
        }),
    ],
    undo: &[steps::SETTLE_OPEN_CALLS, steps::AWAIT_SETTLED],
    deadline: changes::DEADLINE,
};

async fn reboot(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let Spec::RebootNodes(spec) = &context.task.spec else {
        return Err(wrong_spec());
    };
    let all = |observed: &Observed| {
        observed
            .nodes
            .iter()
            .filter_map(|node| node.node_id.clone())
            .collect()
    };
    nodes::reboot(context, |observed| {
        if spec.node_ids.is_empty() {
            all(observed)
        } else {
            spec.node_ids.clone()
        }
    })
    .await
}
