//! Notifications that wake workers. They only shorten the workers' polling and may be lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::OwnedSemaphorePermit;

use super::{Store, StoreError};

const CHANNEL: &str = "dax_provisioner_work";
/// Pause between two notifications of other processes. The first one is sent at once.
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(50);

/// States of the notifications: none is in progress; one is; one is, and another one must follow.
const IDLE: u8 = 0;
const RUNNING: u8 = 1;
const REPEATED: u8 = 2;

/// A listener for notifications about due operations.
pub struct Wakeups {
    listener: PgListener,
    _permit: OwnedSemaphorePermit,
}

impl Store {
    /// Wakes a worker of this process, and notifies those of other processes, of due operations.
    /// Concurrent calls share one notification, and there is at most one in [`ANNOUNCE_PAUSE`].
    ///
    /// Call it after the commit: a notification inside a transaction serialises commits on one
    /// lock.
    pub fn announce_work(&self) {
        self.wake_worker();
        if self.announcing.swap(REPEATED, Ordering::AcqRel) != IDLE {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            let mut is_repeated = true;
            while is_repeated {
                store.announcing.store(RUNNING, Ordering::Release);
                store.notify_processes().await;
                tokio::time::sleep(ANNOUNCE_PAUSE).await;
                let ended = store.announcing.compare_exchange(
                    RUNNING,
                    IDLE,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                is_repeated = ended.is_err();
            }
        });
    }

    async fn notify_processes(&self) {
        if let Err(error) = sqlx::query!("select pg_notify($1, '')", CHANNEL)
            .execute(&self.pool)
            .await
        {
            tracing::debug!(%error, "workers were not notified; they find the work by polling");
        }
    }

    /// Wakes one idle loop of this process, or the next one that becomes idle.
    pub fn wake_worker(&self) {
        self.work.notify_one();
        self.events.notify_one();
    }

    /// Waits until [`Self::wake_worker`] wakes this loop.
    pub async fn work_announced(&self) {
        self.work.notified().await;
    }

    /// Waits until events may have been written since the last call, by this process or, if it
    /// listens, by another one.
    pub async fn events_written(&self) {
        self.events.notified().await;
    }

    /// Starts to listen for notifications. Fails if the database is unreachable.
    pub async fn wakeups(&self) -> Result<Wakeups, StoreError> {
        let permit = self.pool.permit().await?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(self.pool.acquire_timeout())
            .connect_lazy_with(self.pool.options().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Wakeups {
            listener,
            _permit: permit,
        })
    }
}

impl Wakeups {
    /// Waits for a notification, at most for the given time.
    pub async fn wait(&mut self, at_most: Duration) {
        let notification = async {
            if self.listener.try_recv().await.is_err() {
                // The connection is lost. The listener reconnects automatically; until then,
                // workers poll.
                tokio::time::sleep(at_most).await;
            }
        };
        let _ = tokio::time::timeout(at_most, notification).await;
    }
}
