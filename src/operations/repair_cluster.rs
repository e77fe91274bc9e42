//! repair_cluster: brings what drifted back to the desired settings. What cannot change after creation is not touched.

use super::changes::{self, CHANGE_PATIENCE, nodes, of_call, parameters, settings, tags};
use super::{Plan, Step};

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
            "change_replication_factor",
            |_| changes::BUSY_PATIENCE,
            nodes::change_count,
        ),
        Step::awaiting("await_nodes", nodes::nodes_timeout, nodes::await_count),
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
