//! Seen: what is to be seen of the cluster since the last call went out that could have changed it.
//!
//! One poll looks at all clusters for every waiting operation of every process; an operation asks by itself only where
//! that poll is silent.

use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::{Context, StepOutcome};

/// With a poll for all, an operation is woken by what the poll sees; it looks by itself this many polls later.
const POLLS_SLEPT: u32 = 3;

/// What is to be seen of a cluster.
pub(super) enum Observation {
    /// It is there.
    There(Box<Observed>),
    /// It is not there.
    NotThere,
    /// Nobody has looked since the last call.
    NotYet,
}

impl Context<'_> {
    /// What is to be seen of the cluster: by the poll for all if there is one, else by asking.
    pub(super) async fn seen(&self) -> Result<Observation, Fault> {
        let latest_observation = &self.task.latest_observation;
        if self.is_polled() {
            return Ok(match &latest_observation.cluster {
                _ if !latest_observation.is_fresh() => Observation::NotYet,
                Some(cluster) => Observation::There(Box::new(cluster.clone())),
                None => Observation::NotThere,
            });
        }
        let cluster = self.aws.cluster(self.task.cluster.as_str()).await?;
        Ok(cluster.map_or(Observation::NotThere, |cluster| {
            Observation::There(Box::new(cluster))
        }))
    }

    /// Waits for the cluster to change.
    pub(super) fn wait_for_cluster(&self, findings: Findings) -> StepOutcome {
        let poll = self.settings.timing.cluster_poll;
        let after = if self.is_polled() {
            poll * POLLS_SLEPT
        } else {
            poll
        };
        StepOutcome::CheckAgain {
            after,
            waiting_for: WaitingFor::Cluster,
            findings,
        }
    }

    /// What a look has found out that the rows do not say. What the poll has seen is in them; written again it would
    /// count as newer than it is, and replace what the poll has seen since.
    pub fn news(&self, findings: Findings) -> Findings {
        let known = self.is_polled() && findings.observed == self.task.latest_observation.cluster;
        if known {
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
