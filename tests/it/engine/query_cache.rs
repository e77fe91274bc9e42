//! The query cache `.sqlx`, against which the queries in the code are compiled.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::support::database::TestDatabase;

/// A file that `cargo sqlx prepare` writes.
#[derive(Deserialize)]
struct CachedQuery {
    query: String,
    describe: Value,
}

/// The compiler checks each query against the cache, and this test the cache against the tables.
#[tokio::test]
async fn the_query_cache_is_what_the_migrated_database_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let database = TestDatabase::new().await;
    let pool = database.open_pool(1).await;
    let (mut stale, mut queries) = (Vec::new(), 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        let cached: CachedQuery = serde_json::from_slice(&text).unwrap();
        let sql = AssertSqlSafe(cached.query.clone()).into_sql_str();
        let described = pool.describe(sql).await;
        let described = described.map(|described| serde_json::to_value(described).unwrap());
        queries += 1;
        if !described.is_ok_and(|described| described == cached.describe) {
            stale.push(cached.query);
        }
    }
    assert!(queries > 100, "{queries} queries");
    assert!(
        stale.is_empty(),
        "run `cargo sqlx prepare --workspace -- --all-targets` for {stale:#?}"
    );
}
