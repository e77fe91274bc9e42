//! `token`: tokens expire by default, and the list shows when they were last used.

use std::process::Command;

use chrono::{DateTime, Utc};

use crate::engine::processes::BINARY;
use crate::support::database::TestDatabase;

/// Runs `token` with these arguments. Returns its standard output.
fn token(database: &TestDatabase, arguments: &str) -> String {
    let output = Command::new(BINARY)
        .arg("token")
        .args(arguments.split_whitespace())
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_token_expires_after_a_year_unless_told_otherwise() {
    let database = TestDatabase::new().await;
    for arguments in [
        "create usual",
        "create short --expires-days 30",
        "create unlimited --expires-days never",
    ] {
        assert!(token(&database, arguments).starts_with("dxp_"));
    }
    let pool = database.open_pool(1).await;
    let days: Vec<(String, Option<f64>)> = sqlx::query_as(
        "select name, (extract(epoch from expires_at - created_at) / 86400)::float8
         from tokens order by name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let rounded: Vec<(&str, Option<i64>)> = days
        .iter()
        .map(|(name, days)| (name.as_str(), days.map(|days| days.round() as i64)))
        .collect();
    let expected = [
        ("short", Some(30)),
        ("unlimited", None),
        ("usual", Some(365)),
    ];
    assert_eq!(rounded, expected);
}

#[tokio::test]
async fn the_list_shows_the_last_use() {
    let database = TestDatabase::new().await;
    token(&database, "create portal --expires-days never");
    let list = token(&database, "list");
    assert!(
        list.contains("last used never") && list.contains("expires never"),
        "{list}"
    );
    let pool = database.open_pool(1).await;
    let used: DateTime<Utc> =
        sqlx::query_scalar("update tokens set last_used_at = now() returning last_used_at")
            .fetch_one(&pool)
            .await
            .unwrap();
    let list = token(&database, "list");
    assert!(
        list.contains(&format!("last used {}", used.format("%F"))),
        "{list}"
    );
}
