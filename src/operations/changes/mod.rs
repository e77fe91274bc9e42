//! Changes: the steps shared by the kinds that change an existing cluster, and how such a kind is undone.
//!
//! An undo removes only what the operation itself made. What AWS has taken over already stays, and the desired settings
//! become what AWS reports.

use std::time::Duration;

use crate::domain::change::{ChangeSpec, RetainedParts};
use crate::domain::inventory::ResourceKind;
use crate::domain::observed::{Details, Observed};
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::Task;
use crate::domain::verdict::Findings;

use super::evidence::{cluster_tags, is_managed};
use super::{Context, Step, StepFuture, StepOutcome, cluster, tear_down};
use crate::operations::observation::Observation;

pub(super) mod access;
pub(super) mod nodes;
pub(super) mod parameters;
pub(super) mod settings;
pub(super) mod tags;

/// How long AWS may take to show what was changed; other provisioners allow two minutes.
pub(super) const CALL_PATIENCE: Duration = Duration::from_secs(120);
/// How long AWS may take to let go of something; longer than "it is not there" is not believed of something young.
pub(super) const REMOVAL_PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How long a cluster may be busy: as long as its creation may take.
pub(super) const BUSY_PATIENCE: Duration = Duration::from_secs(75 * 60);
/// How long a change of settings may take: other provisioners allow a cluster 45 minutes.
pub(super) const CHANGE_PATIENCE: Duration = Duration::from_secs(45 * 60);
/// How long a whole change may take before it blocks.
pub(super) const DEADLINE: Duration = Duration::from_secs(3 * 60 * 60);

/// How a change is undone.
pub(super) const UNDO: &[Step] = &[
    Step::new("settle_open_calls", |_| BUSY_PATIENCE, settle_open_calls),
    Step::awaiting("await_settled", |_| BUSY_PATIENCE, await_settled),
    Step::new(
        "delete_new_access_policies",
        |_| REMOVAL_PATIENCE,
        delete_new_access_policies,
    ),
    Step::new(
        "delete_new_parameter_group",
        |_| REMOVAL_PATIENCE,
        delete_new_parameter_group,
    ),
    Step::new("read_settings", |_| CALL_PATIENCE, read_settings),
];

/// The patience of a call, as a step has it.
pub(super) fn of_call(_: &Task) -> Duration {
    CALL_PATIENCE
}

/// The change that the operation is.
pub(super) fn change<'a>(context: &Context<'a>) -> Result<&'a ChangeSpec, Fault> {
    let wrong = || {
        Fault::new(
            FaultClass::Invalid,
            "the operation holds the spec of another kind",
        )
    };
    context.task.spec.change().ok_or_else(wrong)
}

/// Waits until AWS would take a change: the cluster is there, at rest, and the one that is managed.
pub(super) fn await_changeable<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        match context.seen().await? {
            // What was seen may be old, and of another cluster: AWS is asked before anything follows from it.
            Observation::There(found) if found.has_status("available") => {
                match resting_cluster(context).await? {
                    Ok(found) => Ok(StepOutcome::Done(Findings::seen(found))),
                    Err(wait) => Ok(wait),
                }
            }
            Observation::There(found) if found.is_deleting() => Err(vanished(context)),
            Observation::There(found) => wait_unless_broken(context, *found).await,
            Observation::NotThere => gone_or_wait(context).await,
            Observation::NotYet => Ok(context.wait_for_cluster(Findings::default())),
        }
    })
}

/// The fault of another cluster under the name: it is not changed.
fn foreign(context: &Context<'_>) -> Fault {
    let detail = format!(
        "the cluster {} in AWS is not the one that is managed here: somebody made it anew; release this one and adopt that",
        context.task.cluster
    );
    Fault::new(FaultClass::Conflict, detail)
}

/// Waits for a cluster that is at work, unless it is in a state from which it does not come back.
pub(super) async fn wait_unless_broken(
    context: &Context<'_>,
    found: Observed,
) -> Result<StepOutcome, Fault> {
    match cluster::broken_status(&found) {
        Some(status) => Err(cluster::not_available(
            context,
            format!("AWS reports the cluster as {status}"),
        )
        .await),
        None => Ok(context.wait_for_cluster(Findings::seen(found))),
    }
}

