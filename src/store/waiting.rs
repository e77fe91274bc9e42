//! The wait reason of pending operations while no worker can start.

use crate::domain::waiting::WaitingFor;

use super::{Store, StoreError};

impl Store {
    /// Writes the wait reason of every pending, unclaimed operation. Returns their number.
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
