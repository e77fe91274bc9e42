//! Steps of the settings that UpdateCluster changes.

use crate::domain::change::ChangeSpec;
use crate::domain::drift::change_needed;
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::ClusterUpdate;
use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;

use super::parameters::desired_name;
use super::{change, gone_or_wait, idle_cluster, vanished, wait_unless_broken};
use crate::operations::observation::Observation;
use crate::operations::{Context, StepOutcome};

/// Sends one UpdateCluster for all settings that must change.
pub(in crate::operations) async fn update(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    let cluster = match idle_cluster(context).await? {
        Ok(cluster) => cluster,
        Err(wait) => return Ok(wait),
    };
    let update = needed(context, change, &cluster)?;
    if update.is_empty() {
        return Ok(StepOutcome::Done(Findings::observed(cluster)));
    }
    Ok(StepOutcome::act(Mutation::UpdateCluster(Box::new(update))))
}

/// The settings that UpdateCluster must change.
fn needed(
    context: &Context<'_>,
    change: &ChangeSpec,
    cluster: &Observed,
) -> Result<ClusterUpdate, Fault> {
    let group = desired_name(context, change)?;
    Ok(change_needed(change, context.task.kind, group, cluster))
}

/// Waits until AWS reports the new settings, and the cluster and its nodes as available.
pub(in crate::operations) async fn await_updated(
    context: &Context<'_>,
) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    match context.observe().await? {
        Observation::Found(cluster) if cluster.is_usable() && cluster.is_idle() => {
            let update = needed(context, change, &cluster)?;
            let findings = Findings::observed(*cluster);
            Ok(if update.is_empty() {
                StepOutcome::Done(findings)
            } else {
                context.wait_for_cluster(findings)
            })
        }
        Observation::Found(cluster) if cluster.is_deleting() => Err(vanished(context)),
        Observation::Found(cluster) => wait_unless_broken(context, *cluster).await,
        Observation::NotFound => gone_or_wait(context).await,
        Observation::Stale => Ok(context.wait_for_cluster(Findings::default())),
    }
}
