//! reboot_nodes: the nodes named, or all of them, one after another.

use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::Spec;

use super::changes::{self, nodes};
use super::{Context, Plan, Step, StepFuture};

/// The plan. A reboot cannot be undone: an undo only waits until the cluster is at rest.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_PATIENCE,
            changes::await_changeable,
        ),
        Step::awaiting("reboot_nodes", nodes::reboots_timeout, reboot),
    ],
    undo: &[
        Step::new(
            "settle_open_calls",
            |_| changes::BUSY_PATIENCE,
            changes::settle_open_calls,
        ),
        Step::awaiting(
            "await_settled",
            |_| changes::BUSY_PATIENCE,
            changes::await_settled,
        ),
    ],
    deadline: changes::DEADLINE,
};

fn reboot<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let Spec::RebootNodes(spec) = &context.task.spec else {
            return Err(Fault::new(
                FaultClass::Invalid,
                "the operation holds the spec of another kind",
            ));
        };
        let all = |seen: &Observed| {
            seen.nodes
                .iter()
                .filter_map(|node| node.node_id.clone())
                .collect()
        };
        nodes::reboot(context, |seen| {
            if spec.node_ids.is_empty() {
                all(seen)
            } else {
                spec.node_ids.clone()
            }
        })
        .await
    })
}
