//! The schema: migrations, the installation's row, and whether commits are durable.

use serde_json::Value;
use sqlx::postgres::PgPoolOptions;

use crate::domain::installation::{AwsAccount, Installation};

use super::rows::{from_json, to_json};
use super::{Store, StoreError};

/// The migrations of this program. A database that holds later ones is served by older programs during an upgrade.
fn migrator() -> sqlx::migrate::Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.set_ignore_missing(true);
    migrator
}

/// Whether the database has the tables this program needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration of this program is applied (and perhaps later ones).
    Current,
    /// Some are missing; `dax-provisioner migrate` applies them.
    Behind {
        /// The first that is missing.
        missing: i64,
    },
}

/// Whether an acknowledged commit survives a crash of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// Postgres setting `fsync`.
    pub fsync: String,
    /// Postgres setting `synchronous_commit`.
    pub synchronous_commit: String,
}

impl Durability {
    /// Whether both settings are as safe as the promise "accepted is durable" needs.
    pub fn is_safe(&self) -> bool {
        self.fsync == "on" && self.synchronous_commit != "off"
    }
}

impl Store {
    /// Applies the migrations that are missing. One process at a time does it; applied twice is applied once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // A migration may wait for another process's, and may take long.
        let patient = [("lock_timeout", "0"), ("statement_timeout", "0")];
        let options = self
            .pool
            .connect_options()
            .as_ref()
            .clone()
            .options(patient);
        let migration = tokio::spawn(async move {
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
        // The table is sqlx's own and is missing before the first migration, so the query cannot be a checked macro.
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

    /// Reads the two settings on which durability rests.
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

    /// The installation this database is.
    pub async fn installation(&self) -> Result<Installation, StoreError> {
        let row = sqlx::query!("select id, place from installation")
            .fetch_one(&self.pool)
            .await?;
        let place = row
            .place
            .map(|value: Value| from_json("installation.place", value))
            .transpose()?;
        Ok(Installation { id: row.id, place })
    }

    /// Writes down which AWS this database belongs to, if it has met none yet, and returns the one it belongs to.
    pub async fn claim_account(&self, place: &AwsAccount) -> Result<AwsAccount, StoreError> {
        let place = to_json(place);
        let kept = sqlx::query_scalar!(
            r#"update installation set place = coalesce(place, $1) returning place as "place!""#,
            place
        )
        .fetch_one(&self.pool)
        .await?;
        from_json("installation.place", kept)
    }

    /// Seconds by which the database's clock is ahead of the given instant.
    pub async fn clock_offset(
        &self,
        local: chrono::DateTime<chrono::Utc>,
    ) -> Result<f64, StoreError> {
        let database = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&self.pool)
            .await?;
        Ok((database - local).as_seconds_f64())
    }
}
