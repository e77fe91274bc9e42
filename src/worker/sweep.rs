//! The sweep: at intervals one process, for all, removes resources that this service created and
//! that no cluster owns any more.
//!
//! A suspended worker can send its call after its lease has expired, and create again what was just
//! deleted. The sweep finds such a resource by the service's IAM path, tags and descriptions. It
//! deletes it only if this database has a record of it and its ownership evidence is complete.
//! Everything else stays on the list of orphans.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use crate::domain::inventory::Item;
use crate::domain::mutation::Mutation;
use crate::domain::names::cluster_in_name;
use crate::domain::orphan::orphans;
use crate::inspections::altered_roles::ExpectedRoles;
use crate::operations::StepEnvironment;
use crate::operations::leftovers::{self, Removal};
use crate::store::{SentOutcome, SingletonJob, StoreError};

use super::{JobError, Worker};

/// Default interval between two sweeps.
pub(super) const INTERVAL: Duration = Duration::from_secs(300);
/// How long one sweep can take before another process takes the job over.
const LEASE: Duration = Duration::from_secs(120);
/// How long one sweep prunes history; the next one continues.
const PRUNE_TIME: Duration = Duration::from_secs(10);
/// Longer than every pause of an operation that is not blocked and does not wait for the poll.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// Longest interval between two checks whether a sweep is due.
const LONGEST_TICK: Duration = Duration::from_secs(30);
/// Longest time of one call: none is sent that could end after the lease.
const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// Most calls for one leftover in one sweep. A policy needs two, detach and delete; the rest is a
/// reserve.
const CALLS_PER_LEFTOVER: usize = 4;
/// Age at which the intent of a call with an unknown outcome is closed.
const STALE: Duration = Duration::from_secs(3_600);

impl Worker {
    /// Interval between two checks whether a sweep is due.
    pub(super) fn sweep_tick(&self) -> Duration {
        LONGEST_TICK.min(self.sweep_interval)
    }

    pub(super) async fn sweep_job(self) -> Result<Option<usize>, JobError> {
        let longest_wait = (self.env.settings.timing.cluster_poll * 4).max(LONGEST_BACKOFF);
        let longest_interval = self.sweep_interval.max(LEASE) * 2;
        let reset = self
            .store
            .reset_future_timestamps(longest_wait, longest_interval);
        if let Err(error) = reset.await {
            tracing::debug!(%error, "could not reset timestamps that lie in the far future");
        }
        let calls = self.sweep().await?;
        if let Some(calls @ 1..) = calls {
            tracing::info!(calls, "the sweep removed leftovers");
        }
        Ok(calls)
    }

    /// Sweeps once, if a sweep is due and no other process sweeps. Returns the number of calls that
    /// took effect.
    pub async fn sweep(&self) -> Result<Option<usize>, JobError> {
        let Some(mut job) = self
            .store
            .take_job("sweep", &self.claimant.owner, LEASE)
            .await?
        else {
            return Ok(None);
        };
        let outcome = self.remove_leftovers(&mut job).await;
        if let Err(error) = self.report_altered_roles(&mut job).await {
            tracing::debug!(%error, "could not compare the roles with those of this service");
        }
        // A sweep that ended early is due again at the next interval, but does not count as completed.
        match &outcome {
            Ok(_) => self.store.end_job(&job, self.sweep_interval).await?,
            Err(_) => self.store.fail_job(&job, self.sweep_interval).await?,
        }
        self.store.forget_old_keys().await?;
        self.store.settle_stale_intents(STALE).await?;
        self.prune_history().await?;
        outcome.map(Some)
    }

    /// Warns of each role under the service's IAM path that can admit others than DAX, or that has
    /// another boundary. One that a cluster uses is left to the operator.
    async fn report_altered_roles(&self, job: &mut SingletonJob) -> Result<(), JobError> {
        let expected = ExpectedRoles {
            installation: Some(self.store.installation().await?.id),
            boundary: self.env.settings.permissions_boundary.as_deref(),
            other_boundaries: &self.env.settings.other_boundaries,
        };
        let review = self
            .holding(job, self.inspector.review_roles(expected))
            .await??;
        for role in review.altered {
            tracing::warn!(
                role.name = role.name,
                "a role under the path of this service is altered: {}",
                role.alteration
            );
        }
        Ok(())
    }

