//! Waking workers: a notification after the commit, which only shortens their poll and may be lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::PgListener;

use super::{Store, StoreError};

const CHANNEL: &str = "dax_provisioner_work";

/// A listener for news of work.
pub struct Wakeups {
    listener: PgListener,
}

impl Store {
    /// Tells every worker, soon, that there is work; many calls at once send one notification. It is sent after the
    /// commit, never inside it, because a notification inside a transaction makes commits queue up behind one lock.
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
                tracing::debug!(%error, "the workers could not be notified; they poll");
            }
        });
    }

    /// Starts to listen for news of work.
    pub async fn wakeups(&self) -> Result<Wakeups, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Wakeups { listener })
    }
}

impl Wakeups {
    /// Waits for news, or until the time is over. Notifications may be lost; polling must suffice.
    pub async fn wait(&mut self, at_most: Duration) {
        let news = async {
            if self.listener.try_recv().await.is_err() {
                // The connection is lost: the listener makes a new one by itself, and meanwhile the poll suffices.
                tokio::time::sleep(at_most).await;
            }
        };
        let _ = tokio::time::timeout(at_most, news).await;
    }
}
