//! The private database: a PostgreSQL of this process, with the product's database in it.

use anyhow::Context;
use local_postgres::{Labels, LocalPostgres};

use crate::config::{Embedded, PRODUCT, Secret};
use crate::store;

/// A running private PostgreSQL; dropping it stops the server.
#[derive(Debug)]
pub(super) struct PrivateDatabase {
    server: LocalPostgres,
}

impl PrivateDatabase {
    /// Starts the server and makes the product's database in it, anew if everything earlier shall be forgotten.
    pub(super) async fn start(embedded: &Embedded, forget: bool) -> anyhow::Result<Self> {
        let settings = local_postgres::Settings {
            data_dir: Some(embedded.data_dir.clone()),
            bin_dir: embedded.pg_bin.clone(),
            offline: embedded.offline,
            labels: Labels {
                data_dir: "--data-dir".to_owned(),
                ..Labels::conventional(PRODUCT)
            },
            ..local_postgres::Settings::new(PRODUCT)
        };
        // It blocks: the first start makes the data directory, and may fetch PostgreSQL.
        let starting = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings));
        let server = starting
            .await
            .context("starting the private PostgreSQL")??;
        let database = Self { server };
        store::prepare_private_database(&database.server.url("postgres"), forget)
            .await
            .context("preparing the private database")?;
        Ok(database)
    }

    /// The URL of the product's database.
    pub(super) fn url(&self) -> Secret {
        Secret::new(self.server.url(store::PRIVATE_DATABASE))
    }

    /// Stops the server in order.
    pub(super) async fn stop(self) {
        // It blocks until the server has written everything out. If the runtime ends first, dropping it stops the server too.
        let _ = tokio::task::spawn_blocking(move || self.server.stop()).await;
    }
}
