//! `token`: manages API tokens.

use anyhow::{anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};

use crate::api::http::tokens::new_token;
use crate::app::guards;
use crate::config::Secret;
use crate::config::operator::{TokenCommand, TokenLifetime};
use crate::domain::caller::is_group;
use crate::domain::project::ProjectName;
use crate::store::{SchemaState, Store, StoredToken, TokenRights};

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
            group,
            project,
            acts_for,
        } => {
            let rights = rights(group, &project, acts_for)?;
            create(&store, name, expires_days, rights).await?;
        }
        TokenCommand::Rotate { name, expires_days } => rotate(&store, &name, expires_days).await?,
        TokenCommand::List => list(&store).await?,
        TokenCommand::Revoke { name } => revoke(&store, &name).await?,
    }
    store.close().await;
    Ok(())
}

/// The rights of a new token, or what is wrong with them.
fn rights(groups: Vec<String>, projects: &[String], acts_for: bool) -> anyhow::Result<TokenRights> {
    if let Some(bad) = groups.iter().find(|group| !is_group(group)) {
        bail!("{bad:?} is no group: it must consist of 1 to 128 letters, digits, -, _, ., : or /");
    }
    let parse = |name: &String| {
        ProjectName::parse(name).map_err(|rule| anyhow!("project {name:?} {}", rule.detail))
    };
    Ok(TokenRights {
        groups,
        projects: projects.iter().map(parse).collect::<Result<_, _>>()?,
        acts_for,
    })
}

async fn create(
    store: &Store,
    name: String,
    lifetime: TokenLifetime,
    rights: TokenRights,
) -> anyhow::Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_allowed) {
        bail!("the name of a token must consist of 1 to {NAME_MAX} letters, digits, -, _ or .");
    }
    let expires_at = end_of(store, lifetime).await?;
    let (token, secret_hash) = new_token();
    let stored = StoredToken {
        name: name.clone(),
        secret_hash,
        expires_at,
        rights,
    };
    if !store.create_token(&stored).await? {
        bail!(
            "a token named {name} already exists; `token rotate {name}` gives it a new secret, and \
             `token revoke {name}` frees the name"
        );
    }
    print_token(&name, &token, expires_at);
    Ok(())
}

async fn rotate(store: &Store, name: &str, lifetime: TokenLifetime) -> anyhow::Result<()> {
    let expires_at = end_of(store, lifetime).await?;
    let (token, secret_hash) = new_token();
    if !store.rotate_token(name, &secret_hash, expires_at).await? {
        bail!("no valid token is named {name}");
    }
    print_token(name, &token, expires_at);
    Ok(())
}

fn print_token(name: &str, token: &str, expires_at: Option<DateTime<Utc>>) {
    let expires = day(expires_at, "never");
    eprint_line(format_args!(
        "token {name}, expires {expires}, printed only once; send it as `Authorization: Bearer \
         <token>`:"
    ));
    print_line(token);
}

/// The end of a lifetime that begins now, by the database's clock.
async fn end_of(store: &Store, lifetime: TokenLifetime) -> anyhow::Result<Option<DateTime<Utc>>> {
    Ok(match lifetime {
        TokenLifetime::Days(days) => {
            Some(database_now(store).await? + TimeDelta::days(i64::from(days)))
        }
        TokenLifetime::Unlimited => None,
    })
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
        let list = |what: &str, names: &[String]| match names {
            [] => String::new(),
            names => format!("  {what} {}", names.join(",")),
        };
        let acts_for = if token.acts_for {
            "  acts for others"
        } else {
            ""
        };
        print_line(format_args!(
            "{:<32} created {}  last used {}  {state}{}{}{acts_for}",
            token.name,
            day(Some(token.created_at), ""),
            day(token.last_used_at, "never"),
            list("groups", &token.groups),
            list("projects", &token.projects),
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
