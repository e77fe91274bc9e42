//! The private database: a PostgreSQL server started by this process, for sandboxes and trials.

use anyhow::Context;
use local_postgres::{Labels, LocalPostgres};

use crate::config::{Embedded, PRODUCT, Secret};
use crate::store;

/// A running private PostgreSQL. Dropping it stops the server.
#[derive(Debug)]
pub(super) struct PrivateDatabase {
    server: LocalPostgres,
}

impl PrivateDatabase {
    /// Starts the server and creates the service's database. `reset` deletes earlier data first.
    pub(super) async fn start(embedded: &Embedded, reset: bool) -> anyhow::Result<Self> {
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
        // Blocks: the first start creates the data directory and may download PostgreSQL.
        let starting = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings));
        let server = starting
            .await
            .context("starting the private PostgreSQL")??;
        let database = Self { server };
        store::prepare_private_database(&database.server.url("postgres"), reset)
            .await
            .context("preparing the private database")?;
        Ok(database)
    }

    /// The URL of the service's database in this server.
    pub(super) fn url(&self) -> Secret {
        Secret::new(self.server.url(store::PRIVATE_DATABASE))
    }

    pub(super) async fn stop(self) {
        // Blocks until the server has written its data. If the runtime ends first, the drop still
        // stops the server.
        let _ = tokio::task::spawn_blocking(move || self.server.stop()).await;
    }
}
