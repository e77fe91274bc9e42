//! The poll: while an operation waits for its cluster, one process reads all clusters of the
//! account for every process.
//!
//! 1,000 clusters in creation cost ten calls of DescribeClusters in 15 s, and hold no task and no
//! connection. An operation wakes when its cluster has changed. At longer intervals the poll also
//! reads tags and parameter values, which DescribeClusters does not return.

use std::time::Duration;

use crate::domain::cluster::Cluster;
use crate::domain::drift::drift;
use crate::domain::names::IAM_PATH;
use crate::domain::observed::ClustersPage;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::retry::{backoff, jittered};
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
/// Most clusters whose drift is recorded in one poll.
const DRIFTS_PER_POLL: i64 = 500;
/// Most attempts at one page of the clusters.
const ATTEMPTS_PER_PAGE: u32 = 5;
/// Most clusters per poll that are read by name because the list lacked them.
const CONFIRMED_PER_POLL: usize = 10;

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
        let Some(job) = self
            .store
            .take_job("poll", &self.claimant.owner, LEASE)
            .await?
        else {
            return Ok(None);
        };
        let next_in = jittered(timing.cluster_poll.max(SHORTEST), rand::random());
        match self.read_clusters(&job).await {
            Ok(changed) => {
                self.end_poll(&job, next_in).await?;
                self.read_details().await?;
                self.record_drift().await?;
                Ok(Some(changed))
            }
            // A throttled poll counts as done: the pages that it reached are recorded. Operations
            // whose cluster was not reached lately read it themselves.
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

    /// Reads all clusters, page by page. Each page is recorded before the next one is read.
    async fn read_clusters(&self, job: &SingletonJob) -> Result<usize, JobError> {
        let refresh = self.env.settings.timing.refresh;
        if !self.store.poll_is_needed(refresh).await? {
            return Ok(0);
        }
        let begin = self.store.moment().await?;
        let (mut names, mut role_users) = (Vec::new(), Vec::new());
        let (mut token, mut changed) = (None, 0);
        loop {
            let read = self.store.moment().await?;
            let page = self.read_page(token).await?;
            changed += self
                .store
                .record_listed(job, read, &page.clusters, refresh)
                .await?;
            for (name, cluster) in page.clusters {
                role_users.extend(cluster.iam_role_arn.map(|arn| (arn, name.clone())));
                names.push(name);
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        let missing = self.store.record_missing(job, begin, &names).await?;
        self.store
            .record_role_users(job, begin, role_users, IAM_PATH)
            .await?;
        self.confirm_missing(job, missing).await?;
        if changed > 0 {
            self.store.announce_work();
        }
        Ok(changed)
    }

    /// Reads one page. A throttled page is retried, so that it does not cost the pages before it.
    async fn read_page(&self, token: Option<String>) -> Result<ClustersPage, Fault> {
        let mut attempt = 1;
        loop {
            match self.inspector.clusters_page(token.clone()).await {
                Err(fault)
                    if fault.class == FaultClass::Throttled && attempt < ATTEMPTS_PER_PAGE =>
                {
                    tokio::time::sleep(backoff(attempt, rand::random())).await;
                    attempt += 1;
                }
                page => return page,
            }
        }
    }

    /// Reads idle clusters that the list lacked by name, and records those that do not exist. Other
    /// readers of a missing cluster read it by name themselves.
    async fn confirm_missing(
        &self,
        job: &SingletonJob,
        missing: Vec<String>,
    ) -> Result<(), JobError> {
        if missing.len() > CONFIRMED_PER_POLL {
            tracing::warn!(
                missing = missing.len(),
                "AWS listed fewer clusters than it has shown before; {CONFIRMED_PER_POLL} are read by name per poll"
            );
        }
        let refresh = self.env.settings.timing.refresh;
        for name in missing.into_iter().take(CONFIRMED_PER_POLL) {
            let read = self.store.moment().await?;
            match self.inspector.cluster(&name).await? {
                Some(cluster) => {
                    let found = [(name, cluster)];
                    self.store.record_listed(job, read, &found, refresh).await?;
                }
                None => self.store.record_absent(job, read, &name).await?,
            }
        }
        Ok(())
    }

    /// Records the drift of the clusters that have changed, for the filter of the list.
    async fn record_drift(&self) -> Result<(), JobError> {
        let due = self.store.drift_due(DRIFTS_PER_POLL).await?;
        if due.is_empty() {
            return Ok(());
        }
        let is_drifted = |cluster: &Cluster| !drift(cluster).is_empty();
        let found: Vec<_> = due
            .iter()
            .map(|cluster| (cluster.id, cluster.version, is_drifted(cluster)))
            .collect();
        Ok(self.store.record_drift(&found).await?)
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
