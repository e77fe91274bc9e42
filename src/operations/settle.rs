//! Settling: resolves calls whose outcome is unknown, because the response was lost or the process
//! ended before it was recorded.
//!
//! The outcome is read from AWS, by the exact name and the ownership evidence of the resource.

use std::time::Duration;

use crate::domain::inventory::Item;
use crate::domain::mutation::Mutation;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::{Intent, Task};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::evidence::{Existence, find_evidence};
use super::{Context, StepOutcome};

/// Resolves every call with an unknown outcome: a resource that it created joins the inventory.
/// "Nothing was created" is trusted only once the call is older than
/// `Timing::absence`. The results are added to `findings`.
pub(super) async fn settle(
    context: &Context<'_>,
    mut findings: Findings,
) -> Result<StepOutcome, Fault> {
    let mut is_waiting = false;
    for intent in &context.task.open_intents {
        match settle_one(context, intent).await? {
            Settled::Created(item) => {
                findings.inventory.push(item);
                findings.settled_intents.push(intent.id);
            }
            Settled::Nothing => findings.settled_intents.push(intent.id),
            Settled::NotYet => is_waiting = true,
        }
    }
    if is_waiting {
        let after = context
            .settings
            .timing
            .release_poll
            .max(Duration::from_millis(500));
        return Ok(StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::LostAnswer,
            findings,
        });
    }
    Ok(StepOutcome::Done(findings))
}

/// What a call with an unknown outcome has led to.
enum Settled {
    /// It created this item, or may have: then the item is marked as left.
    Created(Item),
    /// It created nothing that a tear-down must remove.
    Nothing,
    /// It is not known yet.
    NotYet,
}

/// Resolves one call with an unknown outcome by reading what exists under the name of its resource.
///
/// - The operation's own resource, even if it was altered since: the call created it.
/// - A resource of others: the call created nothing, because the name was taken.
/// - No resource: the call created nothing if it is older than `absence`. Until then it may still
///   take effect, or AWS may not show the effect yet.
/// - A resource whose ownership AWS cannot report yet: not known yet.
///
/// If this build cannot read the resource, a create or delete does not wait for another build. The
/// item joins the inventory as left, with the reason.
async fn settle_one(context: &Context<'_>, intent: &Intent) -> Result<Settled, Fault> {
    let Some((kind, name)) = intent.mutation.creates() else {
        return settle_change(context, intent).await;
    };
    let evidence = find_evidence(
        context.aws,
        context.account,
        context.task.installation_id,
        intent.operation_id,
        &intent.mutation,
    )
    .await;
    let existence = match evidence {
        Err(fault) if can_leave_unread(context.task, &fault) => {
            let item = Item::managed(kind, name, None, intent.operation_id);
            return Ok(Settled::Created(item.left(format!(
                "it is not known whether it was created: {}",
                fault.detail
            ))));
        }
        evidence => evidence?,
    };
    Ok(match existence {
        Existence::Owned(_) if crate::sabotage::is("lost_create_forgotten") => Settled::Nothing,
        Existence::Owned(item) | Existence::Altered(item, _) => Settled::Created(*item),
        Existence::Foreign(_) => Settled::Nothing,
        Existence::Undecided => Settled::NotYet,
        Existence::Absent if is_too_old(context, intent) => Settled::Nothing,
        Existence::Absent => Settled::NotYet,
    })
}

/// Resolves a call that creates no resource of its own.
///
/// A late attachment would keep the role from being deleted, so it is awaited: until it is visible,
/// or too old to take effect. Every other call leaves nothing that a create or delete would miss.
/// The undo of a change reads the resulting state of the cluster, so it waits until none of these
/// calls can take effect any more.
async fn settle_change(context: &Context<'_>, intent: &Intent) -> Result<Settled, Fault> {
    let Mutation::AttachRolePolicy { role, policy_arn } = &intent.mutation else {
        let reads_state = !matches!(context.task.kind, Kind::CreateCluster | Kind::DeleteCluster);
        return Ok(if reads_state && !is_too_old(context, intent) {
            Settled::NotYet
        } else {
            Settled::Nothing
        });
    };
    let attached = context
        .aws
        .attached_policies(role, &context.account.iam_arn("role", role))
        .await?;
    let is_attached = attached.is_some_and(|attached| attached.contains(policy_arn));
    Ok(if is_attached || is_too_old(context, intent) {
        Settled::Nothing
    } else {
        Settled::NotYet
    })
}

/// Whether a call is too old to take effect any more.
fn is_too_old(context: &Context<'_>, intent: &Intent) -> bool {
    context.task.age_of(intent.opened_at) >= context.settings.timing.absence
        || crate::sabotage::is("absence_trusted_at_once")
}

/// Whether a resource that this build cannot read is left: a create or delete does not wait for
/// another build.
pub(super) fn can_leave_unread(task: &Task, fault: &Fault) -> bool {
    fault.class == FaultClass::NotBuiltIn
        && matches!(task.kind, Kind::CreateCluster | Kind::DeleteCluster)
}