    /// Deletes history that is older than configured, in batches, for a limited time.
    async fn prune_history(&self) -> Result<(), JobError> {
        let begin = std::time::Instant::now();
        while begin.elapsed() < PRUNE_TIME && self.store.prune_history(self.history_age).await? > 0
        {
        }
        Ok(())
    }

    async fn remove_leftovers(&self, job: &mut SingletonJob) -> Result<usize, JobError> {
        let installation = self.store.installation().await?.id;
        let managed: BTreeSet<String> = self.store.managed_names().await?.into_iter().collect();
        let tagged = self
            .holding(job, self.inspector.tagged(installation, &managed))
            .await??;
        let names: Vec<String> = tagged.iter().map(|tagged| tagged.name.clone()).collect();
        let evidence = self.store.evidence(&names).await?;
        let mut calls = 0;
        for item in leftovers::leftovers(orphans(tagged, &evidence)) {
            self.store.renew_job(job, LEASE).await?;
            // One that cannot be removed now must not delay the others.
            match self.remove_leftover(job, installation, &item).await {
                Ok(sent) => calls += sent,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "could not remove a leftover"
                    );
                    tracing::debug!(name = item.name, error.detail = error.detail(), "leftover");
                }
            }
        }
        Ok(calls)
    }

    /// Runs long work and renews the lease of the job during it: in an account with many clusters
    /// the reads of one sweep take minutes.
    async fn holding<T>(
        &self,
        job: &mut SingletonJob,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(LEASE / 4) => self.store.renew_job(job, LEASE).await?,
            }
        }
    }

    async fn remove_leftover(
        &self,
        job: &SingletonJob,
        installation: uuid::Uuid,
        item: &Item,
    ) -> Result<usize, JobError> {
        let env = self.env.narrowed(cluster_in_name(&item.name).as_ref(), &[]);
        let mut calls = 0;
        for _ in 0..CALLS_PER_LEFTOVER {
            match leftovers::removal_of(&env, installation, item).await? {
                Removal::Nothing => break,
                Removal::Send(mutation) => {
                    if !self.send_for_sweep(&env, job, item, &mutation).await? {
                        break;
                    }
                    calls += 1;
                }
            }
        }
        Ok(calls)
    }

    /// Commits the intent, then sends the call. Returns whether the call took effect.
    async fn send_for_sweep(
        &self,
        env: &StepEnvironment,
        job: &SingletonJob,
        item: &Item,
        mutation: &Mutation,
    ) -> Result<bool, JobError> {
        let intent = match self
            .store
            .open_sweep_intent(job, item.operation_id, mutation)
            .await
        {
            Ok(intent) => intent,
            // An operation works on the cluster again, or another process sweeps: it handles this.
            Err(StoreError::Fenced) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if job.taken_at.elapsed() + CALL_TIMEOUT > LEASE {
            self.store
                .close_sweep_intent(intent, SentOutcome::Rejected)
                .await?;
            return Ok(false);
        }
        let operation = mutation.operation();
        tracing::info!(aws.operation = operation, "the sweep removes a leftover");
        tracing::debug!(target = mutation.target(), "leftover");
        let outcome = match leftovers::send(env, mutation).await {
            Ok(()) => SentOutcome::Applied,
            Err(fault) if fault.class.leaves_outcome_unknown() => SentOutcome::Unknown,
            Err(fault) => {
                let problem = fault.problem_code().as_str();
                tracing::warn!(problem, "could not remove a leftover");
                tracing::debug!(detail = fault.detail, "leftover");
                SentOutcome::Rejected
            }
        };
        self.store.close_sweep_intent(intent, outcome).await?;
        Ok(outcome == SentOutcome::Applied)
    }
}
