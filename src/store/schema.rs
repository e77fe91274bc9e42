//! The schema: migrations, the installation row, and the durability settings.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection};

use crate::domain::installation::Installation;

use super::{Store, StoreError};

/// How long a migration waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The migrations of this program. Later ones in the database are ignored, because older programs
/// still run during an upgrade.
fn migrator() -> sqlx::migrate::Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.set_ignore_missing(true);
    migrator
}

/// Whether the database has the tables this program needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration of this program is applied, and possibly later ones.
    Current,
    /// Migrations are missing; `dax-provisioner migrate` applies them.
    Behind {
        /// The version of the first missing migration.
        missing: i64,
    },
}

/// The settings that decide whether an acknowledged commit survives a crash of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// The PostgreSQL setting `fsync`.
    pub fsync: String,
    /// The PostgreSQL setting `synchronous_commit`.
    pub synchronous_commit: String,
}

impl Durability {
    /// Whether both settings guarantee that an accepted operation is durable.
    pub fn is_safe(&self) -> bool {
        self.fsync == "on" && self.synchronous_commit != "off"
    }
}

impl Store {
    /// Applies the missing migrations. Idempotent; concurrent processes wait for each other.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A migration may run for long and may wait for another process.
        let no_timeouts = [("lock_timeout", "0"), ("statement_timeout", "0")];
        let options = self.pool.options().clone().options(no_timeouts);
        let migration = tokio::spawn(async move {
            // A pool would try to connect for half a minute, and then not say why it cannot.
            let connecting = PgConnection::connect_with(&options);
            tokio::time::timeout(CONNECT_TIMEOUT, connecting)
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)??
                .close()
                .await?;
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await?;
            migrator().run(&pool).await?;
            pool.close().await;
            Ok(())
        });
        migration
            .await
            .map_err(|error| StoreError::Task(error.to_string()))?
    }

    /// Compares the applied migrations with those of this program.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        // These queries cannot be checked macros, because sqlx creates the table with the first
        // migration.
        let exists: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
            .fetch_one(&self.pool)
            .await?;
        let applied: Vec<i64> = if exists {
            sqlx::query_scalar("select version from _sqlx_migrations where success")
                .fetch_all(&self.pool)
                .await?
        } else {
            Vec::new()
        };
        let missing = migrator()
            .iter()
            .map(|migration| migration.version)
            .find(|version| !applied.contains(version));
        Ok(
            missing.map_or(SchemaState::Current, |missing| SchemaState::Behind {
                missing,
            }),
        )
    }

    /// Reads the durability settings of the server.
    pub async fn durability(&self) -> Result<Durability, StoreError> {
        let row = sqlx::query!(
            r#"select current_setting('fsync') as "fsync!", current_setting('synchronous_commit') as "synchronous_commit!""#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Durability {
            fsync: row.fsync,
            synchronous_commit: row.synchronous_commit,
        })
    }

    /// The installation of this database, and the account of this target.
    pub async fn installation(&self) -> Result<Installation, StoreError> {
        let id = sqlx::query_scalar!("select id from installation")
            .fetch_one(&self.pool)
            .await?;
        let account = self.bound_account().await?;
        Ok(Installation { id, account })
    }

    /// Seconds by which the database's clock is ahead of `local`.
    pub async fn clock_offset(
        &self,
        local: chrono::DateTime<chrono::Utc>,
    ) -> Result<f64, StoreError> {
        Ok((self.clock().await? - local).as_seconds_f64())
    }
}
