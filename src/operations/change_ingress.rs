//! change_ingress: lets clients of a cluster in, or no longer, by a rule of one of its security groups.
//!
//! A rule of ours carries our tags and is closed with its cluster at the latest. The same opening made by somebody else is
//! as good, is noted as found, and is never closed by us.

use crate::domain::ingress::{Ingress, IngressSpec};
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::Spec;
use crate::domain::task::Task;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::changes::{self, of_call, vanished};
use super::evidence::tags;
use super::ingress_rules::{FoundRule, rule_for};
use super::tear_down::{is_recent, remove_items};
use super::{Context, Plan, Step, StepFuture, StepOutcome};
use crate::operations::delete_action::{DeleteAction, delete_action_of};

const RULE: ResourceKind = ResourceKind::SecurityGroupRule;

/// The plan. What was opened is closed again by an undo; what was closed stays closed.
pub const PLAN: Plan = Plan {
    steps: &[
        Step::awaiting(
            "await_changeable",
            |_| changes::BUSY_PATIENCE,
            changes::await_changeable,
        ),
        Step::new("open_ingress", of_call, open_ingress),
        Step::new("close_ingress", of_call, close_ingress),
    ],
    undo: &[
        Step::new(
            "settle_open_calls",
            |_| changes::BUSY_PATIENCE,
            changes::settle_open_calls,
        ),
        Step::new("close_new_ingress", of_call, close_new_ingress),
    ],
    deadline: changes::DEADLINE,
};

fn spec<'a>(context: &Context<'a>) -> Result<&'a IngressSpec, Fault> {
    match &context.task.spec {
        Spec::ChangeIngress(spec) => Ok(spec),
        Spec::CreateCluster(_)
        | Spec::DeleteCluster(_)
        | Spec::UpdateCluster(_)
        | Spec::ScaleCluster(_)
        | Spec::RebootNodes(_)
        | Spec::RepairCluster(_)
        | Spec::AdoptCluster(_)
        | Spec::ReleaseCluster => Err(Fault::new(
            FaultClass::Invalid,
            "the operation holds the spec of another kind",
        )),
    }
}

/// Makes the rule, unless one opens the same already.
fn open_ingress<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (task, spec) = (context.task, spec(context)?);
        if !spec.open {
            return Ok(StepOutcome::Skip);
        }
        let made = task.created_here(RULE).next();
        let begun = made
            .and_then(|item| Ingress::parse(&item.name))
            .or_else(|| sent_before(context));
        let ingress = match begun {
            Some(ingress) => ingress,
            None => spec.in_group(&group_of_cluster(context, spec).await?),
        };
        let name = ingress.name();
        match rule_for(context.aws, context.place, task.installation_id, &ingress).await? {
            Some(FoundRule {
                arn,
                maker: Some(maker),
            }) => Ok(StepOutcome::Done(Findings::of(Item::made(
                RULE,
                name,
                Some(arn),
                maker,
            )))),
            // Tags may be seen later than their rule: whose it is, is not decided while a call of ours may have made it.
            Some(_) if is_under_way(context) => Ok(StepOutcome::CheckAgain {
                after: context.settings.timing.release_poll,
                waiting_for: WaitingFor::LostAnswer,
                findings: Findings::default(),
            }),
            Some(found) => Ok(StepOutcome::Done(Findings::of(Item::found(
                RULE,
                name,
                Some(found.arn),
                task.operation_id,
            )))),
            // AWS has said that it made the rule, and does not show it yet.
            None if made.is_some_and(|item| is_recent(context, item)) => Ok(StepOutcome::done()),
            None => {
                let tags = tags(task.installation_id, task.operation_id);
                Ok(StepOutcome::act(Mutation::AuthorizeIngress {
                    name,
                    ingress,
                    tags,
                }))
            }
        }
    })
}

/// What a call of this operation would have opened whose answer was lost.
fn sent_before(context: &Context<'_>) -> Option<Ingress> {
    let task = context.task;
    let own = task
        .open_intents
        .iter()
        .filter(|intent| intent.operation_id == task.operation_id);
    own.rev().find_map(|intent| {
        if let Mutation::AuthorizeIngress { ingress, .. } = &intent.mutation {
            Some(ingress.clone())
        } else {
            None
        }
    })
}

