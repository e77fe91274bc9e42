//! adopt_cluster: takes an existing cluster under management. Its role and groups are recorded as
//! external and stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::domain::change::settings_of;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{INSTALLATION_TAG, OPERATION_TAG};
use crate::domain::observed::{Details, Observed};
use crate::domain::problems::fault::{Difference, Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ServiceRole, Spec};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::changes::{self, call_timeout, idle_cluster, steps};
use super::cluster::project_tag;
use super::evidence::{cluster_tags, tag_differences, tags};
use super::{Context, Plan, Step, StepOutcome, wrong_spec};

/// The steps. Tagging is the last change before the cluster is managed, and the first that an undo
/// removes.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        Step::new(
            "mark_cluster",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(tag_cluster(context)),
        ),
        Step::new("record_parts", call_timeout, |context| {
            Box::pin(record_parts(context))
        }),
    ],
    undo: &[
        steps::SETTLE_OPEN_CALLS,
        Step::new(
            "unmark_cluster",
            |_| changes::BUSY_TIMEOUT,
            |context| Box::pin(untag_cluster(context)),
        ),
    ],
    deadline: changes::DEADLINE,
};

/// Sets the ownership tags on the cluster, unless it has those of another installation.
async fn tag_cluster(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let (task, name) = (context.task, context.task.cluster.as_str());
    let cluster = match idle_cluster(context).await? {
        Ok(cluster) => cluster,
        Err(wait) => return Ok(wait),
    };
    let (Some(arn), Some(current)) = (
        cluster.arn.clone(),
        cluster_tags(context.aws, &cluster).await?,
    ) else {
        return Ok(context.wait_for_cluster(Findings::observed(cluster)));
    };
    reject_tags_of_another_installation(task.installation_id, &current)?;
    reject_replaced_cluster(context, &cluster)?;
    // The inventory row is committed before the tags are set. A delete that supersedes this
    // operation then knows every cluster that can have the tags.
    if task.created_here(ResourceKind::Cluster).next().is_none() {
        let item = Item::managed(ResourceKind::Cluster, name, Some(arn), task.operation_id);
        return Ok(StepOutcome::CheckAgain {
            after: Duration::ZERO,
            waiting_for: WaitingFor::Aws,
            findings: Findings {
                inventory: vec![item],
                ..Findings::observed(cluster)
            },
        });
    }
    let mut ownership = tags(task.installation_id, task.operation_id);
    ownership.extend(project_tag(task, &current));
    if !tag_differences(&ownership, &current).is_empty() {
        return Ok(StepOutcome::act(Mutation::TagCluster {
            arn,
            tags: ownership,
        }));
    }
    Ok(StepOutcome::Done(Findings::observed(cluster)))
}

fn reject_tags_of_another_installation(
    installation: Uuid,
    current: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let Some(other) = current
        .get(INSTALLATION_TAG)
        .filter(|tag| **tag != installation.to_string())
    else {
        return Ok(());
    };
    let differences = Difference::between(INSTALLATION_TAG, &installation.to_string(), Some(other));
    let detail = format!(
        "another installation of this service manages the cluster; release it there first; if \
         that is done, remove the tag {INSTALLATION_TAG}"
    );
    Err(Fault {
        differences: differences.into_iter().collect(),
        ..Fault::new(FaultClass::Conflict, detail)
    })
}

/// A cluster that was replaced or scaled after the request was accepted is not the one that was
/// decided on.
fn reject_replaced_cluster(context: &Context<'_>, cluster: &Observed) -> Result<(), Fault> {
    let Spec::AdoptCluster(requested) = &context.task.spec else {
        return Ok(());
    };
    let now = settings_of(requested, cluster, &BTreeMap::new());
    let arn = |spec: &ClusterSpec| match &spec.service_role {
        ServiceRole::Existing { arn } => arn.to_string(),
        ServiceRole::New { .. } | ServiceRole::Discover { .. } => String::new(),
    };
    let differences: Vec<Difference> = [
        Difference::between(
            "node_type",
            requested.node_type.as_str(),
            Some(now.node_type.as_str()),
        ),
        Difference::between(
            "replication_factor",
            &requested.replication_factor.to_string(),
            Some(&now.replication_factor.to_string()),
        ),
        Difference::between("service_role", &arn(requested), Some(&arn(&now))),
        Difference::between(
            "encryption_in_transit",
            &requested.encryption_in_transit.to_string(),
            Some(&now.encryption_in_transit.to_string()),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let detail =
        "the cluster was replaced or scaled after the request was accepted; nothing was changed";
    Err(Fault {
        differences,
        ..Fault::new(FaultClass::Conflict, detail)
    })
}

/// Records the cluster's role and groups as external, and its current settings as the desired ones.
async fn record_parts(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let Spec::AdoptCluster(spec) = &context.task.spec else {
        return Err(wrong_spec());
    };
    let cluster = match idle_cluster(context).await? {
        Ok(cluster) => cluster,
        Err(wait) => return Ok(wait),
    };
    let Some(tags) = cluster_tags(context.aws, &cluster).await? else {
        return Ok(context.wait_for_cluster(Findings::observed(cluster)));
    };
    let desired = settings_of(spec, &cluster, &tags);
    Ok(StepOutcome::Done(Findings {
        inventory: parts(context, &cluster),
        details: Some(Details {
            tags: Some(tags),
            parameters: None,
        }),
        desired: Some(Box::new(desired)),
        ..Findings::observed(cluster)
    }))
}

fn parts(context: &Context<'_>, cluster: &Observed) -> Vec<Item> {
    let operation = context.task.operation_id;
    let role = cluster.iam_role_arn.as_ref().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        Item::external(ResourceKind::Role, name, Some(arn.clone()), operation)
    });
    let group = |kind, name: &Option<String>| {
        name.as_ref()
            .map(|name| Item::external(kind, name, None, operation))
    };
    let subnets = group(ResourceKind::SubnetGroup, &cluster.subnet_group);
    let parameters = group(ResourceKind::ParameterGroup, &cluster.parameter_group);
    [role, subnets, parameters].into_iter().flatten().collect()
}

/// Undo: removes the ownership tags if they name this operation. The cluster itself stays.
async fn untag_cluster(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let inventory: Vec<Item> = task
        .created_here(ResourceKind::Cluster)
        .map(|item| item.left("its adoption did not complete"))
        .collect();
    // The inventory row is committed before the tags are set: without a row there are no tags.
    if inventory.is_empty() {
        return Ok(StepOutcome::Skip);
    }
    let done = || {
        Ok(StepOutcome::Done(Findings {
            inventory,
            ..Findings::default()
        }))
    };
    let Some(cluster) = context.aws.cluster(task.cluster.as_str()).await? else {
        return done();
    };
    let (Some(arn), Some(current)) = (
        cluster.arn.clone(),
        cluster_tags(context.aws, &cluster).await?,
    ) else {
        return Ok(context.wait_for_cluster(Findings::observed(cluster)));
    };
    if current.get(OPERATION_TAG) != Some(&task.operation_id.to_string()) {
        return done();
    }
    let ownership = [OPERATION_TAG, INSTALLATION_TAG].map(str::to_owned);
    let project = project_tag(task, &current).map(|(key, _)| key);
    let keys: BTreeSet<String> = ownership.into_iter().chain(project).collect();
    Ok(StepOutcome::act(Mutation::UntagCluster { arn, keys }))
}
