//! `migrate`: creates or updates the database's tables.

use crate::config::Secret;

use super::{connect, print_line};

pub(super) async fn run(url: &Secret, restored: bool) -> anyhow::Result<()> {
    let store = connect(url).await?;
    store.migrate().await?;
    print_line("the database is up to date");
    if restored {
        let state = store.restart_feed().await?;
        print_line(format_args!(
            "the event feed has {} events; cursors of generation {} and earlier are rejected",
            state.last,
            state.generation - 1
        ));
    }
    store.close().await;
    Ok(())
}
