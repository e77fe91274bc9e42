//! `migrate`: creates or updates the database's tables.

use crate::config::Secret;

use super::{connect, print_line};

pub(super) async fn run(url: &Secret) -> anyhow::Result<()> {
    let store = connect(url).await?;
    store.migrate().await?;
    store.close().await;
    print_line("the database is up to date");
    Ok(())
}
