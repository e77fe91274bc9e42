//! Idempotency keys: each key creates one operation.

use uuid::Uuid;

use super::{Store, StoreError};

/// An idempotency key with its caller and the fingerprint of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// `token:<id>` or `anonymous`. The ID survives a rotation of the token.
    pub caller: String,
    /// The value of the `Idempotency-Key` header.
    pub key: String,
    /// SHA-256 of method, path and canonical body.
    pub fingerprint: Vec<u8>,
}

/// The earlier use of a key.
pub(super) enum Replay {
    /// Used with an identical request, which created this operation.
    Same(Uuid),
    /// Used with a different request.
    Other,
    /// Not used before.
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

    /// Deletes keys that are older than 30 days and whose operation has finished. Returns their
    /// number.
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
