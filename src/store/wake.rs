//! Notifications that wake workers. They only shorten the workers' polling and may be lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::OwnedSemaphorePermit;

use super::{Store, StoreError};

const CHANNEL: &str = "dax_provisioner_work";

/// A listener for notifications about due operations.
pub struct Wakeups {
    listener: PgListener,
    _permit: OwnedSemaphorePermit,
}

impl Store {
    /// Notifies every worker of due operations. Concurrent calls share one notification.
    ///
    /// Call it after the commit: a notification inside a transaction serialises commits on one
    /// lock.
    pub fn announce_work(&self) {
        if self.announcing.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            store.announcing.store(false, Ordering::Release);
            if let Err(error) = sqlx::query!("select pg_notify($1, '')", CHANNEL)
                .execute(&store.pool)
                .await
            {
                tracing::debug!(%error, "workers were not notified; they find the work by polling");
            }
        });
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
