//! The poll: one process, for all, looks at every cluster of the account while an operation waits for one.
//!
//! 1,000 clusters that are being created cost ten calls of DescribeClusters in 15 s, hold no task and no connection, and
//! each operation wakes when its cluster has changed. Now and then it also reads what DescribeClusters leaves out.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::cluster::Cluster;
use crate::domain::drift::drift;
use crate::domain::problems::fault::FaultClass;
use crate::domain::retry::jittered;
use crate::store::{SingletonJob, StoreError};

use super::Worker;
use super::sweep::SweepFault;

/// How long one poll may take before another process may take it over.
const LEASE: Duration = Duration::from_secs(60);
/// Shortest time between two polls, and between two looks whether one is due.
const SHORTEST: Duration = Duration::from_millis(100);
/// Most clusters whose details are read in one poll: ListTags allows ten calls in a second for the whole account.
const DETAILS_AT_ONCE: i64 = 10;

impl Worker {
    pub(super) async fn poll_now_and_then(self, stop: CancellationToken) {
        let timing = &self.world.settings.timing;
        let tick = (timing.cluster_poll / 4).clamp(SHORTEST, Duration::from_secs(2));
        while stop
            .run_until_cancelled(tokio::time::sleep(tick))
            .await
            .is_some()
        {
            // A task of its own, so that a poll that panics is not the last one.
            let worker = self.clone();
            match tokio::spawn(async move { worker.poll().await }).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the poll ended early"
                ),
                Err(error) => tracing::error!(%error, "the poll crashed"),
            }
        }
    }

    /// Polls once, if it is due and no other process does it. Returns how many clusters have changed.
    pub async fn poll(&self) -> Result<Option<usize>, SweepFault> {
        let timing = &self.world.settings.timing;
        let Some(duty) = self.store.take_duty("poll", &self.name, LEASE).await? else {
            return Ok(None);
        };
        let next_in = jittered(timing.cluster_poll.max(SHORTEST), rand::random());
        match self.look_at_all(&duty).await {
            Ok(changed) => {
                self.end_poll(&duty, next_in).await?;
                self.read_details().await?;
                Ok(Some(changed))
            }
            // AWS asks to slow down: operations that asked by themselves would make it worse.
            Err(SweepFault::Aws(fault)) if fault.class == FaultClass::Throttled => {
                self.end_poll(&duty, next_in * 2).await?;
                Ok(Some(0))
            }
            Err(error) => {
                self.store.fail_duty(&duty, next_in).await?;
                Err(error)
            }
        }
    }

    async fn end_poll(&self, duty: &SingletonJob, next_in: Duration) -> Result<(), StoreError> {
        match self.store.end_duty(duty, next_in).await {
            // Another process polls meanwhile; what was seen is written under its fence, or not at all.
            Err(StoreError::Fenced) => Ok(()),
            ended => ended,
        }
    }

    async fn look_at_all(&self, duty: &SingletonJob) -> Result<usize, SweepFault> {
        if !self
            .store
            .poll_is_needed(self.world.settings.timing.refresh)
            .await?
        {
            return Ok(0);
        }
        let seen_at = self.store.clock().await?;
        let seen = self.inspector.all_clusters().await?;
        let changed = self.store.record_poll(duty, seen_at, &seen).await?;
        if changed > 0 {
            self.store.announce_work();
        }
        Ok(changed)
    }

    async fn read_details(&self) -> Result<(), SweepFault> {
        let due = self
            .store
            .details_due(self.world.settings.timing.details, DETAILS_AT_ONCE)
            .await?;
        for one in due {
            let seen_at = self.store.clock().await?;
            let details = self
                .inspector
                .details(one.arn.as_deref(), one.parameter_group.as_deref())
                .await;
            let Some(cluster) = self.store.cluster(&one.name).await? else {
                continue;
            };
            // Readers see of the details only whether they have drifted.
            let before = drift(&cluster);
            let is_seen = before
                != drift(&Cluster {
                    details: Some(details.clone()),
                    ..cluster
                });
            self.store
                .record_details(&one, seen_at, &details, is_seen)
                .await?;
        }
        Ok(())
    }
}
