//! Steps of the nodes: their number, and their reboots.

use std::cmp::Ordering;
use std::time::Duration;

use crate::domain::change::ChangeSpec;
use crate::domain::mutation::Mutation;
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::{Intent, Task};
use crate::domain::validation::typed::AvailabilityZone;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::{change, gone_or_wait, idle_cluster, vanished, wait_unless_broken};
use crate::operations::observation::Observation;
use crate::operations::{Context, StepOutcome, cluster};

/// Time for nodes to be added or removed: a cluster of three can take 45 minutes.
const NODES_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// Additional time for every three nodes beyond the first three.
const TIMEOUT_PER_THREE_NODES: Duration = Duration::from_secs(10 * 60);
/// Time for the reboot of one node.
const REBOOT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

const REBOOT: &str = "dax:RebootNode";

/// Time for a cluster to reach its desired number of nodes.
pub(in crate::operations) fn nodes_timeout(task: &Task) -> Duration {
    let nodes = task
        .spec
        .desired()
        .map_or(1, |spec| u32::from(spec.replication_factor));
    NODES_TIMEOUT + TIMEOUT_PER_THREE_NODES * (nodes.saturating_sub(1) / 3)
}

/// Time for all reboots of an operation; the largest cluster has eleven nodes.
pub(in crate::operations) fn reboots_timeout(_: &Task) -> Duration {
    REBOOT_TIMEOUT * 11
}

/// Sends the call that adds or removes nodes, if their number must change.
pub(in crate::operations) async fn change_count(
    context: &Context<'_>,
) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    let cluster = match idle_cluster(context).await? {
        Ok(cluster) => cluster,
        Err(wait) => return Ok(wait),
    };
    let (current, desired) = (
        cluster.node_count(),
        usize::from(change.after.replication_factor),
    );
    match current.cmp(&desired) {
        Ordering::Equal => Ok(StepOutcome::Done(Findings::observed(cluster))),
        Ordering::Less => Ok(StepOutcome::act(Mutation::IncreaseReplicationFactor {
            name: context.task.cluster.to_string(),
            count: change.after.replication_factor,
            availability_zones: zones_for(change, desired - current),
        })),
        Ordering::Greater => decrease(context, change, &cluster),
    }
}

/// The requested zones, one for each of `count` nodes. If the number of nodes was changed outside
/// this service the zones do not fit any more, and AWS chooses.
fn zones_for(change: &ChangeSpec, count: usize) -> Vec<AvailabilityZone> {
    let zones = &change.placement.availability_zones;
    if zones.len() == count {
        zones.clone()
    } else {
        Vec::new()
    }
}

fn decrease(
    context: &Context<'_>,
    change: &ChangeSpec,
    cluster: &Observed,
) -> Result<StepOutcome, Fault> {
    let surplus = cluster.node_count() - usize::from(change.after.replication_factor);
    let node_ids = &change.placement.node_ids_to_remove;
    check_nodes_exist(context, node_ids, cluster)?;
    if !node_ids.is_empty() && node_ids.len() != surplus {
        let detail = format!(
            "{} node IDs are given, but {surplus} nodes must be removed",
            node_ids.len()
        );
        return Err(Fault::new(FaultClass::Invalid, detail));
    }
    Ok(StepOutcome::act(Mutation::DecreaseReplicationFactor {
        name: context.task.cluster.to_string(),
        count: change.after.replication_factor,
        availability_zones: zones_for(change, surplus),
        node_ids: node_ids.clone(),
    }))
}

fn check_nodes_exist(
    context: &Context<'_>,
    node_ids: &[String],
    cluster: &Observed,
) -> Result<(), Fault> {
    match node_ids.iter().find(|id| cluster.node(id).is_none()) {
        Some(unknown) => {
            let detail = format!("the cluster {} has no node {unknown}", context.task.cluster);
            Err(Fault::new(FaultClass::Invalid, detail))
        }
        None => Ok(()),
    }
}

