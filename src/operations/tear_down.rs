//! Tear-down: the steps that remove created resources. A delete and the undo of a create run all of
//! them; other undos use parts.
//!
//! AWS dictates the order: ingress rules, the cluster, its groups once it is gone, the policies,
//! the role. Only managed items of the inventory are deleted, each after its ownership evidence was
//! read again. Everything else is left, and the receipt states why.

use std::time::Duration;

use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::problems::fault::{Fault, FaultClass, Handling};
use crate::domain::spec::{DeleteSpec, Spec};
use crate::domain::task::Task;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::settle::{can_leave_unread, settle};
use super::{Context, Step, StepOutcome};
use crate::operations::delete_action::{DeleteAction, cluster_using_role, delete_action_of};
use crate::operations::observation::Observation;

/// Time for AWS to free a resource that is in use, and for IAM to show it.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// A cluster cannot be deleted before its creation has ended, so this is the time of a creation.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(75 * 60);

/// The steps in the order that AWS dictates.
pub const STEPS: &[Step] = &[
    Step::new(
        "settle_open_calls",
        |_| CLUSTER_TIMEOUT,
        |context| Box::pin(settle_open_calls(context)),
    ),
    Step::new(
        "close_ingress",
        |_| RELEASE_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::SecurityGroupRule)),
    ),
    Step::new(
        "delete_cluster",
        |_| CLUSTER_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::Cluster)),
    ),
    Step::new(
        "await_cluster_gone",
        |_| CLUSTER_TIMEOUT,
        |context| Box::pin(await_cluster_gone(context)),
    ),
    Step::new(
        "delete_subnet_group",
        |_| RELEASE_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::SubnetGroup)),
    ),
    Step::new(
        "delete_parameter_group",
        |_| RELEASE_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::ParameterGroup)),
    ),
    Step::new(
        "delete_access_policies",
        |_| RELEASE_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::Policy)),
    ),
    Step::new(
        "delete_service_role",
        |_| RELEASE_TIMEOUT,
        |context| Box::pin(remove(context, ResourceKind::Role)),
    ),
];

/// Resolves every call with an unknown outcome before anything is deleted, and marks external items
/// as left.
async fn settle_open_calls(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let findings = Findings {
        inventory: release_external_items(context.task),
        ..Findings::default()
    };
    if crate::sabotage::is("open_calls_not_settled") {
        return Ok(StepOutcome::Done(findings));
    }
    settle(context, findings).await
}

/// The external items, marked as left.
fn release_external_items(task: &Task) -> Vec<Item> {
    let external = task
        .inventory
        .iter()
        .filter(|item| item.owner == Owner::External && item.presence == Presence::Present);
    external
        .map(|item| item.left("not created by this service, so never deleted by it"))
        .collect()
}

/// Waits until AWS has deleted the cluster. If it exists and is not being deleted, DeleteCluster is
/// sent again.
async fn await_cluster_gone(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let Some(item) = context.task.managed(ResourceKind::Cluster).next() else {
        return Ok(StepOutcome::Skip);
    };
    let observed = match context.observe().await? {
        Observation::Found(cluster) if cluster.is_deleting() => {
            return Ok(context.wait_for_cluster(Findings::observed(*cluster)));
        }
        Observation::Stale => return Ok(context.wait_for_cluster(Findings::default())),
        Observation::Found(cluster) => Some(*cluster),
        // The list of clusters can be incomplete: the read by name below decides.
        Observation::NotFound => None,
    };
    match delete_action_of(
        context.aws,
        context.account,
        context.task.installation_id,
        item,
        None,
    )
    .await?
    {
        // A cluster of others under the name proves that the managed one is gone.
        DeleteAction::Gone | DeleteAction::Leave(_) => {
            Ok(StepOutcome::Done(Findings::of(item.gone())))
        }
        DeleteAction::Send(mutation) => Ok(StepOutcome::act(mutation)),
        DeleteAction::Deleting | DeleteAction::Wait => Ok(context.wait_for_cluster(Findings {
            observed,
            ..Findings::default()
        })),
    }
}

/// Removes every managed item of a kind, one call a turn.
async fn remove(context: &Context<'_>, kind: ResourceKind) -> Result<StepOutcome, Fault> {
    let items: Vec<&Item> = context.task.managed(kind).collect();
    if items.is_empty() && context.task.step.attempts == 0 {
        return Ok(StepOutcome::Skip);
    }
    if let Some(reason) = reason_to_leave(context, kind).await? {
        let inventory = items.into_iter().map(|item| item.left(&reason)).collect();
        return Ok(StepOutcome::Done(Findings {
            inventory,
            ..Findings::default()
        }));
    }
    remove_items(context, items).await
}

