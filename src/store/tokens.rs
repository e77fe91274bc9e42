//! Bearer tokens: names and hashes, never the tokens themselves.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

/// A token to store.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The name that operations and idempotency keys refer to.
    pub name: String,
    /// SHA-256 of the token.
    pub secret_hash: Vec<u8>,
    /// The end of its validity; `None` means unlimited.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored token as shown to operators, without its hash.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// The name of the token.
    pub name: String,
    /// The time of its creation or last rotation.
    pub created_at: DateTime<Utc>,
    /// The end of its validity; `None` means unlimited.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of its revocation, if it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Stores a token. An existing name gets the new secret (rotation) only if the old token is
    /// revoked or `replace` is set; otherwise the result is false.
    pub async fn store_token(
        &self,
        token: &StoredToken,
        replace: bool,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into tokens (name, secret_hash, expires_at) values ($1, $2, $3)
             on conflict (name) do update
             set secret_hash = excluded.secret_hash, expires_at = excluded.expires_at, created_at = now(), revoked_at = null
             where tokens.revoked_at is not null or $4",
            token.name,
            token.secret_hash,
            token.expires_at,
            replace
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The name of the token with this hash that is valid by the database's clock.
    pub async fn token_name(&self, secret_hash: &[u8]) -> Result<Option<String>, StoreError> {
        let name = sqlx::query_scalar!(
            "select name from tokens
             where secret_hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())",
            secret_hash
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(name)
    }

    /// Revokes a token. False if no unrevoked token has this name.
    pub async fn revoke_token(&self, name: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update tokens set revoked_at = now() where name = $1 and revoked_at is null",
            name
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// All tokens, ordered by name.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let found = sqlx::query_as!(
            TokenRecord,
            "select name, created_at, expires_at, revoked_at from tokens order by name"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found)
    }
}
