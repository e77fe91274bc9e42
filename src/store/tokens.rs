//! Bearer tokens: their names and hashes, never the tokens themselves.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// Its name, which operations and idempotency keys refer to.
    pub name: String,
    /// SHA-256 of the token.
    pub secret_hash: Vec<u8>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token as an operator sees it.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Keeps a token. A name that exists gets a new secret (rotation) only if the old one was revoked or `replace` is set;
    /// false means the name is taken.
    pub async fn keep_token(&self, token: &StoredToken, replace: bool) -> Result<bool, StoreError> {
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

    /// The name of the valid token with this hash, by the database's clock.
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

    /// Revokes a token; false if there is none of that name that is still valid.
    pub async fn revoke_token(&self, name: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update tokens set revoked_at = now() where name = $1 and revoked_at is null",
            name
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Every token, by name.
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
