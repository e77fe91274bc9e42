//! The steps that several kinds share.

use super::{
    BUSY_TIMEOUT, CHANGE_TIMEOUT, await_changeable, await_settled, call_timeout, nodes, parameters,
    settings, settle_open_calls, tags,
};
use crate::operations::Step;

/// Waits until the cluster accepts changes.
pub(in crate::operations) const AWAIT_CHANGEABLE: Step = Step::awaiting(
    "await_changeable",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(await_changeable(context)),
);

/// Finds the named parameter group, or creates one for changed values.
pub(in crate::operations) const PREPARE_PARAMETER_GROUP: Step =
    Step::new("prepare_parameter_group", call_timeout, |context| {
        Box::pin(parameters::prepare(context))
    });

/// Sets the changed parameter values.
pub(in crate::operations) const SET_PARAMETERS: Step =
    Step::new("set_parameters", call_timeout, |context| {
        Box::pin(parameters::set(context))
    });

/// Sends the changed settings.
pub(in crate::operations) const UPDATE_CLUSTER: Step = Step::new(
    "update_cluster",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(settings::update(context)),
);

/// Waits until AWS shows the changed settings.
pub(in crate::operations) const AWAIT_UPDATED: Step = Step::awaiting(
    "await_updated",
    |_| CHANGE_TIMEOUT,
    |context| Box::pin(settings::await_updated(context)),
);

/// Adds or removes nodes.
pub(in crate::operations) const CHANGE_REPLICATION_FACTOR: Step = Step::new(
    "change_replication_factor",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(nodes::change_count(context)),
);

/// Waits until the cluster has the wanted number of nodes.
pub(in crate::operations) const AWAIT_NODES: Step =
    Step::awaiting("await_nodes", nodes::nodes_timeout, |context| {
        Box::pin(nodes::await_count(context))
    });

/// Sets and removes tags of the cluster.
pub(in crate::operations) const UPDATE_TAGS: Step = Step::new(
    "update_tags",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(tags::update(context)),
);

/// Deletes the managed parameter group that the change replaced, and releases an external one.
pub(in crate::operations) const DELETE_REPLACED_PARAMETER_GROUP: Step = Step::new(
    "delete_replaced_parameter_group",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(parameters::delete_replaced(context)),
);

/// Undo: settles the calls whose outcome is unknown.
pub(in crate::operations) const SETTLE_OPEN_CALLS: Step = Step::new(
    "settle_open_calls",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(settle_open_calls(context)),
);

/// Undo: waits until the cluster is idle, broken or gone, if a call to DAX was sent.
pub(in crate::operations) const AWAIT_SETTLED: Step = Step::awaiting(
    "await_settled",
    |_| BUSY_TIMEOUT,
    |context| Box::pin(await_settled(context)),
);
