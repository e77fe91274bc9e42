//! Transactions that a dropped caller cannot leave open.
//!
//! When `begin()` is dropped while `BEGIN` is in flight, sqlx up to 0.9.0 does not know of the open
//! transaction. So every transaction runs in its own task, which a dropped caller (client
//! disconnect, timeout, aborted task) cannot stop, and a connection whose task was cut short is
//! closed.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::StoreError;
use super::pool::Pool;

/// Runs work on a connection of the pool in its own task and waits for it. A dropped caller does not
/// stop it.
///
/// Work that exceeds `timeout` is abandoned, which closes its connection. A commit in flight may
/// still take effect, so the caller must read the state again.
pub(super) async fn run<T: Send + 'static>(
    pool: Pool,
    timeout: Duration,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>
    + Send
    + 'static,
) -> Result<T, StoreError> {
    let work = async move {
        let mut lease = pool.acquire().await?;
        let outcome = work(&mut lease).await;
        lease.release_after_transactions().await;
        outcome
    };
    if crate::sabotage::is("transaction_not_detached") {
        return work.await;
    }
    match tokio::spawn(tokio::time::timeout(timeout, work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
        Err(error) => Err(StoreError::Task(error.to_string())),
    }
}
