//! Tear-down: the steps that remove what was made, used by every delete and by every undo.
//!
//! The order is AWS's: the open ports, the cluster, wait until it is gone, the groups it used, the policies, the role. Only things of
//! the inventory are touched, each only after its evidence was read again; what belongs to others is left, with the
//! reason.

use std::time::Duration;

use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{DeleteSpec, Spec};
use crate::domain::task::{Intent, Task};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::evidence::{Existence, find_evidence};
use super::{Context, Step, StepFuture, StepOutcome};
use crate::operations::delete_action::{DeleteAction, cluster_using_role, delete_action_of};
use crate::operations::observation::Observation;

/// How long AWS may take to let go of something, and IAM to notice.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// A cluster cannot be deleted before its creation ended, so the wait has the budget of a creation.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(75 * 60);

/// The steps.
pub const STEPS: &[Step] = &[
    Step::new("settle_open_calls", |_| CLUSTER_TIMEOUT, settle_open_calls),
    Step::new("close_ingress", |_| RELEASE_TIMEOUT, close_ingress),
    Step::new("delete_cluster", |_| CLUSTER_TIMEOUT, delete_cluster),
    Step::new(
        "await_cluster_gone",
        |_| CLUSTER_TIMEOUT,
        await_cluster_gone,
    ),
    Step::new(
        "delete_subnet_group",
        |_| RELEASE_TIMEOUT,
        delete_subnet_group,
    ),
    Step::new(
        "delete_parameter_group",
        |_| RELEASE_TIMEOUT,
        delete_parameter_group,
    ),
    Step::new(
        "delete_access_policies",
        |_| RELEASE_TIMEOUT,
        delete_access_policies,
    ),
    Step::new(
        "delete_service_role",
        |_| RELEASE_TIMEOUT,
        delete_service_role,
    ),
];

/// Settles every call whose outcome nobody knows, before anything is deleted: what it made joins the inventory; that it
/// made nothing is believed only when it is too old to arrive.
fn settle_open_calls<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(settle(
        context,
        Findings {
            inventory: release_external_items(context.task),
            ..Findings::default()
        },
    ))
}

/// Settles every call whose outcome nobody knows; `findings` is what is found out besides.
pub(super) async fn settle(
    context: &Context<'_>,
    mut findings: Findings,
) -> Result<StepOutcome, Fault> {
    let mut waiting = false;
    for intent in &context.task.open_intents {
        match settle_one(context, intent).await? {
            Settled::Made(item) => {
                findings.inventory.push(item);
                findings.settled_intents.push(intent.id);
            }
            Settled::Nothing => findings.settled_intents.push(intent.id),
            Settled::NotYet => waiting = true,
        }
    }
    if waiting {
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

/// Things that were found or given stay, and the receipt says why.
fn release_external_items(task: &Task) -> Vec<Item> {
    let external = task
        .inventory
        .iter()
        .filter(|item| item.owner == Owner::External && item.presence == Presence::Present);
    external
        .map(|item| item.left("not made by this service, so never deleted by it"))
        .collect()
}

enum Settled {
    Made(Item),
    Nothing,
    NotYet,
}

async fn settle_one(context: &Context<'_>, intent: &Intent) -> Result<Settled, Fault> {
    if intent.mutation.makes().is_none() {
        return settle_change(context, intent).await;
    }
    let installation = context.task.installation_id;
    let looked = find_evidence(
        context.aws,
        context.place,
        installation,
        intent.operation_id,
        &intent.mutation,
    )
    .await;
    let existence = match (looked, intent.mutation.makes()) {
        (Err(fault), Some((kind, name))) if leaves_unseen(context.task, &fault) => {
            let item = Item::made(kind, name, None, intent.operation_id);
            return Ok(Settled::Made(item.left(format!(
                "whether it was made is not known: {}",
                fault.detail
            ))));
        }
        (looked, _) => looked?,
    };
    Ok(match existence {
        Existence::Ours(item) | Existence::Altered(item, _) => Settled::Made(*item),
        Existence::Foreign(_) => Settled::Nothing,
        Existence::Undecided => Settled::NotYet,
        Existence::Absent if is_too_old(context, intent) => Settled::Nothing,
        Existence::Absent => Settled::NotYet,
    })
}

/// A change that makes no thing of its own. An attachment may still arrive and hold the role, so it is waited for. The
/// others leave nothing behind that a delete would not meet; the undo of a change reads what has become of the cluster,
/// so it waits until none of them can arrive any more.
async fn settle_change(context: &Context<'_>, intent: &Intent) -> Result<Settled, Fault> {
    let Mutation::AttachRolePolicy { role, policy_arn } = &intent.mutation else {
        let reads_after = !matches!(context.task.kind, Kind::CreateCluster | Kind::DeleteCluster);
        return Ok(if reads_after && !is_too_old(context, intent) {
            Settled::NotYet
        } else {
            Settled::Nothing
        });
    };
    let attached = context
        .aws
        .attached_policies(role, &context.place.iam_arn("role", role))
        .await?;
    let arrived = attached.is_some_and(|attached| attached.contains(policy_arn));
    Ok(if arrived || is_too_old(context, intent) {
        Settled::Nothing
    } else {
        Settled::NotYet
    })
}

fn is_too_old(context: &Context<'_>, intent: &Intent) -> bool {
    context.task.age_of(intent.opened_at) >= context.settings.timing.absence
}

/// Closes every port that was opened for the cluster.
fn close_ingress<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::SecurityGroupRule))
}

