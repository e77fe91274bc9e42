//! Steps of the access policies of the managed role: new policies are created and attached before
//! the old ones are removed.

use crate::domain::inventory::{Item, Presence, ResourceKind};
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::change;
use crate::operations::{Context, StepOutcome, access_policies, tear_down};

const ATTACH: &str = "iam:AttachRolePolicy";

/// Creates the new policies, if the change concerns the role's access.
pub(in crate::operations) async fn create(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    if change.changes_access() {
        access_policies::create(context, &change.after).await
    } else {
        Ok(StepOutcome::Skip)
    }
}

/// Attaches the new policies to the role.
pub(in crate::operations) async fn attach(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    if change(context)?.changes_access() {
        access_policies::attach(context).await
    } else {
        Ok(StepOutcome::Skip)
    }
}

/// Detaches and deletes the replaced policies. It waits `settle` after the last attachment, so that
/// IAM applies the new policies before the old ones are gone.
pub(in crate::operations) async fn delete_replaced(
    context: &Context<'_>,
) -> Result<StepOutcome, Fault> {
    if !change(context)?.changes_access() {
        return Ok(StepOutcome::Skip);
    }
    let task = context.task;
    let attached_at = task
        .done_calls
        .iter()
        .filter(|done| done.mutation.call_name() == ATTACH)
        .map(|done| done.at)
        .max();
    let delay = attached_at.map(|at| {
        context
            .settings
            .timing
            .settle
            .saturating_sub(task.age_of(at))
    });
    if let Some(after) = delay.filter(|delay| !delay.is_zero()) {
        return Ok(StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::RolePropagation,
            findings: Findings::default(),
        });
    }
    tear_down::remove_items(context, task.created_before(ResourceKind::Policy).collect()).await
}

/// Undo: removes the new policies while every old policy is still attached.
///
/// Once an old policy is gone, the role needs the new ones. Then the undo completes the change
/// instead: it removes the remaining old policies, and `read_settings` records the new access.
pub(super) async fn delete_new(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let new: Vec<&Item> = task.created_here(ResourceKind::Policy).collect();
    if new.is_empty() && task.step.attempts == 0 {
        return Ok(StepOutcome::Skip);
    }
    if !has_lost_an_old_policy(context).await? {
        return tear_down::remove_items(context, new).await;
    }
    let old: Vec<&Item> = task.created_before(ResourceKind::Policy).collect();
    if old.is_empty() {
        Ok(StepOutcome::done())
    } else {
        tear_down::remove_items(context, old).await
    }
}

/// Whether this operation has removed a policy of an earlier operation from the role.
///
/// A confirmed detach or delete answers the question. If the outcome of every such call is unknown,
/// the role's attached policies decide.
async fn has_lost_an_old_policy(context: &Context<'_>) -> Result<bool, Fault> {
    let task = context.task;
    let is_old =
        |item: &&Item| item.kind == ResourceKind::Policy && item.operation_id != task.operation_id;
    let removals = |item: &Item| {
        let arn = item.arn.clone();
        task.done_calls.iter().filter(move |done| {
            done.mutation.call_name() != ATTACH && Some(done.mutation.target()) == arn.as_deref()
        })
    };
    let touched: Vec<&Item> = task
        .inventory
        .iter()
        .filter(is_old)
        .filter(|item| removals(item).next().is_some())
        .collect();
    if touched.is_empty() {
        return Ok(false);
    }
    // IAM can still list a policy whose detach it confirmed, so ask only where the outcome is
    // unknown.
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
        .unwrap_or_else(|| context.account.iam_arn("role", &role.name));
    let attached = context
        .aws
        .attached_policies(&role.name, &arn)
        .await?
        .unwrap_or_default();
    let is_attached = |item: &&Item| {
        item.presence == Presence::Present
            && item.arn.as_ref().is_some_and(|arn| attached.contains(arn))
    };
    Ok(!touched.iter().all(is_attached))
}
