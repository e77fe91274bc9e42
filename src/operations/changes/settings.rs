//! Steps about the settings that UpdateCluster changes.

use crate::domain::change::ChangeSpec;
use crate::domain::drift::update_needed;
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::ClusterUpdate;
use crate::domain::observed::Observed;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;

use super::parameters::wanted_name;
use super::{change, gone_or_wait, resting_cluster, vanished, wait_unless_broken};
use crate::operations::observation::Observation;
use crate::operations::{Context, StepFuture, StepOutcome};

/// Asks DAX for whatever differs from the wanted settings, in one call.
pub(in crate::operations) fn update<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        let found = match resting_cluster(context).await? {
            Ok(found) => found,
            Err(wait) => return Ok(wait),
        };
        let update = needed(context, change, &found)?;
        if update.is_empty() {
            return Ok(StepOutcome::Done(Findings::seen(found)));
        }
        Ok(StepOutcome::act(Mutation::UpdateCluster(Box::new(update))))
    })
}

/// What UpdateCluster must change: for an update what it changes itself, for a repair whatever has drifted.
fn needed(
    context: &Context<'_>,
    change: &ChangeSpec,
    found: &Observed,
) -> Result<ClusterUpdate, Fault> {
    let update = update_needed(&change.after, wanted_name(context, change)?, found);
    if context.task.kind == Kind::RepairCluster {
        return Ok(update);
    }
    let ChangeSpec { before, after, .. } = change;
    let topic = before.notification_topic_arn != after.notification_topic_arn;
    Ok(ClusterUpdate {
        name: update.name,
        description: update
            .description
            .filter(|_| before.description != after.description),
        maintenance_window: update
            .maintenance_window
            .filter(|_| before.maintenance_window != after.maintenance_window),
        notification_topic_arn: update.notification_topic_arn.filter(|_| topic),
        notification_topic_status: update.notification_topic_status.filter(|_| topic),
        parameter_group: update
            .parameter_group
            .filter(|_| change.changes_parameters()),
        security_group_ids: update
            .security_group_ids
            .filter(|_| before.security_group_ids != after.security_group_ids),
    })
}

/// Waits until the cluster and its nodes have taken the new settings.
pub(in crate::operations) fn await_updated<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        match context.seen().await? {
            Observation::There(found) if found.is_usable() => {
                let update = needed(context, change, &found)?;
                let findings = Findings::seen(*found);
                Ok(if update.is_empty() {
                    StepOutcome::Done(findings)
                } else {
                    context.wait_for_cluster(findings)
                })
            }
            Observation::There(found) if found.is_deleting() => Err(vanished(context)),
            Observation::There(found) => wait_unless_broken(context, *found).await,
            Observation::NotThere => gone_or_wait(context).await,
            Observation::NotYet => Ok(context.wait_for_cluster(Findings::default())),
        }
    })
}
