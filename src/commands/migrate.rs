//! `migrate`: brings the database's tables up to date.

use anyhow::Context;

use crate::app::open_store;
use crate::config::Secret;

use super::say;

/// Applies the migrations that are missing.
pub(super) async fn run(url: &Secret) -> anyhow::Result<()> {
    let store = open_store(url, 2)?;
    store
        .migrate()
        .await
        .context("the database was not migrated")?;
    store.close().await;
    say("the database is up to date");
    Ok(())
}