/// Waits until the cluster has the desired number of nodes and each is available.
pub(in crate::operations) async fn await_count(
    context: &Context<'_>,
) -> Result<StepOutcome, Fault> {
    let desired = usize::from(change(context)?.after.replication_factor);
    match context.observe().await? {
        Observation::Found(cluster) if cluster.is_usable() && cluster.node_count() == desired => {
            Ok(StepOutcome::Done(Findings::observed(*cluster)))
        }
        Observation::Found(cluster) if cluster.is_deleting() => Err(vanished(context)),
        Observation::Found(cluster) => wait_unless_broken(context, *cluster).await,
        Observation::NotFound => gone_or_wait(context).await,
        Observation::Stale => Ok(context.wait_for_cluster(Findings::default())),
    }
}

/// Reboots the nodes that `select` returns for the observed cluster, one after another. Nodes that
/// this operation has rebooted already are left out.
///
/// A node must be `available` again before the next one is rebooted, and before the step is done.
/// DescribeClusters lags behind RebootNode, so it can report a node as `available` that is about to
/// reboot. Therefore nothing follows a reboot before [`delay_after_reboot`] has passed, and then
/// only on a new read: the observed state can be older than the last reboot.
pub(in crate::operations) async fn reboot(
    context: &Context<'_>,
    select: impl Fn(&Observed) -> Vec<String>,
) -> Result<StepOutcome, Fault> {
    let observed = match context.observe().await? {
        Observation::Found(cluster) if cluster.is_deleting() => return Err(vanished(context)),
        Observation::Found(cluster) => *cluster,
        Observation::NotFound => return gone_or_wait(context).await,
        Observation::Stale => return Ok(context.wait_for_cluster(Findings::default())),
    };
    if !observed.is_usable() {
        cluster::fail_if_broken(context, &observed).await?;
        return Ok(context.wait_for_cluster(Findings {
            settled_intents: visible_reboots(context, &observed),
            ..Findings::observed(observed)
        }));
    }
    let selected = select(&observed);
    check_nodes_exist(context, &selected, &observed)?;
    let next = selected
        .into_iter()
        .map(|node_id| Mutation::RebootNode {
            cluster: context.task.cluster.to_string(),
            node_id,
        })
        .find(|reboot| !context.task.has_done(reboot));
    if let Some(after) = delay_after_reboot(context, next.as_ref()) {
        return Ok(StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::Cluster,
            findings: Findings::observed(observed),
        });
    }
    match idle_cluster(context).await? {
        Ok(now) if now.is_usable() => Ok(next.map_or_else(
            || StepOutcome::Done(Findings::observed(now)),
            StepOutcome::act,
        )),
        Ok(now) => Ok(context.wait_for_cluster(Findings::observed(now))),
        Err(wait) => Ok(wait),
    }
}

/// The intents of reboots with an unknown outcome whose nodes are rebooting: they took effect.
fn visible_reboots(context: &Context<'_>, cluster: &Observed) -> Vec<i64> {
    let is_visible = |intent: &&Intent| {
        let Mutation::RebootNode { node_id, .. } = &intent.mutation else {
            return false;
        };
        cluster
            .node(node_id)
            .is_some_and(|node| node.has_status("rebooting"))
    };
    context
        .task
        .open_intents
        .iter()
        .filter(is_visible)
        .map(|intent| intent.id)
        .collect()
}

/// Delay before rebooting the next node, or before trusting that the last one is back:
/// DescribeClusters lags behind RebootNode, including a call whose response was lost.
///
/// The delay is `settle` after the last reboot that is known to have happened, and `absence` after
/// a call for the next node with an unknown outcome: that call may still take effect.
fn delay_after_reboot(context: &Context<'_>, next: Option<&Mutation>) -> Option<Duration> {
    let (task, timing) = (context.task, &context.settings.timing);
    let last = task
        .done_calls
        .iter()
        .filter(|done| done.mutation.call_name() == REBOOT)
        .map(|done| done.at)
        .max();
    let after_last = last.map(|at| timing.settle.saturating_sub(task.age_of(at)));
    let lost = task
        .open_intents
        .iter()
        .filter(|intent| Some(&intent.mutation) == next)
        .map(|intent| intent.opened_at)
        .max();
    let after_lost = lost.map(|at| timing.absence.saturating_sub(task.age_of(at)));
    after_last
        .max(after_lost)
        .filter(|delay| !delay.is_zero() && !crate::sabotage::is("reboot_without_pause"))
}
