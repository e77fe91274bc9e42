//! change_ingress: opens or closes the port of a cluster by a rule of one of its security groups.
//!
//! A managed rule has the ownership tags and is removed with its cluster at the latest. An existing
//! rule for the same port and peer serves as well: it is recorded as external and never removed.

use std::time::Duration;

use crate::domain::ingress::{Ingress, IngressSpec};
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::Spec;
use crate::domain::task::{Intent, Task};
use crate::domain::validation::typed::SecurityGroupId;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::changes::{self, call_timeout, steps, vanished};
use super::evidence::tags;
use super::ingress_rules::{ExistingRule, rule_for};
use super::tear_down::{is_recent, remove_items};
use super::{Context, Plan, Step, StepOutcome, wrong_spec};
use crate::operations::delete_action::{DeleteAction, delete_action_of};

const RULE: ResourceKind = ResourceKind::SecurityGroupRule;
const OF_ANOTHER_CLUSTER: &str =
    "created for another cluster of this service and removed with that cluster";

/// The steps. An undo removes a rule that the operation created; a removed rule stays removed.
pub const PLAN: Plan = Plan {
    steps: &[
        steps::AWAIT_CHANGEABLE,
        Step::new("open_ingress", call_timeout, |context| {
            Box::pin(open(context))
        }),
        Step::new("close_ingress", call_timeout, |context| {
            Box::pin(close(context))
        }),
    ],
    undo: &[
        steps::SETTLE_OPEN_CALLS,
        Step::new("close_new_ingress", call_timeout, |context| {
            Box::pin(undo(context))
        }),
    ],
    deadline: changes::DEADLINE,
};

fn spec<'a>(context: &Context<'a>) -> Result<&'a IngressSpec, Fault> {
    let Spec::ChangeIngress(spec) = &context.task.spec else {
        return Err(wrong_spec());
    };
    Ok(spec)
}

/// Creates the rule, unless a rule for the same port and peer exists.
async fn open(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let (task, spec) = (context.task, spec(context)?);
    if !spec.open {
        return Ok(StepOutcome::Skip);
    }
    let created = task.created_here(RULE).next();
    let started = created
        .and_then(|item| Ingress::parse(&item.name))
        .or_else(|| sent_before(context));
    let ingress = match started {
        Some(ingress) => ingress,
        None => spec.in_group(group_of_cluster(context, spec).await?),
    };
    let name = ingress.name();
    match rule_for(context.aws, context.account, task.installation_id, &ingress).await? {
        Some(ExistingRule {
            arn,
            creator: Some(creator),
        }) => Ok(use_managed_rule(
            context,
            &ingress,
            Item::managed(RULE, name, Some(arn), creator),
        )),
        // Tags can become visible after the rule. Its owner is undecided while a recent call of
        // this operation, whose outcome is unknown, may have created it.
        Some(_) if has_recent_open_call(context) => Ok(StepOutcome::CheckAgain {
            after: context.settings.timing.release_poll,
            waiting_for: WaitingFor::LostAnswer,
            findings: Findings::default(),
        }),
        Some(rule) => {
            let item = Item::external(RULE, name, Some(rule.arn), task.operation_id);
            Ok(StepOutcome::Done(Findings::of(item)))
        }
        // AWS confirmed the creation of the rule and does not list it yet.
        None if created.is_some_and(|item| is_recent(context, item)) => Ok(StepOutcome::done()),
        None => Ok(authorize(context, &ingress)),
    }
}

fn authorize(context: &Context<'_>, ingress: &Ingress) -> StepOutcome {
    StepOutcome::act(Mutation::AuthorizeIngress {
        name: ingress.name(),
        ingress: ingress.clone(),
        tags: tags(context.task.installation_id, context.task.operation_id),
    })
}

/// Uses a managed rule. The row is committed first: from then on, no other cluster begins to remove
/// the rule. A removal that began earlier decides.
fn use_managed_rule(context: &Context<'_>, ingress: &Ingress, item: Item) -> StepOutcome {
    let task = context.task;
    let recorded = task.present_named(RULE, &item.name);
    let is_recorded = recorded.is_some_and(|row| row.arn == item.arn && row.owner == item.owner);
    let removal = task
        .rule_removals
        .iter()
        .find(|removal| Some(&removal.rule_arn) == item.arn.as_ref());
    let check_again = |after, findings| StepOutcome::CheckAgain {
        after,
        waiting_for: WaitingFor::Release,
        findings,
    };
    match removal {
        _ if !is_recorded => check_again(Duration::ZERO, Findings::of(item)),
        Some(removal) if removal.is_open => {
            check_again(context.settings.timing.release_poll, Findings::default())
        }
        // The read lags the removal.
        Some(_) => authorize(context, ingress),
        None => StepOutcome::Done(Findings::of(item)),
    }
}

/// The port and peer of an earlier call of this operation whose outcome is unknown.
fn sent_before(context: &Context<'_>) -> Option<Ingress> {
    own_intents(context).rev().find_map(|intent| {
        if let Mutation::AuthorizeIngress { ingress, .. } = &intent.mutation {
            Some(ingress.clone())
        } else {
            None
        }
    })
}

/// Whether a call of this operation with an unknown outcome is recent enough to take effect still.
fn has_recent_open_call(context: &Context<'_>) -> bool {
    own_intents(context)
        .map(|intent| context.task.age_of(intent.opened_at))
        .any(|age| age < context.settings.timing.absence)
}