/// Removes these managed items, one call a turn.
pub(super) async fn remove_items(
    context: &Context<'_>,
    items: Vec<&Item>,
) -> Result<StepOutcome, Fault> {
    if items.is_empty() && context.task.step.attempts == 0 {
        return Ok(StepOutcome::Skip);
    }
    let role = context.task.inventory.iter().rev().find(|item| {
        item.kind == ResourceKind::Role
            && item.owner == Owner::Managed
            && item.presence != Presence::Gone
    });
    let role = role.map(|role| role.name.as_str());
    let mut findings = Findings::default();
    for item in items {
        match action_for(context, item, role).await? {
            DeleteAction::Gone if is_recent(context, item) => return Ok(wait(context, findings)),
            DeleteAction::Gone => findings.inventory.push(item.gone()),
            DeleteAction::Leave(reason) => findings.inventory.push(item.left(reason)),
            DeleteAction::Deleting => {}
            DeleteAction::Wait => return Ok(wait(context, findings)),
            DeleteAction::Send(mutation) if findings.inventory.is_empty() => {
                return Ok(StepOutcome::act(mutation));
            }
            // The items found gone so far are committed first; the next turn sends this call.
            DeleteAction::Send(_) => {
                return Ok(StepOutcome::CheckAgain {
                    after: Duration::ZERO,
                    waiting_for: WaitingFor::Release,
                    findings,
                });
            }
        }
    }
    Ok(StepOutcome::Done(findings))
}

/// How to delete an item. A rule stays while another managed cluster relies on it.
async fn action_for(
    context: &Context<'_>,
    item: &Item,
    role: Option<&str>,
) -> Result<DeleteAction, Fault> {
    let task = context.task;
    if let Some(cluster) = task
        .shared_rules
        .get(&item.name)
        .filter(|_| item.kind == ResourceKind::SecurityGroupRule)
    {
        return Ok(DeleteAction::Leave(format!(
            "the cluster {cluster} relies on it; it is removed with that cluster"
        )));
    }
    match delete_action_of(
        context.aws,
        context.account,
        task.installation_id,
        item,
        role,
    )
    .await
    {
        Err(fault) if can_leave_unread(task, &fault) => Ok(DeleteAction::Leave(fault.detail)),
        action => action,
    }
}

/// Whether NotFound is not trusted for this item: it was created less than `absence` ago, and AWS
/// did not confirm its deletion.
pub(super) fn is_recent(context: &Context<'_>, item: &Item) -> bool {
    let age = item.recorded_at.map(|at| context.task.age_of(at));
    age.is_some_and(|age| age < context.settings.timing.absence)
        && !context.task.is_confirmed_deleted(item)
        && !crate::sabotage::is("recent_absence_trusted")
}

fn wait(context: &Context<'_>, findings: Findings) -> StepOutcome {
    StepOutcome::CheckAgain {
        after: context.settings.timing.release_poll,
        waiting_for: WaitingFor::Release,
        findings,
    }
}

/// Why the managed items of a kind stay: the request retains them, or another cluster uses the
/// role.
async fn reason_to_leave(
    context: &Context<'_>,
    kind: ResourceKind,
) -> Result<Option<String>, Fault> {
    let task = context.task;
    let nothing_retained = DeleteSpec::default();
    let spec = if let Spec::DeleteCluster(spec) = &task.spec {
        spec
    } else {
        &nothing_retained
    };
    if spec.retains(kind) {
        return Ok(Some("retained as requested".to_owned()));
    }
    if !matches!(kind, ResourceKind::Role | ResourceKind::Policy) {
        return Ok(None);
    }
    let Some(arn) = task
        .managed(ResourceKind::Role)
        .find_map(|role| role.arn.as_deref())
    else {
        return Ok(None);
    };
    // The poll has listed all clusters lately: only those that used the role then are read again.
    let user = match &task.role_users {
        Some(names) => user_among(context, names, arn).await?,
        None => cluster_using_role(context.aws, arn).await?,
    };
    Ok(user.map(|cluster| format!("the cluster {cluster} uses this role")))
}

/// The first of these clusters that still uses a role.
async fn user_among(
    context: &Context<'_>,
    names: &[String],
    role_arn: &str,
) -> Result<Option<String>, Fault> {
    for name in names {
        let cluster = context.aws.cluster(name).await?;
        if cluster.is_some_and(|cluster| cluster.iam_role_arn.as_deref() == Some(role_arn)) {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// A tear-down never fails: a fault that only another request could fix becomes a conflict, which
/// blocks the operation until its cause is resolved.
pub fn block_instead_of_failing(fault: Fault) -> Fault {
    let only_another_request_helps = fault.class.handling() == Handling::Fail;
    if only_another_request_helps && fault.class != FaultClass::RegionUnsupported {
        Fault {
            class: FaultClass::Conflict,
            ..fault
        }
    } else {
        fault
    }
}
