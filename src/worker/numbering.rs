//! Numbering of events and audit records: gives positions to new ones.
//!
//! Every process with workers does it after it has written events. One statement at a time runs in
//! all processes: a lock on its state excludes the others.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::shared_jobs::SharedJobs;

/// Pause after events were written, in which others follow.
const COLLECT: Duration = Duration::from_millis(50);
/// Longest pause without a known event: a process without workers, or one that died, wrote it.
const IDLE: Duration = Duration::from_secs(2);
/// Pauses while an earlier transaction has not ended.
const BEHIND: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

impl SharedJobs {
    /// Numbers events until `stop` is cancelled.
    pub(super) async fn number_events(self, stop: CancellationToken) {
        let [shortest, longest] = BEHIND;
        let mut pause = shortest;
        let mut is_behind = false;
        loop {
            let due = async {
                if is_behind {
                    tokio::time::sleep(pause).await;
                } else {
                    let _ = tokio::time::timeout(IDLE, self.store.events_written()).await;
                    tokio::time::sleep(COLLECT).await;
                }
            };
            if stop.run_until_cancelled(due).await.is_none() {
                return;
            }
            match self.store.number_events().await {
                Ok(numbered) => {
                    let (events, records) =
                        numbered.map_or((0, 0), |numbered| (numbered.events, numbered.records));
                    let progress = events > 0 || records > 0;
                    if events > 0 {
                        self.numbered.notify_one();
                    }
                    is_behind = numbered.is_none_or(|numbered| numbered.is_behind);
                    pause = if is_behind && !progress {
                        (pause * 2).min(longest)
                    } else {
                        shortest
                    };
                }
                Err(error) => {
                    tracing::debug!(%error, "events were not numbered");
                    is_behind = false;
                }
            }
        }
    }
}
