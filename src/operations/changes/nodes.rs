//! Steps about nodes: how many there are, and their reboots.

use std::time::Duration;

use crate::domain::change::ChangeSpec;
use crate::domain::mutation::Mutation;
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::{Intent, Task};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::{change, gone_or_wait, resting_cluster, vanished, wait_unless_broken};
use crate::operations::observation::Observation;
use crate::operations::{Context, StepFuture, StepOutcome};

/// How long one node may take to be made: a cluster of three may take 45 minutes.
const NODE_PATIENCE: Duration = Duration::from_secs(45 * 60);
/// How much longer for every three more.
const PATIENCE_PER_THREE_NODES: Duration = Duration::from_secs(10 * 60);
/// How long one reboot may take.
const REBOOT_PATIENCE: Duration = Duration::from_secs(15 * 60);

const REBOOT: &str = "dax:RebootNode";

/// How long the nodes of a cluster may take to be as wanted.
pub(in crate::operations) fn nodes_timeout(task: &Task) -> Duration {
    let nodes = task
        .spec
        .wanted()
        .map_or(1, |spec| u32::from(spec.replication_factor));
    NODE_PATIENCE + PATIENCE_PER_THREE_NODES * (nodes.saturating_sub(1) / 3)
}

/// How long all reboots together may take; the largest cluster has eleven nodes.
pub(in crate::operations) fn reboots_timeout(_: &Task) -> Duration {
    REBOOT_PATIENCE * 11
}

/// Asks DAX for more or fewer nodes.
pub(in crate::operations) fn change_count<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let change = change(context)?;
        let found = match resting_cluster(context).await? {
            Ok(found) => found,
            Err(wait) => return Ok(wait),
        };
        let (has, wanted) = (
            found.node_count(),
            usize::from(change.after.replication_factor),
        );
        match has.cmp(&wanted) {
            std::cmp::Ordering::Equal => Ok(StepOutcome::Done(Findings::seen(found))),
            std::cmp::Ordering::Less => Ok(StepOutcome::act(Mutation::IncreaseReplicationFactor {
                name: context.task.cluster.to_string(),
                count: change.after.replication_factor,
                availability_zones: for_so_many(&change.placement.availability_zones, wanted - has),
            })),
            std::cmp::Ordering::Greater => decrease(context, change, &found),
        }
    })
}

/// Zones or nodes that were named for a count that is not the one at hand (somebody else changed it) are left to AWS.
fn for_so_many(named: &[String], count: usize) -> Vec<String> {
    if named.len() == count {
        named.to_vec()
    } else {
        Vec::new()
    }
}

fn decrease(
    context: &Context<'_>,
    change: &ChangeSpec,
    found: &Observed,
) -> Result<StepOutcome, Fault> {
    let fewer = found.node_count() - usize::from(change.after.replication_factor);
    let node_ids = &change.placement.node_ids_to_remove;
    if let Some(unknown) = node_ids.iter().find(|id| found.node(id).is_none()) {
        let detail = format!("the cluster {} has no node {unknown}", context.task.cluster);
        return Err(Fault::new(FaultClass::Invalid, detail));
    }
    if !node_ids.is_empty() && node_ids.len() != fewer {
        let detail = format!(
            "{} nodes are named to be removed, and {fewer} must go",
            node_ids.len()
        );
        return Err(Fault::new(FaultClass::Invalid, detail));
    }
    Ok(StepOutcome::act(Mutation::DecreaseReplicationFactor {
        name: context.task.cluster.to_string(),
        count: change.after.replication_factor,
        availability_zones: for_so_many(&change.placement.availability_zones, fewer),
        node_ids: node_ids.clone(),
    }))
}

