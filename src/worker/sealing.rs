//! Sealing of audit records: every ten to fifteen seconds one process, for all, seals the records that were
//! numbered since, and deletes those of old seals. Each seal is logged, so that it is kept elsewhere.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::audit::AuditKey;
use crate::store::StoreError;

use super::shared_jobs::SharedJobs;

/// Shortest interval between two seals.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long the job can take before another process takes it over.
const LEASE: Duration = Duration::from_secs(60);
/// How long one run seals or deletes; the next one continues.
const RUN_TIME: Duration = Duration::from_secs(10);

/// Settings of the audit.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// The key of the seals; without it they are plain hashes.
    pub key: Option<AuditKey>,
    /// Age at which sealed records are deleted. Their seals are kept.
    pub kept: Duration,
}

impl SharedJobs {
    /// Seals records until `stop` is cancelled.
    pub(super) async fn seal_periodically(self, settings: AuditSettings, stop: CancellationToken) {
        if settings.key.is_none() {
            tracing::info!(
                "audit records are sealed without a key, because --audit-key-file is not set"
            );
        }
        let owner = Uuid::now_v7().to_string();
        let due = || tokio::time::sleep(INTERVAL / 2);
        let mut is_reported = false;
        while stop.run_until_cancelled(due()).await.is_some() {
            match self.seal_if_due(&settings, &owner).await {
                Ok(Some(_)) => {}
                Ok(None) if is_reported => {}
                Ok(None) => {
                    is_reported = true;
                    tracing::error!(
                        "this process does not seal audit records: the last seal was made with a key, \
                         and --audit-key-file is not set"
                    );
                }
                Err(error) => tracing::debug!(%error, "audit records were not sealed"),
            }
        }
    }

    /// Whether the last seal was made with a key, and this process has none. A seal of it would be a
    /// fault for ever.
    async fn lacks_key(&self, settings: &AuditSettings) -> Result<bool, StoreError> {
        if settings.key.is_some() {
            return Ok(false);
        }
        let last = self.store.last_seal().await?;
        Ok(last.is_some_and(|last| last.content().key_id.is_some()))
    }

    /// Seals once, if it is due and no other process does it. Returns the number of new seals.
    pub async fn seal(&self, settings: &AuditSettings, owner: &str) -> Result<usize, StoreError> {
        Ok(self.seal_if_due(settings, owner).await?.unwrap_or_default())
    }

    /// The same. `None`: this process lacks the key, so the job is left to others.
    async fn seal_if_due(
        &self,
        settings: &AuditSettings,
        owner: &str,
    ) -> Result<Option<usize>, StoreError> {
        let Some(job) = self.store.take_job("seal", owner, LEASE).await? else {
            return Ok(Some(0));
        };
        if self.lacks_key(settings).await? {
            self.store.fail_job(&job, Duration::ZERO).await?;
            return Ok(None);
        }
        let (begin, key) = (Instant::now(), settings.key.as_ref());
        let mut seals = 0;
        while begin.elapsed() < RUN_TIME
            && let Some(seal) = self.store.seal_records(key).await?
        {
            let content = seal.content();
            tracing::info!(
                anchor = seal.anchor(),
                records = content.records,
                keyed = content.key_id.is_some(),
                "audit records sealed"
            );
            seals += 1;
        }
        while begin.elapsed() < RUN_TIME && self.store.prune_audit(settings.kept, key).await? > 0 {}
        self.store.end_job(&job, INTERVAL).await?;
        Ok(Some(seals))
    }
}
