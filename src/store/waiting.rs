//! Waiting: what pending operations wait for while no worker can begin.

use crate::domain::waiting::WaitingFor;

use super::{Store, StoreError};

impl Store {
    /// Writes beside every pending operation what it waits for. It touches no operation that a worker has claimed.
    pub async fn explain_pending(&self, reason: WaitingFor) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update operations
             set waiting_for = $1, version = version + 1
             where finished_at is null and status = 'pending' and owner is null and waiting_for is distinct from $1",
            reason.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
