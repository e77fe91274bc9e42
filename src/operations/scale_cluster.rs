//! scale_cluster: adds or removes nodes of a cluster.

use super::Plan;
use super::changes::{self, steps};

/// The steps of a scale.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        steps::CHANGE_REPLICATION_FACTOR,
        steps::AWAIT_NODES,
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};
