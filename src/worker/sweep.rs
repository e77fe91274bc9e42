//! The sweep: now and then one process, for all, looks for things of ours that nobody owns, and removes them.
//!
//! A call that a frozen worker sends after it was taken over can re-create what was just removed. The sweep finds it by
//! our path, tags and descriptions, deletes it only if a row of this database names it and its evidence is complete,
//! and leaves everything else on the list of orphans.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::inventory::Item;
use crate::domain::mutation::Mutation;
use crate::domain::orphan::orphans;
use crate::domain::problems::fault::Fault;
use crate::operations::leftovers::{self, Removal};
use crate::store::{SentOutcome, SingletonJob, StoreError};

use super::Worker;

/// How often the sweep is done.
pub(super) const EVERY: Duration = Duration::from_secs(300);
/// How long one sweep may take before another process may take it over.
const LEASE: Duration = Duration::from_secs(120);
/// How often each process looks whether the sweep is due.
const TICK: Duration = Duration::from_secs(30);
/// Longest one call may take: none is sent that could end after the lease.
const CALL: Duration = Duration::from_secs(9);
/// Most calls about one leftover in one sweep: ten policies detached and deleted, and some to spare.
const CALLS_PER_LEFTOVER: usize = 4;
/// How old a lost answer must be before its intent is closed for good.
const STALE: Duration = Duration::from_secs(3_600);

/// Why a sweep ended early. The next one looks again.
#[derive(Debug, thiserror::Error)]
pub enum SweepFault {
    /// AWS refused or failed.
    #[error("AWS: {}", .0.detail)]
    Aws(Fault),
    /// The database did.
    #[error("the database")]
    Store(#[from] StoreError),
}

impl From<Fault> for SweepFault {
    fn from(fault: Fault) -> Self {
        Self::Aws(fault)
    }
}

impl Worker {
    pub(super) async fn sweep_now_and_then(self, stop: CancellationToken) {
        let tick = TICK.min(self.sweep_every);
        while stop
            .run_until_cancelled(tokio::time::sleep(tick))
            .await
            .is_some()
        {
            if let Err(error) = self.store.mend_instants().await {
                tracing::debug!(%error, "instants that lie too far ahead stay for now");
            }
            // A task of its own, so that a sweep that panics is not the last one.
            let worker = self.clone();
            match tokio::spawn(async move { worker.sweep().await }).await {
                Ok(Ok(Some(0) | None)) => {}
                Ok(Ok(Some(calls))) => tracing::info!(calls, "the sweep removed leftovers"),
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the sweep ended early"
                ),
                Err(error) => tracing::error!(%error, "the sweep crashed"),
            }
        }
    }

    /// Sweeps once, if it is due and no other process does it. Returns how many calls took effect.
    pub async fn sweep(&self) -> Result<Option<usize>, SweepFault> {
        let Some(duty) = self.store.take_duty("sweep", &self.name, LEASE).await? else {
            return Ok(None);
        };
        let outcome = self.remove_leftovers(&duty).await;
        self.store.end_duty(&duty, self.sweep_every).await?;
        self.store.forget_old_keys().await?;
        self.store.settle_stale_intents(STALE).await?;
        outcome.map(Some)
    }

    async fn remove_leftovers(&self, duty: &SingletonJob) -> Result<usize, SweepFault> {
        let installation = self.store.installation().await?.id;
        let managed: BTreeSet<String> = self.store.managed_names().await?.into_iter().collect();
        let marked = self.inspector.marked(installation, &managed).await?;
        let names: Vec<String> = marked.iter().map(|thing| thing.name.clone()).collect();
        let evidence = self.store.evidence(&names).await?;
        let mut calls = 0;
        for item in leftovers::leftovers(orphans(marked, &evidence)) {
            // One that cannot be removed now does not hold up the others.
            match self.remove_leftover(duty, installation, &item).await {
                Ok(sent) => calls += sent,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        name = item.name,
                        "a leftover stays"
                    )
                }
            }
        }
        Ok(calls)
    }

    async fn remove_leftover(
        &self,
        duty: &SingletonJob,
        installation: uuid::Uuid,
        item: &Item,
    ) -> Result<usize, SweepFault> {
        let mut calls = 0;
        for _ in 0..CALLS_PER_LEFTOVER {
            match leftovers::removal_of(&self.world, installation, item).await? {
                Removal::Nothing => break,
                Removal::Send(mutation) => {
                    if !self.send_for_sweep(duty, item, &mutation).await? {
                        break;
                    }
                    calls += 1;
                }
            }
        }
        Ok(calls)
    }

    /// Sends one call with its intent committed before; false if it did not take effect.
    async fn send_for_sweep(
        &self,
        duty: &SingletonJob,
        item: &Item,
        mutation: &Mutation,
    ) -> Result<bool, SweepFault> {
        let intent = match self
            .store
            .open_sweep_intent(duty, item.operation_id, mutation)
            .await
        {
            Ok(intent) => intent,
            // The cluster is asked for again, or another process sweeps: it is their business now.
            Err(StoreError::Fenced) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if duty.taken_at.elapsed() + CALL > LEASE {
            self.store
                .close_sweep_intent(intent, SentOutcome::Refused)
                .await?;
            return Ok(false);
        }
        tracing::info!(
            aws.operation = mutation.operation(),
            target = mutation.target(),
            "the sweep removes a leftover"
        );
        let outcome = match leftovers::send(&self.world, mutation).await {
            Ok(()) => SentOutcome::Applied,
            Err(fault) if fault.class.leaves_outcome_unknown() => SentOutcome::Unknown,
            Err(fault) => {
                tracing::warn!(detail = fault.detail, "a leftover stays for now");
                SentOutcome::Refused
            }
        };
        self.store.close_sweep_intent(intent, outcome).await?;
        Ok(outcome == SentOutcome::Applied)
    }
}
