//! Observation: the state of an operation's cluster since the last call that could have changed it.
//!
//! One process polls all clusters for every waiting operation of every process. An operation reads
//! its cluster itself only while no process polls.
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
    NotFound,
    /// The cluster was not read since the last call.
    Stale,
}

impl Context<'_> {
    /// The state of the cluster: as last polled, or read now if no process polls.
    pub(super) async fn observe(&self) -> Result<Observation, Fault> {
        let latest = &self.task.latest_observation;
        if self.is_polled() {
            return Ok(match &latest.cluster {
                _ if !latest.is_fresh() => Observation::Stale,
                Some(cluster) => Observation::Found(Box::new(cluster.clone())),
                None => Observation::NotFound,
            });
        }
        let cluster = self.aws.cluster(self.task.cluster.as_str()).await?;
        Ok(cluster.map_or(Observation::NotFound, |cluster| {
            Observation::Found(Box::new(cluster))
        }))
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

    fn is_polled(&self) -> bool {
        let timeout = self.settings.timing.poll_timeout();
        self.task
            .latest_observation
            .polled_at
            .is_some_and(|at| self.task.age_of(at) < timeout)
    }
}