/// Whether a call of this operation may just have made a rule.
fn is_under_way(context: &Context<'_>) -> bool {
    let task = context.task;
    let own = task
        .open_intents
        .iter()
        .filter(|intent| intent.operation_id == task.operation_id);
    own.map(|intent| task.age_of(intent.opened_at))
        .any(|age| age < context.settings.timing.absence)
}

/// The security group that is meant: one that the cluster has.
async fn group_of_cluster(context: &Context<'_>, spec: &IngressSpec) -> Result<String, Fault> {
    let found = context
        .aws
        .cluster(context.task.cluster.as_str())
        .await?
        .ok_or_else(|| vanished(context))?;
    if found.is_deleting() {
        return Err(vanished(context));
    }
    let groups: Vec<String> = found.security_group_ids.into_iter().collect();
    let detail = match (&spec.security_group_id, groups.as_slice()) {
        (Some(named), groups) if groups.contains(named) => return Ok(named.clone()),
        (None, [only]) => return Ok(only.clone()),
        (Some(named), _) => format!(
            "{named} is no security group of the cluster, which has {}",
            groups.join(", ")
        ),
        (None, []) => "AWS reports no security group of the cluster".to_owned(),
        (None, _) => format!(
            "security_group_id must name one of the cluster's security groups: {}",
            groups.join(", ")
        ),
    };
    Err(Fault {
        candidates: groups,
        ..Fault::new(FaultClass::Invalid, detail)
    })
}

/// Closes the rule, if it is ours.
fn close_ingress<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let spec = spec(context)?;
        if spec.open {
            return Ok(StepOutcome::Skip);
        }
        let items = meant(context.task, spec);
        match items.as_slice() {
            [] => leave_foreign(context, spec).await,
            [_] => remove_items(context, items).await,
            [..] => Err(ambiguous(&items)),
        }
    })
}

/// The fault of a closing that could mean several rules of ours.
fn ambiguous(items: &[&Item]) -> Fault {
    let group = |item: &&Item| Ingress::parse(&item.name).map(|ingress| ingress.security_group_id);
    let groups: Vec<String> = items.iter().filter_map(group).collect();
    let detail = format!(
        "security_group_id must name one of the security groups it is opened in: {}",
        groups.join(", ")
    );
    Fault {
        candidates: groups,
        ..Fault::new(FaultClass::Invalid, detail)
    }
}

/// The rules of ours that are meant.
fn meant<'a>(task: &'a Task, spec: &IngressSpec) -> Vec<&'a Item> {
    task.managed(RULE)
        .filter(|item| Ingress::parse(&item.name).is_some_and(|ingress| spec.means(&ingress)))
        .collect()
}

/// None of ours is there: what somebody else has opened is left, with the reason.
async fn leave_foreign(context: &Context<'_>, spec: &IngressSpec) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let group = match &spec.security_group_id {
        Some(named) => named.clone(),
        None => group_of_cluster(context, spec).await?,
    };
    let ingress = spec.in_group(&group);
    let name = ingress.name();
    let Some(found) = rule_for(context.aws, context.place, task.installation_id, &ingress).await?
    else {
        let known = task.present_named(RULE, &name).map(Item::gone);
        return Ok(known.map_or(StepOutcome::Skip, |item| {
            StepOutcome::Done(Findings::of(item))
        }));
    };
    let reason = match found.maker {
        Some(_) => "opened for another cluster of this service, so closed with that one",
        None => "not made by this service, so never closed by it",
    };
    Ok(StepOutcome::Done(Findings::of(
        Item::found(RULE, name, Some(found.arn), task.operation_id).left(reason),
    )))
}

/// Undo: closes what this operation opened. What it was to close is not opened again; the receipt tells what is closed.
fn close_new_ingress<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (task, spec) = (context.task, spec(context)?);
        if spec.open {
            return remove_items(context, task.created_here(RULE).collect()).await;
        }
        let mut findings = Findings::default();
        for item in meant(task, spec) {
            match delete_action_of(context.aws, context.place, task.installation_id, item, None)
                .await?
            {
                DeleteAction::Gone => findings.inventory.push(item.gone()),
                DeleteAction::Leave(_)
                | DeleteAction::Leaving
                | DeleteAction::Wait
                | DeleteAction::Remove(_) => {}
            }
        }
        Ok(StepOutcome::Done(findings))
    })
}
