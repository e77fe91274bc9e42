//! The product's database in a private server, which has nobody else to make it.

use sqlx::{Connection, PgConnection};

use super::StoreError;

/// Its name.
pub const PRIVATE_DATABASE: &str = "dax_provisioner";

/// Makes the product's database in a private server, unless it is there; `forget` drops it first.
pub async fn prepare_private_database(server_url: &str, forget: bool) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(server_url).await?;
    if forget {
        sqlx::query("drop database if exists dax_provisioner with (force)")
            .execute(&mut connection)
            .await?;
    }
    // Neither statement can be a checked macro: the catalogue is another database's, and databases are made outside of
    // transactions.
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
