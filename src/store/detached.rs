//! Transactions that a dropped caller cannot leave open.
//!
//! When `begin()` is dropped while `BEGIN` is in flight (client disconnect, timeout, aborted task),
//! sqlx up to 0.9.0 can return a connection with an open transaction to the pool. So every
//! transaction runs in its own task, and every connection is rolled back when it returns to the
//! pool.

use std::future::Future;
use std::time::Duration;

use sqlx::{Executor, PgConnection};

use super::StoreError;

/// Maximum wait for a transaction. The server's statement timeout does not apply when the server is
/// unreachable.
const TIMEOUT: Duration = Duration::from_secs(12);

/// Runs the work in its own task and waits for it. A dropped caller does not stop it.
pub(super) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::time::timeout(TIMEOUT, tokio::spawn(work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(StoreError::Task(error.to_string())),
        // The work may still complete, so the caller must read the state again.
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}

/// Pool hook for returned connections: ends a transaction left open by a cancelled `begin()`.
/// Without an open transaction, Postgres only emits a warning.
pub(super) async fn end_leaked_transaction(
    connection: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    connection
        .execute("set client_min_messages = error; rollback; reset client_min_messages")
        .await?;
    Ok(true)
}
