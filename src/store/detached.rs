//! Transactions that a dropped caller cannot leave open.
//!
//! When `begin()` is dropped while `BEGIN` is in flight (client disconnect, timeout, aborted task),
//! sqlx up to 0.9.0 can return a connection with an open transaction to the pool. So every
//! transaction runs in its own task, and every connection is rolled back when it returns to the
//! pool.

use std::future::Future;
use std::time::Duration;

use super::StoreError;

/// Runs the work in its own task and waits for it. A dropped caller does not stop it.
///
/// Work that exceeds `timeout` is abandoned, which closes its connection. A commit in flight may
/// still take effect, so the caller must read the state again.
pub(super) async fn run<T: Send + 'static>(
    timeout: Duration,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(tokio::time::timeout(timeout, work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
        Err(error) => Err(StoreError::Task(error.to_string())),
    }
}
