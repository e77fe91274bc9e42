//! Steps of the cluster itself: create it, and wait until it is available.

use std::collections::BTreeMap;

use crate::domain::inventory::ResourceKind;
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::NewCluster;
use crate::domain::names::{INSTALLATION_TAG, OPERATION_TAG, PROJECT_TAG, is_role_of_operation};
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Difference, Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, NetworkType, ServiceRole};
use crate::domain::task::Task;
use crate::domain::validation::fields::AWS_TAGS_MAX;
use crate::domain::validation::typed::RoleArn;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::evidence::{
    Existence, cluster_tags, find_evidence, spec_differences, tag_differences, tags,
};
use super::{Context, StepOutcome, service_role};
use crate::operations::observation::Observation;

/// Statuses that a cluster does not leave on its own (names from other provisioners).
const BROKEN_STATUSES: [&str; 2] = ["incompatible-parameters", "incompatible-network"];

/// Sends CreateCluster, once an earlier cluster of the same name is gone.
pub(super) async fn create(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let wanted = new_cluster(context, spec)?;
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
        context.account,
        task.installation_id,
        task.operation_id,
        &mutation,
    )
    .await?
    {
        Existence::Owned(item) => Ok(StepOutcome::Done(Findings::of(*item))),
        Existence::Undecided => Ok(wait(context)),
        Existence::Foreign(differences) | Existence::Altered(_, differences) => {
            let is_deleting = context
                .aws
                .cluster(task.cluster.as_str())
                .await?
                .is_some_and(|cluster| cluster.is_deleting());
            // An earlier cluster that is being deleted frees the name soon.
            if is_deleting {
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

/// Rejects a create whose name an existing cluster has. One that is being deleted frees the name
/// soon, so [`create`] waits for it. After a restore of an older database the cluster can be that of
/// this operation; the steps then find what exists.
pub(super) async fn reject_taken_name(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<(), Fault> {
    match context.aws.cluster(context.task.cluster.as_str()).await? {
        Some(cluster)
            if !cluster.is_deleting() && !is_of_operation(context, spec, &cluster).await? =>
        {
            Err(exists(spec, spec_differences(spec, &cluster)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether this create may have created the cluster: by its new role, or by its tags. While AWS cannot
/// return the tags, it may have.
async fn is_of_operation(
    context: &Context<'_>,
    spec: &ClusterSpec,
    cluster: &Observed,
) -> Result<bool, Fault> {
    let task = context.task;
    let role = cluster.iam_role_arn.as_deref();
    if role.is_some_and(|arn| is_role_of_operation(arn, task.operation_id)) {
        return Ok(true);
    }
    if matches!(spec.service_role, ServiceRole::New { .. }) {
        return Ok(false);
    }
    let own = tags(task.installation_id, task.operation_id);
    let current = cluster_tags(context.aws, cluster).await?;
    Ok(current.is_none_or(|current| tag_differences(&own, &current).is_empty()))
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
        "a cluster named {} exists in AWS and was not created by this operation",
        spec.name
    );
    Fault {
        differences,
        ..Fault::new(FaultClass::ClusterExists, detail)
    }
}

fn new_cluster(context: &Context<'_>, spec: &ClusterSpec) -> Result<NewCluster, Fault> {
    let task = context.task;
    let part = |kind| task.present(kind).ok_or_else(|| missing_part(kind));
    let role = part(ResourceKind::Role)?;
    let requested_tags = spec.tags.iter();
    let requested_tags = requested_tags.map(|(key, value)| (key.to_string(), value.clone()));
    let ownership_tags = tags(task.installation_id, task.operation_id);
    let project_tag = project_tag(task, &BTreeMap::new());
    Ok(NewCluster {
        name: spec.name.to_string(),
        description: spec.description.clone(),
        node_type: spec.node_type.clone(),
        replication_factor: spec.replication_factor,
        availability_zones: spec.availability_zones.clone(),
        iam_role_arn: RoleArn::from_aws(
            role.arn
                .clone()
                .unwrap_or_else(|| context.account.iam_arn("role", &role.name)),
        ),
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
        tags: requested_tags
            .chain(ownership_tags)
            .chain(project_tag)
            .collect(),
    })
}

/// The tag of the project of a cluster with these tags. One that is full gets none.
pub(super) fn project_tag(
    task: &Task,
    current: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    // The ownership tags of an adoption have their place before it.
    let ownership = [OPERATION_TAG, INSTALLATION_TAG];
    let missing = ownership.iter().filter(|tag| !current.contains_key(**tag));
    let has_room =
        current.contains_key(PROJECT_TAG) || current.len() + missing.count() < AWS_TAGS_MAX;
    let project = task.project.as_ref().filter(|_| has_room)?;
    Some((PROJECT_TAG.to_owned(), project.to_string()))
}

/// The fault of a cluster whose inventory lacks a part that it needs.
pub(super) fn missing_part(kind: ResourceKind) -> Fault {
    Fault::new(
        FaultClass::Conflict,
        format!(
            "the inventory of this cluster no longer contains a {}",
            kind.as_str()
        ),
    )
}

/// Waits until the cluster and each of its nodes are `available`.
pub(super) async fn await_available(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let observed = match context.observe_waiting().await? {
        Observation::Found(observed) => *observed,
        Observation::Stale => return Ok(context.wait_for_cluster(Findings::default())),
        Observation::NotFound => {
            let created_at = task
                .present(ResourceKind::Cluster)
                .and_then(|item| item.recorded_at);
            if created_at.is_some_and(|at| task.age_of(at) < context.settings.timing.absence) {
                return Ok(wait(context));
            }
            return Err(Fault::new(
                FaultClass::ClusterNotAvailable,
                "the cluster was created and no longer exists in AWS",
            ));
        }
    };
    if observed.is_usable() {
        return Ok(StepOutcome::Done(Findings::observed(observed)));
    }
    fail_if_broken(context, &observed).await?;
    Ok(context.wait_for_cluster(Findings::observed(observed)))
}

/// Whether the cluster has a status that it does not leave on its own.
pub(super) fn is_broken(observed: &Observed) -> bool {
    broken_status(observed).is_some()
}

fn broken_status(observed: &Observed) -> Option<&'static str> {
    BROKEN_STATUSES
        .into_iter()
        .find(|status| observed.has_status(status))
}

/// Fails if the cluster has a status that it does not leave on its own.
pub(super) async fn fail_if_broken(
    context: &Context<'_>,
    observed: &Observed,
) -> Result<(), Fault> {
    match broken_status(observed) {
        Some(status) => {
            let detail = format!("AWS reports the cluster as {status}");
            Err(not_available(context, detail).await)
        }
        None => Ok(()),
    }
}

/// A fault with AWS's events about the cluster.
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
