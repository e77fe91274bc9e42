//! Creation of the product's database in a private PostgreSQL server.

use sqlx::{Connection, PgConnection};

use super::StoreError;

/// The name of the product's database in a private server.
pub const PRIVATE_DATABASE: &str = "dax_provisioner";

/// Creates the product's database in a private server if it is missing. `drop_existing` drops it
/// first.
pub async fn prepare_private_database(
    server_url: &str,
    drop_existing: bool,
) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(server_url).await?;
    if drop_existing {
        sqlx::query("drop database if exists dax_provisioner with (force)")
            .execute(&mut connection)
            .await?;
    }
    // These statements cannot be checked macros: they run in another database, outside a
    // transaction.
    let exists: bool =
        sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
            .bind(PRIVATE_DATABASE)
            .fetch_one(&mut connection)
            .await?;
    if !exists {
        sqlx::query("create database dax_provisioner")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    Ok(())
}
