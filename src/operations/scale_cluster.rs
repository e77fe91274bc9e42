//! scale_cluster: more nodes, or fewer.

use super::changes::{self, nodes};
use super::{Plan, Step};

/// The plan.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_PATIENCE,
            changes::await_changeable,
        ),
        Step::new(
            "change_replication_factor",
            |_| changes::BUSY_PATIENCE,
            nodes::change_count,
        ),
        Step::awaiting("await_nodes", nodes::nodes_timeout, nodes::await_count),
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};
