//! repair_cluster: sets drifted settings back to the desired ones. Settings that cannot change
//! after creation are not repaired.

use super::changes::{self, CHANGE_TIMEOUT, call_timeout, nodes, parameters, settings, tags};
use super::{Plan, Step};

/// The steps of a repair. Steps without drift are skipped.
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
        Step::new(
            "change_replication_factor",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(nodes::change_count(context)),
        ),
        Step::awaiting("await_nodes", nodes::nodes_timeout, |context| {
            Box::pin(nodes::await_count(context))
        }),
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
