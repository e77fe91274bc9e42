//! Steps about what the service role of ours may reach: new policies are made and attached before the old ones go.

use crate::domain::inventory::{Item, Presence, ResourceKind};
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::change;
use crate::operations::{Context, StepFuture, StepOutcome, access_policies, tear_down};

const ATTACH: &str = "iam:AttachRolePolicy";

pub(in crate::operations) fn create<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        if change.changes_access() {
            access_policies::create(context, &change.after).await
        } else {
            Ok(StepOutcome::Skip)
        }
    })
}

pub(in crate::operations) fn attach<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        if change(context)?.changes_access() {
            access_policies::attach(context).await
        } else {
            Ok(StepOutcome::Skip)
        }
    })
}

/// Detaches and deletes the policies that the new ones replace, once the new ones can be expected to hold.
pub(in crate::operations) fn delete_replaced<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        if !change(context)?.changes_access() {
            return Ok(StepOutcome::Skip);
        }
        let task = context.task;
        let attached = task
            .done_calls
            .iter()
            .filter(|done| done.call == ATTACH)
            .map(|done| done.at)
            .max();
        let left = attached.map(|at| {
            context
                .settings
                .timing
                .settle
                .saturating_sub(task.age_of(at))
        });
        if let Some(after) = left.filter(|left| !left.is_zero()) {
            let waiting_for = WaitingFor::RolePropagation;
            return Ok(StepOutcome::CheckAgain {
                after,
                waiting_for,
                findings: Findings::default(),
            });
        }
        tear_down::remove_items(context, task.created_before(ResourceKind::Policy).collect()).await
    })
}

/// Undo: removes the new policies, unless an old one is gone already; then the role needs the new ones, and the rest of
/// the old ones goes, so that the role reaches what is said of it.
pub(super) async fn delete_new(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let new: Vec<&Item> = task.created_here(ResourceKind::Policy).collect();
    if new.is_empty() && task.step.attempts == 0 {
        return Ok(StepOutcome::Skip);
    }
    if !lost_an_old_one(context).await? {
        return tear_down::remove_items(context, new).await;
    }
    let old: Vec<&Item> = task.created_before(ResourceKind::Policy).collect();
    if old.is_empty() {
        Ok(StepOutcome::done())
    } else {
        tear_down::remove_items(context, old).await
    }
}

/// Whether a policy that the role had before is not on it any more.
async fn lost_an_old_one(context: &Context<'_>) -> Result<bool, Fault> {
    let task = context.task;
    let of_before =
        |item: &&Item| item.kind == ResourceKind::Policy && item.operation_id != task.operation_id;
    let removals = |item: &Item| {
        let about = item.arn.clone();
        task.done_calls
            .iter()
            .filter(move |done| done.call != ATTACH && Some(&done.target) == about.as_ref())
    };
    let touched: Vec<&Item> = task
        .inventory
        .iter()
        .filter(of_before)
        .filter(|item| removals(item).next().is_some())
        .collect();
    if touched.is_empty() {
        return Ok(false);
    }
    // IAM may still list what it has confirmed to be off: only where nobody knows it is asked.
    if touched
        .iter()
        .any(|item| removals(item).any(|done| done.is_confirmed))
    {
        return Ok(true);
    }
    let Some(role) = task.managed(ResourceKind::Role).next() else {
        return Ok(true);
    };
    let arn = role
        .arn
        .clone()
        .unwrap_or_else(|| context.place.iam_arn("role", &role.name));
    let attached = context
        .aws
        .attached_policies(&role.name, &arn)
        .await?
        .unwrap_or_default();
    let is_on = |item: &&Item| {
        item.presence == Presence::Present
            && item.arn.as_ref().is_some_and(|arn| attached.contains(arn))
    };
    Ok(!touched.iter().all(is_on))
}
