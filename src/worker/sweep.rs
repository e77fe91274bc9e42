//! The sweep: now and then one process looks for things of ours that nobody owns.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Worker;

/// How often the sweep is done, by one process for all.
pub(super) const EVERY: Duration = Duration::from_secs(300);

impl Worker {
    pub(super) async fn sweep_now_and_then(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(self.sweep_every)).await.is_some() {
            if let Err(error) = self.store.forget_old_keys().await {
                tracing::debug!(%error, "old idempotency keys stay for now");
            }
        }
    }
}