/// The calls of this operation whose outcome is unknown, oldest first.
fn own_intents<'a>(context: &Context<'a>) -> impl DoubleEndedIterator<Item = &'a Intent> {
    let task = context.task;
    task.open_intents
        .iter()
        .filter(|intent| intent.operation_id == task.operation_id)
}

/// The security group to change: the one that the request names, else the cluster's only one.
async fn group_of_cluster(
    context: &Context<'_>,
    spec: &IngressSpec,
) -> Result<SecurityGroupId, Fault> {
    let cluster = context
        .aws
        .cluster(context.task.cluster.as_str())
        .await?
        .filter(|cluster| !cluster.is_deleting())
        .ok_or_else(|| vanished(context))?;
    let groups: Vec<String> = cluster.security_group_ids.into_iter().collect();
    let detail = match (&spec.security_group_id, groups.as_slice()) {
        (Some(named), groups) if groups.iter().any(|group| group == named.as_str()) => {
            return Ok(named.clone());
        }
        (None, [only]) => return Ok(SecurityGroupId::from_aws(only)),
        (Some(named), _) => format!(
            "{named} is not a security group of the cluster, which has {}",
            groups.join(", ")
        ),
        (None, []) => "AWS reports no security group of the cluster".to_owned(),
        (None, _) => format!(
            "the cluster has several security groups; set `security_group_id` to one of {}",
            groups.join(", ")
        ),
    };
    Err(Fault {
        candidates: groups,
        ..Fault::new(FaultClass::Invalid, detail)
    })
}

/// Removes the rule if it is managed.
async fn close(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let spec = spec(context)?;
    if spec.open {
        return Ok(StepOutcome::Skip);
    }
    let items = matching_rules(context.task, spec);
    match items.as_slice() {
        [] => leave_unmanaged_rule(context, spec).await,
        [_] => remove_items(context, items).await,
        [..] => Err(ambiguous(&items)),
    }
}

/// The fault of a close request that matches several managed rules.
fn ambiguous(items: &[&Item]) -> Fault {
    let group = |item: &&Item| Some(Ingress::parse(&item.name)?.security_group_id.to_string());
    let groups: Vec<String> = items.iter().filter_map(group).collect();
    let detail = format!(
        "several security groups have this rule; set `security_group_id` to one of {}",
        groups.join(", ")
    );
    Fault {
        candidates: groups,
        ..Fault::new(FaultClass::Invalid, detail)
    }
}

/// The managed rules that the request matches.
fn matching_rules<'a>(task: &'a Task, spec: &IngressSpec) -> Vec<&'a Item> {
    task.managed(RULE)
        .filter(|item| Ingress::parse(&item.name).is_some_and(|ingress| spec.matches(&ingress)))
        .collect()
}

/// The rules of other clusters that this cluster uses since this operation, marked as left.
fn newly_shared_rules(task: &Task, spec: &IngressSpec) -> Vec<Item> {
    matching_rules(task, spec)
        .into_iter()
        .filter(|item| item.operation_id != task.operation_id)
        .filter(|item| item.recorded_at.is_some_and(|at| at >= task.created_at))
        .map(|item| item.left(OF_ANOTHER_CLUSTER))
        .collect()
}

/// No managed rule matches: a rule created by others stays, and the receipt states why.
async fn leave_unmanaged_rule(
    context: &Context<'_>,
    spec: &IngressSpec,
) -> Result<StepOutcome, Fault> {
    let task = context.task;
    let group = match &spec.security_group_id {
        Some(named) => named.clone(),
        None => group_of_cluster(context, spec).await?,
    };
    let ingress = spec.in_group(group);
    let name = ingress.name();
    let rule = rule_for(context.aws, context.account, task.installation_id, &ingress).await?;
    let Some(rule) = rule else {
        let known = task.present_named(RULE, &name).map(Item::gone);
        return Ok(known.map_or(StepOutcome::Skip, |item| {
            StepOutcome::Done(Findings::of(item))
        }));
    };
    let reason = match rule.creator {
        Some(_) => OF_ANOTHER_CLUSTER,
        None => "not created by this service, so never removed by it",
    };
    let item = Item::external(RULE, name, Some(rule.arn), task.operation_id).left(reason);
    Ok(StepOutcome::Done(Findings::of(item)))
}

/// Undo of an open request: removes the rules that this operation created, and stops the use of a
/// rule of another cluster.
///
/// Undo of a close request: a removed rule is not created again. The inventory records which rules
/// are gone, so that the receipt lists them.
async fn undo(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let (task, spec) = (context.task, spec(context)?);
    if spec.open {
        return Ok(
            match remove_items(context, task.created_here(RULE).collect()).await? {
                StepOutcome::Done(mut findings) => {
                    findings.inventory.extend(newly_shared_rules(task, spec));
                    StepOutcome::Done(findings)
                }
                StepOutcome::Skip => StepOutcome::Done(Findings {
                    inventory: newly_shared_rules(task, spec),
                    ..Findings::default()
                }),
                outcome => outcome,
            },
        );
    }
    let mut findings = Findings::default();
    for item in matching_rules(task, spec) {
        match delete_action_of(
            context.aws,
            context.account,
            task.installation_id,
            item,
            None,
        )
        .await?
        {
            DeleteAction::Gone => findings.inventory.push(item.gone()),
            DeleteAction::Leave(_)
            | DeleteAction::Deleting
            | DeleteAction::Wait
            | DeleteAction::Send(_) => {}
        }
    }
    Ok(StepOutcome::Done(findings))
}
