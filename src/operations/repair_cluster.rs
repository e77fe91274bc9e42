//! repair_cluster: sets drifted settings back to the desired ones. Settings that cannot change
//! after creation are not repaired.

use super::Plan;
use super::changes::{self, steps};

/// The steps of a repair. Steps without drift are skipped.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        steps::PREPARE_PARAMETER_GROUP,
        steps::SET_PARAMETERS,
        steps::UPDATE_CLUSTER,
        steps::AWAIT_UPDATED,
        steps::CHANGE_REPLICATION_FACTOR,
        steps::AWAIT_NODES,
        steps::UPDATE_TAGS,
        steps::DELETE_REPLACED_PARAMETER_GROUP,
    ],
    undo: changes::UNDO,
    deadline: changes::DEADLINE,
};