fn delete_cluster<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::Cluster))
}

fn await_cluster_gone<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let Some(item) = context.task.managed(ResourceKind::Cluster).next() else {
            return Ok(StepOutcome::Skip);
        };
        let observed = match context.seen().await? {
            Observation::There(found) if found.is_deleting() => {
                return Ok(context.wait_for_cluster(Findings::seen(*found)));
            }
            Observation::NotYet => return Ok(context.wait_for_cluster(Findings::default())),
            // Not there, says the list: the evidence of this very name decides.
            Observation::There(found) => Some(*found),
            Observation::NotThere => None,
        };
        match delete_action_of(
            context.aws,
            context.place,
            context.task.installation_id,
            item,
            None,
        )
        .await?
        {
            // Another's cluster of that name means that ours is gone.
            DeleteAction::Gone | DeleteAction::Leave(_) => {
                Ok(StepOutcome::Done(Findings::of(item.gone())))
            }
            DeleteAction::Remove(mutation) => Ok(StepOutcome::act(mutation)),
            DeleteAction::Leaving | DeleteAction::Wait => Ok(context.wait_for_cluster(Findings {
                observed,
                ..Findings::default()
            })),
        }
    })
}

fn delete_subnet_group<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::SubnetGroup))
}

fn delete_parameter_group<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::ParameterGroup))
}

fn delete_access_policies<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::Policy))
}

fn delete_service_role<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(remove(context, ResourceKind::Role))
}

/// Removes everything of ours of a kind, one call a turn.
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

/// Removes these things of ours, one call a turn.
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
        match removal(context, item, role).await? {
            DeleteAction::Gone if is_recent(context, item) => return Ok(wait(context, findings)),
            DeleteAction::Gone => findings.inventory.push(item.gone()),
            DeleteAction::Leave(reason) => findings.inventory.push(item.left(reason)),
            DeleteAction::Leaving => {}
            DeleteAction::Wait => return Ok(wait(context, findings)),
            DeleteAction::Remove(mutation) if findings.inventory.is_empty() => {
                return Ok(StepOutcome::act(mutation));
            }
            // What was found gone is committed first; the next one follows in the next turn.
            DeleteAction::Remove(_) => {
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

/// What is to be done about a thing; it stays while another cluster of ours relies on it.
async fn removal(
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
            "the cluster {cluster} relies on it, and it is closed with that one"
        )));
    }
    match delete_action_of(context.aws, context.place, task.installation_id, item, role).await {
        Err(fault) if leaves_unseen(task, &fault) => Ok(DeleteAction::Leave(fault.detail)),
        fate => fate,
    }
}

/// Whether what this program cannot look at is left: the end of a cluster does not wait for another program.
fn leaves_unseen(task: &Task, fault: &Fault) -> bool {
    fault.class == FaultClass::NotBuiltIn
        && matches!(task.kind, Kind::CreateCluster | Kind::DeleteCluster)
}

/// "Not there" about something made moments ago is not believed, unless our own delete of it was confirmed.
pub(super) fn is_recent(context: &Context<'_>, item: &Item) -> bool {
    let age = item.recorded_at.map(|at| context.task.age_of(at));
    age.is_some_and(|age| age < context.settings.timing.absence)
        && !context.task.is_confirmed_deleted(item)
}

fn wait(context: &Context<'_>, findings: Findings) -> StepOutcome {
    StepOutcome::CheckAgain {
        after: context.settings.timing.release_poll,
        waiting_for: WaitingFor::Release,
        findings,
    }
}

/// Why things of a kind stay although we made them: the caller asked for it, or another cluster uses the role.
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
        return Ok(Some("retained, as the request asked".to_owned()));
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
    let user = cluster_using_role(context.aws, arn).await?;
    Ok(user.map(|cluster| format!("the cluster {cluster} uses this role")))
}

/// A fault of a tear-down that never gives up: what another request would cure is explained, and waited for.
pub fn hold_instead_of_failing(fault: Fault) -> Fault {
    match fault.class {
        FaultClass::Invalid | FaultClass::RoleUnspecified | FaultClass::ClusterExists => Fault {
            class: FaultClass::Conflict,
            ..fault
        },
        _ => fault,
    }
}
