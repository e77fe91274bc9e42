//! Bearer tokens over HTTP: what a token of the same name inherits, and when a token was last used.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dax_provisioner::api::http::tokens::new_token;
use dax_provisioner::store::Store;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

use crate::http::authentication::guarded_settings;
use crate::support::api::cluster_request;
use crate::support::database::TestDatabase;
use crate::support::test_env::TestEnv;

/// When the token was last used.
async fn last_use(pool: &PgPool, name: &str) -> Option<DateTime<Utc>> {
    sqlx::query_scalar("select last_used_at from tokens where name = $1")
        .bind(name)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Waits until a use of the token after this time is recorded.
async fn recorded_use(pool: &PgPool, name: &str, after: DateTime<Utc>) -> DateTime<Utc> {
    for _ in 0..2_000 {
        if let Some(at) = last_use(pool, name).await.filter(|at| *at > after) {
            return at;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the use of {name} was not recorded");
}

async fn set_last_use(pool: &PgPool, name: &str, seconds_ago: f64) -> DateTime<Utc> {
    sqlx::query_scalar(
        "update tokens set last_used_at = now() - $2 * interval '1 second'
         where name = $1 returning last_used_at",
    )
    .bind(name)
    .bind(seconds_ago)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_name_that_is_created_again_inherits_no_idempotency_key() {
    let env = TestEnv::new().await;
    let mut api = env.api_with(env.store.clone(), guarded_settings());
    let key = [("idempotency-key", "k")];
    api.token = Some(env.token("portal").await);
    let first = api.post("/v1/clusters", &cluster_request("a"), &key).await;
    first.accepted();
    assert!(env.store.revoke_token("portal").await.unwrap());
    api.token = Some(env.token("portal").await);
    // The successor neither reads the operation of its predecessor by guessing a key, nor is it
    // rejected because of a key that it never used.
    let same = api.post("/v1/clusters", &cluster_request("a"), &key).await;
    same.rejected(409, "operation_in_progress");
    let other = api.post("/v1/clusters", &cluster_request("b"), &key).await;
    assert_ne!(other.accepted(), first.accepted());
}

#[tokio::test]
async fn an_expired_and_a_revoked_token_are_told_apart_from_an_unknown_one() {
    let env = TestEnv::new().await;
    let mut api = env.api_with(env.store.clone(), guarded_settings());
    let expired = env.token("expired").await;
    sqlx::query("update tokens set expires_at = now()")
        .execute(&env.pool)
        .await
        .unwrap();
    let revoked = env.token("revoked").await;
    assert!(env.store.revoke_token("revoked").await.unwrap());
    for (token, word) in [
        (expired, "expired"),
        (revoked, "revoked"),
        (new_token().0, "unknown"),
    ] {
        api.token = Some(token);
        let response = api.get("/v1/clusters").await;
        let problem = response.rejected(401, "unauthenticated");
        let detail = problem["detail"].as_str().unwrap();
        let others = ["expired", "revoked", "unknown"];
        let said: Vec<_> = others
            .into_iter()
            .filter(|word| detail.contains(word))
            .collect();
        assert_eq!(said, [word], "{detail}");
    }
}

#[tokio::test]
async fn the_last_use_is_recorded_at_most_once_a_minute() {
    let env = TestEnv::new().await;
    let mut api = env.api_with(env.store.clone(), guarded_settings());
    let (recent, old) = (env.token("recent").await, env.token("old").await);
    let recently = set_last_use(&env.pool, "recent", 30.0).await;
    let long_ago = set_last_use(&env.pool, "old", 61.0).await;
    for token in [recent, old] {
        api.token = Some(token);
        assert_eq!(api.get("/v1/clusters").await.status, 200);
    }
    // The later request's use is recorded, so an earlier one's would be as well.
    recorded_use(&env.pool, "old", long_ago).await;
    assert_eq!(last_use(&env.pool, "recent").await, Some(recently));
    api.token = Some(env.token("new").await);
    let before = last_use(&env.pool, "new").await;
    assert_eq!(before, None);
    assert_eq!(api.get("/v1/clusters").await.status, 200);
    recorded_use(&env.pool, "new", long_ago).await;
    // A request that is rejected is no use.
    api.token = Some(new_token().0);
    api.get("/v1/clusters")
        .await
        .rejected(401, "unauthenticated");
}

#[tokio::test]
async fn a_use_that_cannot_be_recorded_neither_delays_nor_fails_a_request() {
    let env = TestEnv::new().await;
    let mut api = env.api_with(env.store.clone(), guarded_settings());
    api.token = Some(env.token("portal").await);
    let mut blocking = env.pool.begin().await.unwrap();
    sqlx::query("select from tokens for update")
        .execute(&mut *blocking)
        .await
        .unwrap();
    // The lock is held until after the responses.
    for _ in 0..20 {
        assert_eq!(api.get("/v1/clusters").await.status, 200);
    }
    // One statement waits, not one for each request.
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from pg_locks l join pg_stat_activity a using (pid)
         where not l.granted and a.datname = current_database()",
    )
    .fetch_one(&mut *blocking)
    .await
    .unwrap();
    assert!(waiting <= 1, "{waiting}");
    blocking.rollback().await.unwrap();
    // On a slow machine the first one gave up waiting.
    assert_eq!(api.get("/v1/clusters").await.status, 200);
    recorded_use(&env.pool, "portal", DateTime::UNIX_EPOCH).await;
}

/// A database with the migrations up to the given version only.
async fn migrated_to(version: i64) -> (TestDatabase, Store) {
    let database = TestDatabase::new().await;
    let pool = database.open_pool(1).await;
    sqlx::raw_sql("drop schema public cascade; create schema public")
        .execute(&pool)
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir("migrations").unwrap() {
        let file = entry.unwrap();
        let name = file.file_name().into_string().unwrap();
        let number: i64 = name.split('_').next().unwrap().parse().unwrap();
        if number <= version {
            std::fs::copy(file.path(), directory.path().join(name)).unwrap();
        }
    }
    let migrator = Migrator::new(directory.path()).await.unwrap();
    migrator.run(&pool).await.unwrap();
    let store = database.open_store_of_superuser(2);
    (database, store)
}

#[tokio::test]
async fn tokens_of_an_earlier_version_keep_their_keys_and_their_validity() {
    let env = TestEnv::new().await;
    let (database, store) = migrated_to(3).await;
    let pool = database.open_pool(1).await;
    let (token, secret_hash) = new_token();
    sqlx::query("insert into tokens (name, secret_hash) values ('portal', $1)")
        .bind(&secret_hash)
        .execute(&pool)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store.claim_account(&env.account).await.unwrap();
    let mut api = env.api_with(store.clone(), guarded_settings());
    api.token = Some(token);
    let key = [("idempotency-key", "k")];
    let request = cluster_request("a");
    let first = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(first.body["requested_by"], "token:portal");
    // As an earlier version stored the key.
    let stored: String = sqlx::query_scalar("select caller from idempotency_keys")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(stored, "token:portal");
    let again = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(again.accepted(), first.accepted());
    let records = store.tokens().await.unwrap();
    assert_eq!(records[0].expires_at, None);
    // A rotation keeps the keys.
    let (rotated, secret_hash) = new_token();
    let expires_at = Some(DateTime::UNIX_EPOCH + TimeDelta::days(40_000));
    let is_rotated = store.rotate_token("portal", &secret_hash, expires_at).await;
    assert!(is_rotated.unwrap());
    api.token = Some(rotated);
    let again = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(again.accepted(), first.accepted());
}