/// The fault of a cluster that is not there any more, or on its way out.
pub(super) fn vanished(context: &Context<'_>) -> Fault {
    let detail = format!(
        "the cluster {} is not in AWS any more: somebody else deleted it",
        context.task.cluster
    );
    Fault::new(FaultClass::Conflict, detail)
}

/// A list of all clusters may have a gap: that one is gone is believed only when it is asked for by name.
pub(super) async fn gone_or_wait(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    match context.aws.cluster(context.task.cluster.as_str()).await? {
        Some(found) => Ok(context.wait_for_cluster(Findings::seen(found))),
        None => Err(vanished(context)),
    }
}

/// The cluster right now, at rest, and the one that is managed; or what to do until it is.
pub(super) async fn resting_cluster(
    context: &Context<'_>,
) -> Result<Result<Observed, StepOutcome>, Fault> {
    let Some(found) = context.aws.cluster(context.task.cluster.as_str()).await? else {
        return Err(vanished(context));
    };
    if found.is_deleting() {
        return Err(vanished(context));
    }
    if !found.has_status("available") {
        return Ok(Err(wait_unless_broken(context, found).await?));
    }
    // What is to be adopted is nobody's yet.
    let managed = if context.task.kind == Kind::AdoptCluster {
        Some(true)
    } else {
        is_managed(context, &found).await?
    };
    match managed {
        Some(true) => Ok(Ok(found)),
        Some(false) => Err(foreign(context)),
        None => Ok(Err(context.wait_for_cluster(Findings::seen(found)))),
    }
}

pub(super) fn settle_open_calls<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(tear_down::settle(context, Findings::default()))
}

/// Waits until AWS is done with the cluster, whatever became of it.
pub(super) fn await_settled<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        // Who has asked DAX for nothing need not wait until somebody else's change is over.
        if !context
            .task
            .done_calls
            .iter()
            .any(|done| done.call.starts_with("dax:"))
        {
            return Ok(StepOutcome::Skip);
        }
        match context.seen().await? {
            Observation::NotThere => Ok(StepOutcome::done()),
            Observation::There(found)
                if found.has_status("available") || cluster::broken_status(&found).is_some() =>
            {
                Ok(StepOutcome::Done(Findings::seen(*found)))
            }
            Observation::There(found) => Ok(context.wait_for_cluster(Findings::seen(*found))),
            Observation::NotYet => Ok(context.wait_for_cluster(Findings::default())),
        }
    })
}

fn delete_new_access_policies<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(access::delete_new(context))
}

fn delete_new_parameter_group<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(parameters::delete_new(context))
}

/// The last step of an undo: the desired settings become what AWS reports.
fn read_settings<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        let unchanged = || {
            let desired = Some(Box::new(change.unchanged()));
            Ok(StepOutcome::Done(Findings {
                desired,
                ..Findings::default()
            }))
        };
        let Some(observed) = context.aws.cluster(context.task.cluster.as_str()).await? else {
            return unchanged();
        };
        if is_managed(context, &observed).await? == Some(false) {
            return unchanged();
        }
        let tags = if change.before.tags == change.after.tags {
            Some(None)
        } else {
            cluster_tags(context.aws, &observed).await?.map(Some)
        };
        let Some(tags) = tags else {
            return Ok(context.wait_for_cluster(Findings::seen(observed)));
        };
        let kept = RetainedParts {
            parameters: context
                .task
                .created_here(ResourceKind::ParameterGroup)
                .next()
                .is_some(),
            access: context
                .task
                .created_here(ResourceKind::Policy)
                .next()
                .is_some(),
        };
        let desired = change.as_reported(&observed, &tags.clone().unwrap_or_default(), kept);
        Ok(StepOutcome::Done(Findings {
            inventory: parameters::unused(context, &observed),
            details: tags.map(|tags| Details {
                tags: Some(tags),
                parameters: None,
            }),
            desired: Some(Box::new(desired)),
            ..Findings::seen(observed)
        }))
    })
}
