//! Steps of the parameter group of an existing cluster.
//!
//! A group in use may not be editable (developer guide, "Managing DAX clusters"), so new values
//! need a new group. It is created and filled, the cluster is switched to it, and the old group is
//! removed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::change::ChangeSpec;
use crate::domain::drift::desired_group;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{group_description, managed_name};
use crate::domain::observed::Observed;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::Fault;
use crate::domain::spec::ParameterGroup;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::change;
use crate::operations::cluster::missing_part;
use crate::operations::{Context, StepOutcome, ensure_created, groups, tear_down};

/// Why an external group is released.
const NOT_USED: &str = "the cluster does not use it";

/// Finds the group that the request names, or creates one for new values. A group that the cluster
/// has and that needs no change is kept.
pub(in crate::operations) async fn prepare(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    match &change.after.parameter_group {
        ParameterGroup::Default => Ok(StepOutcome::Skip),
        ParameterGroup::Existing { .. } if !change.changes_parameters() => Ok(StepOutcome::Skip),
        ParameterGroup::Existing { name } => groups::find_parameter_group(context, name).await,
        ParameterGroup::New { values } => prepare_new(context, change, values).await,
    }
}

async fn prepare_new(
    context: &Context<'_>,
    change: &ChangeSpec,
    values: &BTreeMap<String, String>,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let has_open_call = task
        .open_intents
        .iter()
        .any(|intent| intent.operation_id == task.operation_id);
    let is_started = has_open_call
        || task
            .created_here(ResourceKind::ParameterGroup)
            .next()
            .is_some();
    if !is_started && !change.changes_parameters() {
        // An update keeps the cluster's group; a repair checks the values in it for drift.
        if task.kind != Kind::RepairCluster {
            return Ok(StepOutcome::Skip);
        }
        if let Some(group) = task.created_before(ResourceKind::ParameterGroup).last()
            && let Some(current) = context.aws.parameters(&group.name).await?
            && values
                .iter()
                .all(|(key, value)| current.get(key) == Some(value))
        {
            return Ok(StepOutcome::Skip);
        }
    }
    let mutation = Mutation::CreateParameterGroup {
        name: managed_name(&task.cluster, task.operation_id),
        description: group_description(task.installation_id, task.operation_id),
    };
    ensure_created(context, mutation).await
}

/// Sets the values of the group that this operation created.
pub(in crate::operations) async fn set(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    match context
        .task
        .created_here(ResourceKind::ParameterGroup)
        .next()
    {
        Some(_) => groups::set_parameters(context, &change.after).await,
        None => Ok(StepOutcome::Skip),
    }
}

/// The managed group that the cluster should use: the one created by this operation, else its
/// current one.
fn managed_group<'a>(context: &Context<'a>) -> Option<&'a Item> {
    let task = context.task;
    task.created_here(ResourceKind::ParameterGroup)
        .next()
        .or_else(|| task.created_before(ResourceKind::ParameterGroup).last())
}

/// Removes a managed group that was replaced, and releases an external one.
pub(in crate::operations) async fn delete_replaced(
    context: &Context<'_>,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let keep = desired_group(&change(context)?.after, managed_group(context));
    let others = |owner: Owner| {
        let is_other = move |item: &&Item| {
            item.kind == ResourceKind::ParameterGroup
                && item.owner == owner
                && item.presence == Presence::Present
                && item.name != keep
        };
        task.inventory
            .iter()
            .filter(is_other)
            .collect::<Vec<&Item>>()
    };
    let (managed, external) = (others(Owner::Managed), others(Owner::External));
    if !external.is_empty() {
        let inventory = external
            .into_iter()
            .map(|item| item.left(NOT_USED))
            .collect();
        let findings = Findings {
            inventory,
            ..Findings::default()
        };
        if managed.is_empty() {
            return Ok(StepOutcome::Done(findings));
        }
        return Ok(StepOutcome::CheckAgain {
            after: Duration::ZERO,
            waiting_for: WaitingFor::Release,
            findings,
        });
    }
    tear_down::remove_items(context, managed).await
}

/// Undo: removes the new group, unless the cluster has been switched to it.
pub(super) async fn delete_new(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let items: Vec<&Item> = context
        .task
        .created_here(ResourceKind::ParameterGroup)
        .collect();
    let Some(new) = items.first() else {
        return Ok(if context.task.step.attempts == 0 {
            StepOutcome::Skip
        } else {
            StepOutcome::done()
        });
    };
    let observed = context.aws.cluster(context.task.cluster.as_str()).await?;
    if observed.is_some_and(|cluster| cluster.parameter_group.as_ref() == Some(&new.name)) {
        return Ok(StepOutcome::done());
    }
    tear_down::remove_items(context, items).await
}

/// External groups that the cluster does not use: an undo releases them.
pub(super) fn unused(context: &Context<'_>, observed: &Observed) -> Vec<Item> {
    let external = context.task.inventory.iter().filter(|item| {
        item.kind == ResourceKind::ParameterGroup
            && item.owner == Owner::External
            && item.presence == Presence::Present
            && Some(&item.name) != observed.parameter_group.as_ref()
    });
    external.map(|item| item.left(NOT_USED)).collect()
}

/// The name of the parameter group that the cluster should use.
pub(super) fn desired_name<'a>(
    context: &Context<'a>,
    change: &'a ChangeSpec,
) -> Result<&'a str, Fault> {
    let managed = managed_group(context);
    if managed.is_none() && change.creates_parameter_group() {
        return Err(missing_part(ResourceKind::ParameterGroup));
    }
    Ok(desired_group(&change.after, managed))
}
