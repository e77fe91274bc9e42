//! Steps shared by the kinds that change an existing cluster, and the undo of these kinds.
//!
//! An undo removes only resources that the operation created. Changes that AWS has applied stay,
//! and the desired settings become what AWS reports.

use std::time::Duration;

use crate::domain::change::{ChangeSpec, RetainedParts};
use crate::domain::inventory::ResourceKind;
use crate::domain::observed::{Details, Observed};
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::Task;
use crate::domain::verdict::Findings;

use super::evidence::{cluster_tags, is_managed};
use super::{Context, Step, StepOutcome, cluster, settle, wrong_spec};
use crate::operations::observation::Observation;

pub(super) mod access;
pub(super) mod nodes;
pub(super) mod parameters;
pub(super) mod settings;
pub(super) mod steps;
pub(super) mod tags;

/// Time for AWS to show the effect of a call; other provisioners allow two minutes.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// Timeout of removals. It exceeds [`Timing::absence`](super::timing::Timing::absence), the time
/// during which NotFound for a recent resource is not trusted.
pub(super) const REMOVAL_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// Time for a busy cluster to become idle: as long as a creation can take.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(75 * 60);
/// Time for a change of settings; other provisioners allow 45 minutes.
pub(super) const CHANGE_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// Time for the whole operation before it blocks.
pub(super) const DEADLINE: Duration = Duration::from_secs(3 * 60 * 60);

/// The undo of a change.
pub(super) const UNDO: &[Step] = &[
    steps::SETTLE_OPEN_CALLS,
    steps::AWAIT_SETTLED,
    Step::new(
        "delete_new_access_policies",
        |_| REMOVAL_TIMEOUT,
        |context| Box::pin(access::delete_new(context)),
    ),
    Step::new(
        "delete_new_parameter_group",
        |_| REMOVAL_TIMEOUT,
        |context| Box::pin(parameters::delete_new(context)),
    ),
    Step::new(
        "read_settings",
        |_| CALL_TIMEOUT,
        |context| Box::pin(read_settings(context)),
    ),
];

/// [`CALL_TIMEOUT`], as the deadline of a step.
pub(super) fn call_timeout(_: &Task) -> Duration {
    CALL_TIMEOUT
}

/// The change in the operation's spec.
pub(super) fn change<'a>(context: &Context<'a>) -> Result<&'a ChangeSpec, Fault> {
    context.task.spec.change().ok_or_else(wrong_spec)
}

/// Waits until AWS accepts a change: the cluster exists, is idle, and is the managed one.
pub(super) async fn await_changeable(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    match context.observe().await? {
        // The polled state can be old, or of another cluster: read AWS before the next step starts.
        Observation::Found(cluster) if cluster.is_idle() => match idle_cluster(context).await? {
            Ok(cluster) => Ok(StepOutcome::Done(Findings::observed(cluster))),
            Err(wait) => Ok(wait),
        },
        Observation::Found(cluster) if cluster.is_deleting() => Err(vanished(context)),
        Observation::Found(cluster) => wait_unless_broken(context, *cluster).await,
        Observation::NotFound => gone_or_wait(context).await,
        Observation::Stale => Ok(context.wait_for_cluster(Findings::default())),
    }
}

/// The fault of a cluster that was replaced by another one of the same name.
fn replaced(context: &Context<'_>) -> Fault {
    let detail = format!(
        "the cluster {} was deleted and created again outside this service; release it, then \
         adopt the new cluster",
        context.task.cluster
    );
    Fault::new(FaultClass::Conflict, detail)
}

/// Waits for a busy cluster, unless it has a status that it does not leave on its own.
pub(super) async fn wait_unless_broken(
    context: &Context<'_>,
    cluster: Observed,
) -> Result<StepOutcome, Fault> {
    cluster::fail_if_broken(context, &cluster).await?;
    Ok(context.wait_for_cluster(Findings::observed(cluster)))
}

/// The fault of a cluster that does not exist any more, or is being deleted.
pub(super) fn vanished(context: &Context<'_>) -> Fault {
    let detail = format!(
        "the cluster {} no longer exists in AWS: it was deleted outside this service",
        context.task.cluster
    );
    Fault::new(FaultClass::Conflict, detail)
}

/// A list of all clusters can be incomplete. A cluster counts as gone only if a read by its name
/// does not find it either.
pub(super) async fn gone_or_wait(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    match context.aws.cluster(context.task.cluster.as_str()).await? {
        Some(cluster) => Ok(context.wait_for_cluster(Findings::observed(cluster))),
        None => Err(vanished(context)),
    }
}

/// Reads the cluster from AWS. `Ok` if it is idle and the managed one, else `Err` with the outcome
/// that waits for it.
pub(super) async fn idle_cluster(
    context: &Context<'_>,
) -> Result<Result<Observed, StepOutcome>, Fault> {
    let Some(cluster) = context.aws.cluster(context.task.cluster.as_str()).await? else {
        return Err(vanished(context));
    };
    if cluster.is_deleting() {
        return Err(vanished(context));
    }
    if !cluster.is_idle() {
        return Ok(Err(wait_unless_broken(context, cluster).await?));
    }
    // A cluster that is being adopted has no ownership tags yet.
    let managed = if context.task.kind == Kind::AdoptCluster {
        Some(true)
    } else {
        is_managed(context, &cluster).await?
    };
    match managed {
        Some(true) => Ok(Ok(cluster)),
        Some(false) => Err(replaced(context)),
        None => Ok(Err(context.wait_for_cluster(Findings::observed(cluster)))),
    }
}

/// Resolves every call with an unknown outcome, before an undo removes anything.
pub(super) async fn settle_open_calls(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    settle::settle(context, Findings::default()).await
}

/// Waits until the cluster is idle, broken or gone.
pub(super) async fn await_settled(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    // An operation that sent no call to DAX does not wait for the changes of others.
    if !context
        .task
        .done_calls
        .iter()
        .any(|done| done.mutation.call_name().starts_with("dax:"))
    {
        return Ok(StepOutcome::Skip);
    }
    match context.observe().await? {
        Observation::NotFound => Ok(StepOutcome::done()),
        Observation::Found(cluster) if cluster.is_idle() || cluster::is_broken(&cluster) => {
            Ok(StepOutcome::Done(Findings::observed(*cluster)))
        }
        Observation::Found(cluster) => Ok(context.wait_for_cluster(Findings::observed(*cluster))),
        Observation::Stale => Ok(context.wait_for_cluster(Findings::default())),
    }
}

/// The last step of an undo: the desired settings become what AWS reports. Settings that the change
/// did not touch stay as they were, and all of them do if the cluster is gone or replaced.
async fn read_settings(context: &Context<'_>) -> Result<StepOutcome, Fault> {
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
        return Ok(context.wait_for_cluster(Findings::observed(observed)));
    };
    let retained = RetainedParts {
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
    let desired = change.as_reported(&observed, &tags.clone().unwrap_or_default(), retained);
    Ok(StepOutcome::Done(Findings {
        inventory: parameters::unused(context, &observed),
        details: tags.map(|tags| Details {
            tags: Some(tags),
            parameters: None,
        }),
        desired: Some(Box::new(desired)),
        ..Findings::observed(observed)
    }))
}
