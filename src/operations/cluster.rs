//! Steps about the cluster itself: make it, and wait until it can be used.

use crate::domain::inventory::ResourceKind;
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::NewCluster;
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Difference, Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, NetworkType};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::evidence::{Existence, find_evidence, tags};
use super::{Context, StepOutcome, service_role};
use crate::operations::observation::Observation;

/// Statuses from which a cluster does not come back by itself (names as other provisioners know them).
const BROKEN_STATUSES: [&str; 2] = ["incompatible-parameters", "incompatible-network"];

/// Asks DAX for the cluster.
pub(super) async fn create(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let wanted = wanted(context, spec)?;
    if task
        .present_named(ResourceKind::Cluster, &wanted.name)
        .is_some()
    {
        return Ok(StepOutcome::done());
    }
    let mutation = Mutation::CreateCluster(Box::new(wanted));
    let mutation = task.open_call_like(&mutation).cloned().unwrap_or(mutation);
    match find_evidence(
        context.aws,
        context.place,
        task.installation_id,
        task.operation_id,
        &mutation,
    )
    .await?
    {
        Existence::Ours(item) => Ok(StepOutcome::Done(Findings::of(*item))),
        Existence::Undecided => Ok(wait(context)),
        Existence::Foreign(differences) | Existence::Altered(_, differences) => {
            let leaving = context
                .aws
                .cluster(task.cluster.as_str())
                .await?
                .is_some_and(|cluster| cluster.is_deleting());
            // An earlier cluster of that name on its way out frees the name soon.
            if leaving {
                Ok(wait(context))
            } else {
                Err(exists(spec, differences))
            }
        }
        Existence::Absent => {
            let propagating_until = service_role::propagating_until(context).await?;
            Ok(StepOutcome::Act {
                mutation: Box::new(mutation),
                propagating_until,
            })
        }
    }
}

fn wait(context: &Context<'_>) -> StepOutcome {
    StepOutcome::CheckAgain {
        after: context.settings.timing.cluster_poll,
        waiting_for: WaitingFor::Cluster,
        findings: Findings::default(),
    }
}

fn exists(spec: &ClusterSpec, differences: Vec<Difference>) -> Fault {
    let detail = format!(
        "a cluster named {} exists in AWS and was not made by this operation",
        spec.name
    );
    Fault {
        differences,
        ..Fault::new(FaultClass::ClusterExists, detail)
    }
}

fn wanted(context: &Context<'_>, spec: &ClusterSpec) -> Result<NewCluster, Fault> {
    let task = context.task;
    let part = |kind| task.present(kind).ok_or_else(|| incomplete(kind));
    let role = part(ResourceKind::Role)?;
    let mut all_tags = spec.tags.clone();
    all_tags.extend(tags(task.installation_id, task.operation_id));
    Ok(NewCluster {
        name: spec.name.to_string(),
        description: spec.description.clone(),
        node_type: spec.node_type.clone(),
        replication_factor: spec.replication_factor,
        availability_zones: spec.availability_zones.clone(),
        iam_role_arn: role
            .arn
            .clone()
            .unwrap_or_else(|| context.place.iam_arn("role", &role.name)),
        subnet_group: part(ResourceKind::SubnetGroup)?.name.clone(),
        security_group_ids: spec.security_group_ids.clone(),
        network_type: spec
            .network_type
            .map(|kind| NetworkType::as_str(kind).to_owned()),
        parameter_group: task
            .present(ResourceKind::ParameterGroup)
            .map(|group| group.name.clone()),
        encryption_at_rest: spec.encryption_at_rest,
        encryption_in_transit: spec.encryption_in_transit,
        maintenance_window: spec.maintenance_window.clone(),
        notification_topic_arn: spec.notification_topic_arn.clone(),
        tags: all_tags,
    })
}

fn incomplete(kind: ResourceKind) -> Fault {
    Fault::new(
        FaultClass::Conflict,
        format!(
            "the inventory has no {} for this cluster any more",
            kind.as_str()
        ),
    )
}

/// Waits until the cluster is `available` and each of its nodes is.
pub(super) async fn await_available(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let observed = match context.seen().await? {
        Observation::There(observed) => *observed,
        Observation::NotYet => return Ok(context.wait_for_cluster(Findings::default())),
        Observation::NotThere => {
            let made_at = task
                .present(ResourceKind::Cluster)
                .and_then(|item| item.recorded_at);
            if made_at.is_some_and(|at| task.age_of(at) < context.settings.timing.absence) {
                return Ok(wait(context));
            }
            return Err(Fault::new(
                FaultClass::ClusterNotAvailable,
                "the cluster was made and is not there any more",
            ));
        }
    };
    if observed.is_usable() {
        return Ok(StepOutcome::Done(Findings::seen(observed)));
    }
    if let Some(status) = broken_status(&observed) {
        let detail = format!("AWS reports the cluster as {status}");
        return Err(not_available(context, detail).await);
    }
    Ok(context.wait_for_cluster(Findings::seen(observed)))
}

/// The status from which a cluster does not come back by itself, if it has one.
pub(super) fn broken_status(observed: &Observed) -> Option<&'static str> {
    BROKEN_STATUSES
        .into_iter()
        .find(|status| observed.has_status(status))
}

/// A fault that carries what AWS says has happened to the cluster.
pub(super) async fn not_available(context: &Context<'_>, detail: String) -> Fault {
    let events = context
        .aws
        .cluster_events(context.task.cluster.as_str())
        .await
        .unwrap_or_default();
    Fault {
        events,
        ..Fault::new(FaultClass::ClusterNotAvailable, detail)
    }
}
