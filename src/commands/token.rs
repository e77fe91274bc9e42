//! `token`: manages API tokens.

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};

use crate::api::http::tokens::new_token;
use crate::app::guards;
use crate::config::Secret;
use crate::config::operator::{TokenCommand, TokenLifetime};
use crate::store::{SchemaState, Store, StoredToken};

use super::{connect, eprint_line, print_line};

/// Maximum length of a token's name, in bytes.
const NAME_MAX: usize = 64;

pub(super) async fn run(url: &Secret, command: TokenCommand) -> anyhow::Result<()> {
    let store = connect(url).await?;
    if let SchemaState::Behind { .. } = store.schema_state().await? {
        bail!("the database is not migrated; run dax-provisioner migrate");
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
    lifetime: TokenLifetime,
    replace: bool,
) -> anyhow::Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_allowed) {
        bail!("the name of a token must consist of 1 to {NAME_MAX} letters, digits, -, _ or .");
    }
    let expires_at = match lifetime {
        TokenLifetime::Days(days) => {
            Some(database_now(store).await? + TimeDelta::days(i64::from(days)))
        }
        TokenLifetime::Unlimited => None,
    };
    let (token, secret_hash) = new_token();
    if !store
        .store_token(
            &StoredToken {
                name: name.clone(),
                secret_hash,
                expires_at,
            },
            replace,
        )
        .await?
    {
        bail!("a token named {name} already exists; use --replace to replace it");
    }
    let expires = day(expires_at, "never");
    eprint_line(format_args!(
        "token {name}, expires {expires}, printed only once; send it as `Authorization: Bearer \
         <token>`:"
    ));
    print_line(token);
    Ok(())
}

/// The time of the database's clock, by which tokens expire.
async fn database_now(store: &Store) -> anyhow::Result<DateTime<Utc>> {
    let here = guards::now();
    let ahead_seconds = store.clock_offset(here).await?;
    Ok(here + TimeDelta::milliseconds((ahead_seconds * 1000.0) as i64))
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let tokens = store.tokens().await?;
    if tokens.is_empty() {
        eprint_line("there are no tokens; create one with `dax-provisioner token create NAME`");
    }
    for token in tokens {
        let state = match token.revoked_at {
            Some(at) => format!("revoked {}", at.format("%F")),
            None => format!("expires {}", day(token.expires_at, "never")),
        };
        print_line(format_args!(
            "{:<32} created {}  last used {}  {state}",
            token.name,
            day(Some(token.created_at), ""),
            day(token.last_used_at, "never")
        ));
    }
    Ok(())
}

fn day(at: Option<DateTime<Utc>>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.format("%F").to_string())
}

async fn revoke(store: &Store, name: &str) -> anyhow::Result<()> {
    if !store.revoke_token(name).await? {
        bail!("no valid token is named {name}");
    }
    print_line(format_args!("revoked token {name}"));
    Ok(())
}
