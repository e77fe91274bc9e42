//! `token`: the bearer tokens that callers send.

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};

use crate::api::http::tokens::new_token;
use crate::app::{guards, open_store};
use crate::config::Secret;
use crate::config::operator::TokenCommand;
use crate::store::{SchemaState, Store, StoredToken};

use super::{complain, say};

/// Longest name of a token.
const NAME_MAX: usize = 64;

/// Makes, lists or revokes tokens.
pub(super) async fn run(url: &Secret, command: TokenCommand) -> anyhow::Result<()> {
    let store = open_store(url, 2)?;
    if let SchemaState::Behind { .. } = store
        .schema_state()
        .await
        .context("the database cannot be asked")?
    {
        bail!("the database is not migrated: run dax-provisioner migrate");
    }
    match command {
        TokenCommand::Create {
            name,
            expires_days,
            replace,
        } => create(&store, name, expires_days, replace).await?,
        TokenCommand::List => list(&store).await?,
        TokenCommand::Revoke { name } => revoke(&store, &name).await?,
    }
    store.close().await;
    Ok(())
}

async fn create(
    store: &Store,
    name: String,
    expires_days: Option<u32>,
    replace: bool,
) -> anyhow::Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(fits) {
        bail!("a token's name has 1 to {NAME_MAX} letters, digits, -, _ or .");
    }
    let expires_at = match expires_days {
        Some(days) => Some(database_now(store).await? + TimeDelta::days(i64::from(days))),
        None => None,
    };
    let (token, secret_hash) = new_token();
    if !store
        .keep_token(
            &StoredToken {
                name: name.clone(),
                secret_hash,
                expires_at,
            },
            replace,
        )
        .await?
    {
        bail!("there is a token named {name}; --replace ends it and makes a new one");
    }
    complain(format_args!(
        "the token {name}, shown this once; callers send it as `Authorization: Bearer <token>`:"
    ));
    say(token);
    Ok(())
}

/// The database's clock, which decides when tokens end.
async fn database_now(store: &Store) -> anyhow::Result<DateTime<Utc>> {
    let here = guards::now();
    let ahead_seconds = store.clock_offset(here).await?;
    Ok(here + TimeDelta::milliseconds((ahead_seconds * 1000.0) as i64))
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let tokens = store.tokens().await?;
    if tokens.is_empty() {
        complain("there are no tokens; `dax-provisioner token create NAME` makes one");
    }
    let day = |at: Option<DateTime<Utc>>, none: &str| {
        at.map_or_else(|| none.to_owned(), |at| at.format("%F").to_string())
    };
    for token in tokens {
        let state = match token.revoked_at {
            Some(at) => format!("revoked {}", at.format("%F")),
            None => format!("ends {}", day(token.expires_at, "never")),
        };
        say(format_args!(
            "{:<32} made {}  {state}",
            token.name,
            day(Some(token.created_at), "")
        ));
    }
    Ok(())
}

async fn revoke(store: &Store, name: &str) -> anyhow::Result<()> {
    if !store.revoke_token(name).await? {
        bail!("there is no valid token named {name}");
    }
    say(format_args!("the token {name} is revoked"));
    Ok(())
}
