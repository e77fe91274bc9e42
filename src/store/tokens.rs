//! Bearer tokens: names and hashes, never the tokens themselves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::project::ProjectName;

use super::audit::COMMAND;
use super::{Actor, Entry, Store, StoreError, rows};

/// A token to store.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The name that operations show.
    pub name: String,
    /// SHA-256 of the token.
    pub secret_hash: Vec<u8>,
    /// The end of its validity; `None` means unlimited.
    pub expires_at: Option<DateTime<Utc>>,
    /// What its caller may do.
    pub rights: TokenRights,
}

/// The rights of the caller of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenRights {
    /// The groups of the caller.
    pub groups: Vec<String>,
    /// The projects that the caller is limited to; empty for no limit.
    pub projects: Vec<ProjectName>,
    /// Whether the caller may name the person for whom a request is sent.
    pub acts_for: bool,
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
    /// The groups of its caller.
    pub groups: Vec<String>,
    /// The projects that its caller is limited to.
    pub projects: Vec<String>,
    /// Whether its caller may name the person for whom a request is sent.
    pub acts_for: bool,
}

/// A stored token that a request was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIdentity {
    /// Kept by a rotation. A name that is created again after its revocation gets a new ID.
    pub id: String,
    /// The name of the token.
    pub name: String,
    /// What its caller may do.
    pub rights: TokenRights,
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
    /// The same store for a command of the operator.
    fn command(&self) -> Self {
        self.acting(Actor::named(COMMAND))
    }

    /// Stores a token. False if an unrevoked token has the name. After a revocation the name gets a
    /// new ID, so it inherits nothing.
    pub async fn create_token(&self, token: &StoredToken) -> Result<bool, StoreError> {
        let projects = token.rights.projects.iter().map(ProjectName::to_string);
        let (token, projects) = (token.clone(), projects.collect::<Vec<_>>());
        let details = json!({
            "groups": token.rights.groups, "projects": projects, "acts_for": token.rights.acts_for,
            "expires_at": token.expires_at,
        });
        let entry = Entry {
            details: Some(details),
            ..Entry::of("create_token", &token.name)
        };
        let store = self.command();
        let created = store.audited(entry, move |connection| {
            Box::pin(async move {
        let done = sqlx::query!(
            "insert into tokens (name, secret_hash, expires_at, groups, projects, acts_for)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (name) do update
             set id = excluded.id, secret_hash = excluded.secret_hash, expires_at = excluded.expires_at,
                 groups = excluded.groups, projects = excluded.projects, acts_for = excluded.acts_for,
                 created_at = now(), revoked_at = null, last_used_at = null
             where tokens.revoked_at is not null",
            token.name,
            token.secret_hash,
            token.expires_at,
            &token.rights.groups,
            &projects,
            token.rights.acts_for
        )
        .execute(connection)
        .await?;
        Ok((done.rows_affected() == 1).then_some(()))
            })
        });
        Ok(created.await?.is_some())
    }

    /// Gives an unrevoked token a new secret and lifetime. It keeps its ID and its rights. False if no
    /// unrevoked token has the name.
    pub async fn rotate_token(
        &self,
        name: &str,
        secret_hash: &[u8],
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let entry = Entry {
            details: Some(json!({"expires_at": expires_at})),
            ..Entry::of("rotate_token", name)
        };
        let (name, secret_hash) = (name.to_owned(), secret_hash.to_owned());
        let store = self.command();
        let rotated = store.audited(entry, move |connection| {
            Box::pin(async move {
        let done = sqlx::query!(
            "update tokens set secret_hash = $2, expires_at = $3, created_at = now(), last_used_at = null
             where name = $1 and revoked_at is null",
            name,
            secret_hash,
            expires_at
        )
        .execute(connection)
        .await?;
        Ok((done.rows_affected() == 1).then_some(()))
            })
        });
        Ok(rotated.await?.is_some())
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
                    r#"select id, name, groups, projects, acts_for, revoked_at is not null as "is_revoked!",
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
        if row.is_revoked && !crate::sabotage::is("revoked_token_accepted") {
            return Ok(TokenState::Revoked);
        }
        if row.is_expired {
            return Ok(TokenState::Expired);
        }
        if row.is_use_due {
            self.record_use(&row.id);
        }
        let projects = row.projects.iter().map(|name| rows::project(name));
        let projects: Vec<Option<ProjectName>> = projects.collect::<Result<_, _>>()?;
        Ok(TokenState::Valid(TokenIdentity {
            id: row.id,
            name: row.name,
            rights: TokenRights {
                groups: row.groups,
                projects: projects.into_iter().flatten().collect(),
                acts_for: row.acts_for,
            },
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
        let (entry, name) = (Entry::of("revoke_token", name), name.to_owned());
        let store = self.command();
        let revoked = store.audited(entry, move |connection| {
            Box::pin(async move {
                let done = sqlx::query!(
                    "update tokens set revoked_at = now() where name = $1 and revoked_at is null",
                    name
                )
                .execute(connection)
                .await?;
                Ok((done.rows_affected() == 1).then_some(()))
            })
        });
        Ok(revoked.await?.is_some())
    }

    /// All tokens, ordered by name.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let found = sqlx::query_as!(
            TokenRecord,
            "select name, created_at, expires_at, revoked_at, last_used_at, groups, projects, acts_for
             from tokens order by name"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found)
    }
}