/// Waits until there are as many nodes as wanted and each is available.
pub(in crate::operations) fn await_count<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = usize::from(change(context)?.after.replication_factor);
        match context.seen().await? {
            Observation::There(found) if found.is_usable() && found.node_count() == wanted => {
                Ok(StepOutcome::Done(Findings::seen(*found)))
            }
            Observation::There(found) if found.is_deleting() => Err(vanished(context)),
            Observation::There(found) => wait_unless_broken(context, *found).await,
            Observation::NotThere => gone_or_wait(context).await,
            Observation::NotYet => Ok(context.wait_for_cluster(Findings::default())),
        }
    })
}

/// Reboots nodes one after another, each back to `available` before the next. `which` picks them from what is seen.
pub(in crate::operations) async fn reboot(
    context: &Context<'_>,
    which: impl Fn(&Observed) -> Vec<String>,
) -> Result<StepOutcome, Fault> {
    let found = match context.seen().await? {
        Observation::There(found) if found.is_deleting() => return Err(vanished(context)),
        Observation::There(found) => *found,
        Observation::NotThere => return gone_or_wait(context).await,
        Observation::NotYet => return Ok(context.wait_for_cluster(Findings::default())),
    };
    if !found.is_usable() {
        let settled_intents = reboots_seen(context, &found);
        return match wait_unless_broken(context, found).await? {
            StepOutcome::CheckAgain {
                after,
                waiting_for,
                findings,
            } => Ok(StepOutcome::CheckAgain {
                after,
                waiting_for,
                findings: Findings {
                    settled_intents,
                    ..findings
                },
            }),
            other => Ok(other),
        };
    }
    let reboot = |node_id| Mutation::RebootNode {
        cluster: context.task.cluster.to_string(),
        node_id,
    };
    let wanted = which(&found);
    if let Some(unknown) = wanted.iter().find(|id| found.node(id).is_none()) {
        let detail = format!("the cluster {} has no node {unknown}", context.task.cluster);
        return Err(Fault::new(FaultClass::Invalid, detail));
    }
    let next = wanted
        .into_iter()
        .map(reboot)
        .find(|reboot| !context.task.has_done(reboot));
    if let Some(after) = pause_before(context, next.as_ref()) {
        let findings = Findings::seen(found);
        return Ok(StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::Cluster,
            findings,
        });
    }
    // What was seen may be the answer to the reboot before: the next one begins, and the last one has ended, only by what
    // AWS says right now.
    match resting_cluster(context).await? {
        Ok(now) if now.is_usable() => {
            Ok(next.map_or_else(|| StepOutcome::Done(Findings::seen(now)), StepOutcome::act))
        }
        Ok(now) => Ok(context.wait_for_cluster(Findings::seen(now))),
        Err(wait) => Ok(wait),
    }
}

/// Reboots whose answer was lost, and which are to be seen under way.
fn reboots_seen(context: &Context<'_>, found: &Observed) -> Vec<i64> {
    let is_seen = |intent: &&Intent| match &intent.mutation {
        Mutation::RebootNode { node_id, .. } => found
            .node(node_id)
            .is_some_and(|node| node.has_status("rebooting")),
        _ => false,
    };
    context
        .task
        .open_intents
        .iter()
        .filter(is_seen)
        .map(|intent| intent.id)
        .collect()
}

/// How long to wait before the next node is rebooted, or the last one believed to be back: AWS may not show the reboot before it yet, nor one whose answer was lost.
fn pause_before(context: &Context<'_>, next: Option<&Mutation>) -> Option<Duration> {
    let (task, timing) = (context.task, &context.settings.timing);
    let last = task
        .done_calls
        .iter()
        .filter(|done| done.call == REBOOT)
        .map(|done| done.at)
        .max();
    let since_last = last.map(|at| timing.settle.saturating_sub(task.age_of(at)));
    let lost = task
        .open_intents
        .iter()
        .filter(|intent| Some(&intent.mutation) == next)
        .map(|intent| intent.opened_at)
        .max();
    let since_lost = lost.map(|at| timing.absence.saturating_sub(task.age_of(at)));
    since_last.max(since_lost).filter(|left| !left.is_zero())
}
