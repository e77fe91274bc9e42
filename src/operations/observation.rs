//! Observation: the state of an operation's cluster since the last call that could have changed it.
//!
//! One process polls all clusters for every waiting operation of every process. An operation reads
//! its cluster itself while no process polls, and where the poll does not reach.
//!
//! A polled state is used only if it was read after the operation's last call ended. An older state
//! is [`Observation::Stale`]: the operation waits for the next poll.

use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::{Context, StepOutcome};

/// A poll that sees a change wakes the operation. Without a change the operation is checked again
/// after this many polls.
const POLLS_BETWEEN_CHECKS: u32 = 3;

/// The state of a cluster.
pub(super) enum Observation {
    Found(Box<Observed>),
    /// AWS has no cluster with this name.
    NotFound,
    /// The cluster was not read since the last call.
    Stale,
}

impl Context<'_> {
    /// The state of the cluster: as last polled, or read now if the poll has not read it lately.
    ///
    /// `NotFound` always comes from a read by name: a list of all clusters can have gaps.
    pub(super) async fn observe(&self) -> Result<Observation, Fault> {
        let latest = &self.task.latest_observation;
        if self.is_polled() {
            let is_missing = latest.missing.is_some_and(|moment| latest.is_fresh(moment));
            let is_observed = latest
                .observed
                .is_some_and(|moment| latest.is_fresh(moment));
            match &latest.cluster {
                _ if is_missing && crate::sabotage::is("gap_in_list_trusted") => {
                    return Ok(Observation::NotFound);
                }
                _ if is_missing => {}
                Some(cluster) if is_observed => {
                    return Ok(Observation::Found(Box::new(cluster.clone())));
                }
                Some(_) | None if !is_observed => return Ok(Observation::Stale),
                Some(_) | None => {}
            }
        }
        self.read().await
    }

    /// The state of the cluster, read now.
    async fn read(&self) -> Result<Observation, Fault> {
        let cluster = self.aws.cluster(self.task.cluster.as_str()).await?;
        Ok(cluster.map_or(Observation::NotFound, |cluster| {
            Observation::Found(Box::new(cluster))
        }))
    }

    /// The state of the cluster for a step that waits for it: read now on its first turn, because a
    /// quick change can be done before the poll has seen it.
    pub(super) async fn observe_waiting(&self) -> Result<Observation, Fault> {
        if self.task.step.timeout_from.is_none() {
            self.read().await
        } else {
            self.observe().await
        }
    }

    /// Waits for the cluster to change.
    pub(super) fn wait_for_cluster(&self, findings: Findings) -> StepOutcome {
        let poll = self.settings.timing.cluster_poll;
        let after = if self.is_polled() {
            poll * POLLS_BETWEEN_CHECKS
        } else {
            poll
        };
        StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::Cluster,
            findings,
        }
    }

    /// The findings without the polled state, which is stored already. Recording it again would
    /// give it a newer timestamp and could overwrite the result of a later poll.
    pub fn without_polled_state(&self, findings: Findings) -> Findings {
        let is_stored =
            self.is_polled() && findings.observed == self.task.latest_observation.cluster;
        if is_stored {
            Findings {
                observed: None,
                ..findings
            }
        } else {
            findings
        }
    }

    /// Waits instead of repeating a call that AWS has confirmed lately: a read that does not show its
    /// effect lags. A repeated call could fail (IAM denies DeleteRole for a deleted role, whose path
    /// it no longer knows) or have another effect.
    pub fn without_early_repeat(&self, outcome: StepOutcome) -> StepOutcome {
        let timing = &self.settings.timing;
        if let StepOutcome::Act { mutation, .. } = &outcome
            && let Some(age) = self.task.age_of_confirmed(mutation)
            && age < timing.absence
            && !crate::sabotage::is("confirmed_call_repeated")
        {
            return StepOutcome::CheckAgain {
                after: age.clamp(timing.role_recheck, timing.cluster_poll),
                waiting_for: WaitingFor::Aws,
                findings: Findings::default(),
            };
        }
        outcome
    }

    /// Whether the poll works, and has read this cluster lately. A poll that is throttled works but
    /// may not reach every cluster.
    fn is_polled(&self) -> bool {
        let timeout = self.settings.timing.poll_timeout();
        let latest = &self.task.latest_observation;
        let is_recent = |at| self.task.age_of(at) < timeout;
        latest.polled_at.is_some_and(is_recent)
            && latest.latest().is_some_and(|moment| is_recent(moment.at))
    }
}
