//! Notifications that wake workers. They only shorten the workers' polling and may be lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::domain::target::TargetName;

use super::pool::{Permit, Pool};
use super::{Store, StoreError};

const CHANNEL: &str = "dax_provisioner_work";
/// Pause between two notifications of other processes. The first one is sent at once.
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(50);
/// Limit for the goodbye of a listener.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// States of the notifications: none is in progress; one is; one is, and another one must follow.
const IDLE: u8 = 0;
const RUNNING: u8 = 1;
const REPEATED: u8 = 2;

/// How the workers of one target in this process are woken, and those of other processes notified.
#[derive(Debug, Default)]
pub(super) struct Wakeup {
    announcing: AtomicU8,
    work: Notify,
}

/// The [`Wakeup`] of each target.
#[derive(Debug, Default)]
pub(super) struct WakeupsOfTargets(Mutex<HashMap<TargetName, Arc<Wakeup>>>);

impl WakeupsOfTargets {
    pub(super) fn of(&self, target: &TargetName) -> Arc<Wakeup> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(target.clone()).or_default())
    }

    /// Wakes one worker of the target that a notification names, or of each target.
    fn wake(&self, notified: &str) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (target, wakeup) in all.iter() {
            if notified.is_empty() || notified == target.as_str() {
                wakeup.work.notify_one();
            }
        }
    }
}

/// A listener for notifications about due operations. Dropping it closes its connection with a goodbye,
/// and [`Store::close`] waits for that.
pub struct Wakeups {
    store: Store,
    listener: PgListener,
    /// The connection of the listener, and its place in the pool of the store.
    connection: PgPool,
    permit: Option<Permit>,
}

impl Store {
    /// Wakes a worker of this target in this process, and notifies those of other processes, of due
    /// operations.
    /// Concurrent calls share one notification, and there is at most one in [`ANNOUNCE_PAUSE`].
    ///
    /// Call it after the commit: a notification inside a transaction serialises commits on one
    /// lock.
    pub fn announce_work(&self) {
        self.wake_worker();
        if self.wakeup.announcing.swap(REPEATED, Ordering::AcqRel) != IDLE {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            let mut is_repeated = true;
            while is_repeated {
                store.wakeup.announcing.store(RUNNING, Ordering::Release);
                store.notify_processes().await;
                tokio::time::sleep(ANNOUNCE_PAUSE).await;
                let ended = store.wakeup.announcing.compare_exchange(
                    RUNNING,
                    IDLE,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                is_repeated = ended.is_err();
            }
        });
    }

    /// The same for the workers of every target: a request names an operation, not its target.
    pub fn announce_work_anywhere(&self) {
        self.wakeups.wake("");
        self.events.notify_one();
        let store = self.clone();
        tokio::spawn(async move { store.notify("").await });
    }

    async fn notify_processes(&self) {
        self.notify(self.target.as_str()).await;
    }

    async fn notify(&self, target: &str) {
        notify(&self.pool.in_foreground(), target).await;
    }

    /// Wakes one idle loop of this target in this process, or the next one that becomes idle.
    pub fn wake_worker(&self) {
        self.wakeup.work.notify_one();
        self.events.notify_one();
    }

    /// Waits until [`Self::wake_worker`] wakes this loop.
    pub async fn work_announced(&self) {
        self.wakeup.work.notified().await;
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
        let mut wakeups = Wakeups {
            store: self.clone(),
            listener: PgListener::connect_with(&pool).await?,
            connection: pool,
            permit: Some(permit),
        };
        wakeups.listener.listen(CHANNEL).await?;
        Ok(wakeups)
    }
}

/// Notifies the workers of a target, or of all, in every process that listens.
pub(super) async fn notify(pool: &Pool, target: &str) {
    let notified = sqlx::query!("select pg_notify($1, $2)", CHANNEL, target);
    if let Err(error) = notified.execute(pool).await {
        tracing::debug!(%error, "workers were not notified; they find the work by polling");
    }
}

impl Wakeups {
    /// Waits for a notification, at most for the given time, and wakes a worker of the target that
    /// it names. After a lost connection, and without a notification, one of each target is woken.
    pub async fn relay(&mut self, at_most: Duration) {
        let notification = async {
            match self.listener.try_recv().await {
                Ok(notification) => notification,
                Err(_) => {
                    // The listener reconnects automatically; until then, workers poll.
                    tokio::time::sleep(at_most).await;
                    None
                }
            }
        };
        let received = tokio::time::timeout(at_most, notification).await;
        let received = received.ok().flatten();
        let target = received.as_ref().map(|received| received.payload());
        self.store.wakeups.wake(target.unwrap_or_default());
        self.store.events.notify_one();
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        // sqlx sends a last statement when the listener is dropped, in a task of its own.
        let (connection, permit) = (self.connection.clone(), self.permit.take());
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await;
            drop(permit);
        });
    }
}
