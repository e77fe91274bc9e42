//! adopt_cluster: takes an existing cluster under management. Its role and groups stay what they are: found.

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

use super::changes::{self, of_call, resting_cluster};
use super::evidence::{cluster_tags, tag_differences, tags};
use super::{Context, Plan, Step, StepFuture, StepOutcome};

/// The plan. The mark is the last thing before the cluster is ours, and the first that an undo takes away.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_PATIENCE,
            changes::await_changeable,
        ),
        Step::new("mark_cluster", |_| changes::BUSY_PATIENCE, mark_cluster),
        Step::new("record_parts", of_call, record_parts),
    ],
    undo: &[
        Step::new(
            "settle_open_calls",
            |_| changes::BUSY_PATIENCE,
            changes::settle_open_calls,
        ),
        Step::new("unmark_cluster", |_| changes::BUSY_PATIENCE, unmark_cluster),
    ],
    deadline: changes::DEADLINE,
};

/// Puts our two tags on the cluster, unless another installation has put theirs.
fn mark_cluster<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (task, name) = (context.task, context.task.cluster.as_str());
        let found = match resting_cluster(context).await? {
            Ok(found) => found,
            Err(wait) => return Ok(wait),
        };
        let (Some(arn), Some(present)) =
            (found.arn.clone(), cluster_tags(context.aws, &found).await?)
        else {
            return Ok(context.wait_for_cluster(Findings::seen(found)));
        };
        refuse_marked_by_others(task.installation_id, &present)?;
        refuse_another(context, &found)?;
        // The row comes before the mark: a delete that takes over meets every cluster that may carry it.
        if task.created_here(ResourceKind::Cluster).next().is_none() {
            let item = Item::made(ResourceKind::Cluster, name, Some(arn), task.operation_id);
            let findings = Findings {
                inventory: vec![item],
                ..Findings::seen(found)
            };
            return Ok(StepOutcome::CheckAgain {
                after: Duration::ZERO,
                waiting_for: WaitingFor::Aws,
                findings,
            });
        }
        let managed = tags(task.installation_id, task.operation_id);
        if !tag_differences(&managed, &present).is_empty() {
            return Ok(StepOutcome::act(Mutation::TagCluster {
                arn,
                tags: managed,
            }));
        }
        Ok(StepOutcome::Done(Findings::seen(found)))
    })
}

fn refuse_marked_by_others(
    installation: Uuid,
    present: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let Some(other) = present
        .get(INSTALLATION_TAG)
        .filter(|mark| **mark != installation.to_string())
    else {
        return Ok(());
    };
    let differences = Difference::between(INSTALLATION_TAG, &installation.to_string(), Some(other));
    let detail = "another installation of this service manages the cluster; release it there first, or take its tag off if \
                  that has been done";
    Err(Fault {
        differences: differences.into_iter().collect(),
        ..Fault::new(FaultClass::Conflict, detail)
    })
}

/// A cluster that was made anew since it was asked for is not the one that was looked at.
fn refuse_another(context: &Context<'_>, found: &Observed) -> Result<(), Fault> {
    let Spec::AdoptCluster(seen) = &context.task.spec else {
        return Ok(());
    };
    let now = settings_of(seen, found, &seen.tags);
    let arn = |spec: &ClusterSpec| match &spec.service_role {
        ServiceRole::Existing { arn } => arn.clone(),
        ServiceRole::New { .. } | ServiceRole::Discover { .. } => String::new(),
    };
    let differences: Vec<Difference> = [
        Difference::between("node_type", &seen.node_type, Some(&now.node_type)),
        Difference::between("service_role", &arn(seen), Some(&arn(&now))),
        Difference::between(
            "encryption_in_transit",
            &seen.encryption_in_transit.to_string(),
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
        "the cluster is another one than when its adoption was asked for; nothing was done";
    Err(Fault {
        differences,
        ..Fault::new(FaultClass::Conflict, detail)
    })
}

/// Writes down what the cluster uses, as found, and its settings as they are now.
fn record_parts<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let Spec::AdoptCluster(spec) = &context.task.spec else {
            return Err(Fault::new(
                FaultClass::Invalid,
                "the operation holds the spec of another kind",
            ));
        };
        let found = match resting_cluster(context).await? {
            Ok(found) => found,
            Err(wait) => return Ok(wait),
        };
        let Some(tags) = cluster_tags(context.aws, &found).await? else {
            return Ok(context.wait_for_cluster(Findings::seen(found)));
        };
        let desired = settings_of(spec, &found, &tags);
        Ok(StepOutcome::Done(Findings {
            inventory: parts(context, &found),
            details: Some(Details {
                tags: Some(tags),
                parameters: None,
            }),
            desired: Some(Box::new(desired)),
            ..Findings::seen(found)
        }))
    })
}

fn parts(context: &Context<'_>, found: &Observed) -> Vec<Item> {
    let operation = context.task.operation_id;
    let role = found.iam_role_arn.as_ref().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        Item::found(ResourceKind::Role, name, Some(arn.clone()), operation)
    });
    let group = |kind, name: &Option<String>| {
        name.as_ref()
            .map(|name| Item::found(kind, name, None, operation))
    };
    let subnets = group(ResourceKind::SubnetGroup, &found.subnet_group);
    let parameters = group(ResourceKind::ParameterGroup, &found.parameter_group);
    [role, subnets, parameters].into_iter().flatten().collect()
}

/// Undo: takes our tags away, if they name this operation. The cluster itself is not ours, and stays.
fn unmark_cluster<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let task = context.task;
        let items = task
            .created_here(ResourceKind::Cluster)
            .map(|item| item.left("it was not adopted after all"));
        let inventory: Vec<Item> = items.collect();
        // The row comes before the mark: without it there is none.
        if inventory.is_empty() {
            return Ok(StepOutcome::Skip);
        }
        let Some(found) = context.aws.cluster(task.cluster.as_str()).await? else {
            return Ok(StepOutcome::Done(Findings {
                inventory,
                ..Findings::default()
            }));
        };
        let (Some(arn), Some(present)) =
            (found.arn.clone(), cluster_tags(context.aws, &found).await?)
        else {
            return Ok(context.wait_for_cluster(Findings::seen(found)));
        };
        if present.get(OPERATION_TAG) != Some(&task.operation_id.to_string()) {
            return Ok(StepOutcome::Done(Findings {
                inventory,
                ..Findings::default()
            }));
        }
        let keys = BTreeSet::from([OPERATION_TAG, INSTALLATION_TAG].map(str::to_owned));
        Ok(StepOutcome::act(Mutation::UntagCluster { arn, keys }))
    })
}
