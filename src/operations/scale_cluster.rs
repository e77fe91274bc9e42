//! scale_cluster: adds or removes nodes of a cluster.

use super::changes::{self, nodes};
use super::{Plan, Step};

/// The steps of a scale.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(changes::await_changeable(context)),
        ),
        Step::new(
            "change_replication_factor",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(nodes::change_count(context)),
        ),
        Step::awaiting("await_nodes", nodes::nodes_timeout, |context| {
            Box::pin(nodes::await_count(context))
        }),
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};
