//! Steps about the parameter group of an existing cluster.
//!
//! A group in use may not be editable (developer guide, "Managing DAX clusters"), so new values are a new group: it is
//! made and filled, the cluster is switched to it, and the old one is removed.

use std::collections::BTreeMap;

use crate::domain::change::ChangeSpec;
use crate::domain::drift::wanted_group;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{group_description, managed_name};
use crate::domain::observed::Observed;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::ParameterGroup;
use crate::domain::verdict::Findings;

use super::change;
use crate::operations::{Context, StepFuture, StepOutcome, groups, make, tear_down};

/// Why a group that was given is not the cluster's business any more.
const NOT_USED: &str = "the cluster does not use it";

/// Finds the group that was given, or makes one for new values; what the cluster has and suits is kept.
pub(in crate::operations) fn prepare<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        match &change.after.parameter_group {
            ParameterGroup::Default => Ok(StepOutcome::Skip),
            ParameterGroup::Existing { .. } if !change.changes_parameters() => {
                Ok(StepOutcome::Skip)
            }
            ParameterGroup::Existing { name } => groups::find_parameter_group(context, name).await,
            ParameterGroup::New { values } => prepare_own(context, change, values).await,
        }
    })
}

async fn prepare_own(
    context: &Context<'_>,
    change: &ChangeSpec,
    values: &BTreeMap<String, String>,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let asked = task
        .open_intents
        .iter()
        .any(|intent| intent.operation_id == task.operation_id);
    let begun = asked
        || task
            .created_here(ResourceKind::ParameterGroup)
            .next()
            .is_some();
    if !begun && !change.changes_parameters() {
        // An update keeps the group it has; a repair looks whether somebody changed the values in it.
        if task.kind != Kind::RepairCluster {
            return Ok(StepOutcome::Skip);
        }
        if let Some(group) = task.created_before(ResourceKind::ParameterGroup).last()
            && let Some(found) = context.aws.parameters(&group.name).await?
            && values
                .iter()
                .all(|(key, value)| found.get(key) == Some(value))
        {
            return Ok(StepOutcome::Skip);
        }
    }
    let mutation = Mutation::CreateParameterGroup {
        name: managed_name(&task.cluster, task.operation_id),
        description: group_description(task.installation_id, task.operation_id),
    };
    make(context, mutation).await
}

/// Fills the group that was made for new values.
pub(in crate::operations) fn set<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        match context
            .task
            .created_here(ResourceKind::ParameterGroup)
            .next()
        {
            Some(_) => groups::set_parameters(context, &change.after).await,
            None => Ok(StepOutcome::Skip),
        }
    })
}

/// The group of ours that the cluster shall have: the one made for new values, else the one it has.
pub(super) fn own_group<'a>(context: &Context<'a>) -> Option<&'a Item> {
    let task = context.task;
    task.created_here(ResourceKind::ParameterGroup)
        .next()
        .or_else(|| task.created_before(ResourceKind::ParameterGroup).last())
}

/// Removes the group of ours that was replaced, and lets go of one that was given.
pub(in crate::operations) fn delete_replaced<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let task = context.task;
        let keep = wanted_group(&change(context)?.after, own_group(context));
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
        let (managed, given) = (others(Owner::Managed), others(Owner::External));
        if !given.is_empty() {
            let inventory = given.into_iter().map(|item| item.left(NOT_USED)).collect();
            let findings = Findings {
                inventory,
                ..Findings::default()
            };
            if managed.is_empty() {
                return Ok(StepOutcome::Done(findings));
            }
            let waiting_for = crate::domain::waiting::WaitingFor::Release;
            return Ok(StepOutcome::CheckAgain {
                after: std::time::Duration::ZERO,
                waiting_for,
                findings,
            });
        }
        tear_down::remove_items(context, managed).await
    })
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
    if observed.is_some_and(|found| found.parameter_group.as_ref() == Some(&new.name)) {
        return Ok(StepOutcome::done());
    }
    tear_down::remove_items(context, items).await
}

/// Groups that were given and that the cluster does not use: an undo lets go of them.
pub(super) fn unused(context: &Context<'_>, observed: &Observed) -> Vec<Item> {
    let given = context.task.inventory.iter().filter(|item| {
        item.kind == ResourceKind::ParameterGroup
            && item.owner == Owner::External
            && item.presence == Presence::Present
            && Some(&item.name) != observed.parameter_group.as_ref()
    });
    given.map(|item| item.left(NOT_USED)).collect()
}

/// The name of the parameter group that the cluster shall have.
pub(super) fn wanted_name<'a>(
    context: &Context<'a>,
    change: &'a ChangeSpec,
) -> Result<&'a str, Fault> {
    let own = own_group(context);
    if own.is_none() && change.makes_parameters() {
        return Err(Fault::new(
            FaultClass::Conflict,
            "the inventory has no parameter group for this cluster any more",
        ));
    }
    Ok(wanted_group(&change.after, own))
}
