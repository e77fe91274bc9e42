//! The poll: while an operation waits for its cluster, one process reads all clusters of the
//! account for every process.
//!
//! 1,000 clusters in creation cost ten calls of DescribeClusters in 15 s, and hold no task and no
//! connection. An operation wakes when its cluster has changed. At longer intervals the poll also
//! reads tags and parameter values, which DescribeClusters does not return.

use std::time::Duration;

use crate::domain::cluster::Cluster;
use crate::domain::drift::drift;
use crate::domain::problems::fault::FaultClass;
use crate::domain::retry::jittered;
use crate::store::{SingletonJob, StoreError};

use super::{JobError, Worker};

/// How long one poll can take before another process takes the job over.
const LEASE: Duration = Duration::from_secs(60);
/// Shortest interval between two polls, and between two checks whether one is due.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longest interval between two checks whether a poll is due.
const LONGEST_TICK: Duration = Duration::from_secs(2);
/// Most clusters whose details are read in one poll: AWS allows ten ListTags per second and
/// account.
const DETAILS_PER_POLL: i64 = 10;

impl Worker {
    /// Interval between two checks whether a poll is due.
    pub(super) fn poll_tick(&self) -> Duration {
        (self.env.settings.timing.cluster_poll / 4).clamp(SHORTEST, LONGEST_TICK)
    }

    pub(super) async fn poll_job(self) -> Result<Option<usize>, JobError> {
        self.poll().await
    }

    /// Polls once, if a poll is due and no other process polls. Returns the number of changed
    /// clusters.
    pub async fn poll(&self) -> Result<Option<usize>, JobError> {
        let timing = &self.env.settings.timing;
        let Some(job) = self.store.take_job("poll", &self.name, LEASE).await? else {
            return Ok(None);
        };
        let next_in = jittered(timing.cluster_poll.max(SHORTEST), rand::random());
        match self.read_clusters(&job).await {
            Ok(changed) => {
                self.end_poll(&job, next_in).await?;
                self.read_details().await?;
                Ok(Some(changed))
            }
            // A throttled poll counts as done. Otherwise every operation would read its cluster
            // itself, which would add calls.
            Err(JobError::Aws(fault)) if fault.class == FaultClass::Throttled => {
                self.end_poll(&job, next_in * 2).await?;
                Ok(Some(0))
            }
            Err(error) => {
                self.store.fail_job(&job, next_in).await?;
                Err(error)
            }
        }
    }

    async fn end_poll(&self, job: &SingletonJob, next_in: Duration) -> Result<(), StoreError> {
        match self.store.end_job(job, next_in).await {
            // Another process has taken the job over. The result was written under this job's epoch
            // before that, or not at all.
            Err(StoreError::Fenced) => Ok(()),
            ended => ended,
        }
    }

    async fn read_clusters(&self, job: &SingletonJob) -> Result<usize, JobError> {
        if !self
            .store
            .poll_is_needed(self.env.settings.timing.refresh)
            .await?
        {
            return Ok(0);
        }
        let observed_at = self.store.clock().await?;
        let clusters = self.inspector.all_clusters().await?;
        let changed = self.store.record_poll(job, observed_at, &clusters).await?;
        if changed > 0 {
            self.store.announce_work();
        }
        Ok(changed)
    }

    async fn read_details(&self) -> Result<(), JobError> {
        let due = self
            .store
            .details_due(self.env.settings.timing.details, DETAILS_PER_POLL)
            .await?;
        for one in due {
            let observed_at = self.store.clock().await?;
            let details = self
                .inspector
                .details(one.arn.as_deref(), one.parameter_group.as_deref())
                .await;
            let Some(cluster) = self.store.cluster(&one.name).await? else {
                continue;
            };
            // Clients see details only as drift, so only other drift is a new version.
            let before = drift(&cluster);
            let is_visible = before
                != drift(&Cluster {
                    details: Some(details.clone()),
                    ..cluster
                });
            self.store
                .record_details(&one, observed_at, &details, is_visible)
                .await?;
        }
        Ok(())
    }
}
