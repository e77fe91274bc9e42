//! The wait reason of operations while no worker of their target can start.

use crate::domain::waiting::WaitingFor;

use super::{Store, StoreError};

impl Store {
    /// Writes the wait reason of every operation of this target that is neither claimed nor blocked,
    /// while its target cannot be used. Returns their number.
    pub async fn explain_held(&self, reason: WaitingFor) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update operations
             set waiting_for = $1, version = version + 1
             where id in (
               select id from operations
               where finished_at is null and target = $2 and status not in ('blocked', 'awaiting_approval')
                 and (owner is null or lease_until < now()) and waiting_for is distinct from $1
               order by id
               for update)",
            reason.as_str(),
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Writes the wait reason of every pending, unclaimed operation of this target. Returns their
    /// number.
    pub async fn explain_pending(&self, reason: WaitingFor) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update operations
             set waiting_for = $1, version = version + 1
             where id in (
               select id from operations
               where finished_at is null and target = $2 and status = 'pending' and owner is null
                 and waiting_for is distinct from $1
               order by id
               for update)",
            reason.as_str(),
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
