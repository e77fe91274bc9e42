//! Transactions that a dropped caller cannot leave half open.
//!
//! sqlx up to 0.9.0 can hand out a connection that sits inside a transaction nobody will commit, when `begin()` is
//! dropped while `BEGIN` is in flight (a client that disconnects, a timeout, an aborted task). So every transaction
//! runs in a task of its own, and a connection that comes back to the pool is rolled back first.

use std::future::Future;
use std::time::Duration;

use sqlx::{Executor, PgConnection};

use super::StoreError;

/// Longest wait for a transaction. The server's own limit for a statement does not help when the server is unreachable.
const TIMEOUT: Duration = Duration::from_secs(12);

/// Runs the work in a task of its own and waits for it; a dropped caller does not stop it.
pub(super) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::time::timeout(TIMEOUT, tokio::spawn(work)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(StoreError::Task(error.to_string())),
        // The work may still be done: whoever needs to know reads it again.
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}

/// Pool hook for connections that come back: ends whatever transaction a cancelled `begin()` may have left. Without one
/// Postgres only notes that there is none.
pub(super) async fn end_leaked_transaction(
    connection: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    connection
        .execute("set client_min_messages = error; rollback; reset client_min_messages")
        .await?;
    Ok(true)
}
