//! delete_cluster: deletes the cluster and every resource created for it, also those of an
//! unfinished create.

use std::time::Duration;

use super::{Plan, tear_down};

/// The steps of a tear-down. A delete has no undo: if it cannot continue, it blocks with the reason
/// and resumes once the cause is resolved.
pub const PLAN: Plan = Plan {
    steps: tear_down::STEPS,
    undo: &[],
    deadline: Duration::from_secs(3 * 60 * 60),
};
