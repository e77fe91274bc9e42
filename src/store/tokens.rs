//! Bearer tokens: names and hashes, never the tokens themselves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::{Store, StoreError};

/// A token to store.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The name that operations show.
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
    /// The last time it authenticated a request, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A stored token that a request was sent with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenIdentity {
    /// Kept by a rotation. A name that is created again after its revocation gets a new ID.
    pub id: String,
    /// The name of the token.
    pub name: String,
}

/// What the database knows about the token of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenState {
    /// No token has this hash.
    Unknown,
    /// The token is revoked.
    Revoked,
    /// The token's validity has ended, by the database's clock.
    Expired,
    /// The token is valid.
    Valid(TokenIdentity),
}

/// The tokens whose last use this process is recording.
#[derive(Debug, Clone, Default)]
pub(super) struct UsesInFlight(Arc<Mutex<HashSet<String>>>);

impl UsesInFlight {
    /// Whether the token was not among them.
    fn begin(&self, id: &str) -> bool {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(id.to_owned())
    }

    fn end(&self, id: &str) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.remove(id);
    }
}

impl Store {
    /// Stores a token. An existing name gets the new secret (rotation) only if the old token is
    /// revoked or `replace` is set; otherwise the result is false. After a revocation the name gets
    /// a new ID, so it inherits nothing.
    pub async fn store_token(
        &self,
        token: &StoredToken,
        replace: bool,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into tokens (name, secret_hash, expires_at) values ($1, $2, $3)
             on conflict (name) do update
             set id = case when tokens.revoked_at is null then tokens.id else excluded.id end,
                 secret_hash = excluded.secret_hash, expires_at = excluded.expires_at, created_at = now(),
                 revoked_at = null, last_used_at = null
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

    /// The state of the token with this hash. A valid token's use is recorded in the background,
    /// at most once a minute.
    pub async fn token_state(&self, secret_hash: &[u8]) -> Result<TokenState, StoreError> {
        let hash = secret_hash.to_vec();
        // In its own task: a client that disconnects while a connection to the database opens
        // would otherwise break that connection, which the server logs.
        let found = self
            .detached(|connection| {
                Box::pin(async move {
                let row = sqlx::query!(
                    r#"select id, name, revoked_at is not null as "is_revoked!",
                              expires_at is not null and expires_at <= now() as "is_expired!",
                              last_used_at is null or last_used_at < now() - interval '1 minute' as "is_use_due!"
                       from tokens
                       where secret_hash = $1"#,
                    hash
                )
                .fetch_optional(connection)
                .await?;
                Ok(row)
                })
            })
            .await?;
        let Some(row) = found else {
            return Ok(TokenState::Unknown);
        };
        if row.is_revoked {
            return Ok(TokenState::Revoked);
        }
        if row.is_expired {
            return Ok(TokenState::Expired);
        }
        if row.is_use_due {
            self.record_use(&row.id);
        }
        Ok(TokenState::Valid(TokenIdentity {
            id: row.id,
            name: row.name,
        }))
    }

    /// Records the use of a token in the background. A failure is not an error of the request. The
    /// statement repeats the condition, because other processes record uses as well.
    fn record_use(&self, id: &str) {
        if !self.uses_in_flight.begin(id) {
            return;
        }
        let (store, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            let recorded = sqlx::query!(
                "update tokens set last_used_at = now()
                 where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')",
                id
            )
            .execute(&store.pool)
            .await;
            store.uses_in_flight.end(&id);
            if let Err(error) = recorded {
                tracing::debug!(%error, "the last use of a token was not recorded");
            }
        });
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
            "select name, created_at, expires_at, revoked_at, last_used_at from tokens order by name"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found)
    }
}
