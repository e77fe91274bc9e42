//! delete_cluster: removes the cluster and what was made for it, in the one safe order, whatever a create has left.

use std::time::Duration;

use super::{Plan, tear_down};

/// The plan. A delete is not undone: what it cannot finish it explains, and goes on when it can.
pub const PLAN: Plan = Plan {
    steps: tear_down::STEPS,
    undo: &[],
    deadline: Duration::from_secs(3 * 60 * 60),
};
