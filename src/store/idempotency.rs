//! Idempotency keys: one submission, one operation.

use uuid::Uuid;

use super::{Store, StoreError};

/// A caller's key together with what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The name of the caller's token, which survives its rotation.
    pub caller: String,
    /// The key as sent.
    pub key: String,
    /// SHA-256 of method, path and canonical body.
    pub fingerprint: Vec<u8>,
}

/// What is known of a key.
pub(super) enum Replay {
    /// Used with this very request.
    Same(Uuid),
    /// Used with another request.
    Other,
    /// Not used yet.
    Unknown,
}

impl Store {
    pub(super) async fn replay(&self, key: &IdempotencyKey) -> Result<Replay, StoreError> {
        let row = sqlx::query!(
            "select fingerprint, operation_id from idempotency_keys where caller = $1 and key = $2",
            key.caller,
            key.key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(match row {
            Some(row) if row.fingerprint == key.fingerprint => Replay::Same(row.operation_id),
            Some(_) => Replay::Other,
            None => Replay::Unknown,
        })
    }

    /// Forgets keys that are older than 30 days and whose operation is over. Returns how many.
    pub async fn forget_old_keys(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "delete from idempotency_keys
             using operations
             where operations.id = idempotency_keys.operation_id
               and operations.finished_at is not null
               and idempotency_keys.created_at < now() - interval '30 days'"
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
