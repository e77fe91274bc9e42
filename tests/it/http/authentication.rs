//! Authentication over HTTP: invalid tokens, callers, and paths without authentication.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dax_provisioner::api::http::tokens::new_token;
use dax_provisioner::api::{ApiSettings, Authentication};
use dax_provisioner::store::{StoredToken, TokenRights};

use crate::support::api::{ApiClient, DOCUMENT, cluster_request, open_settings};
use crate::support::test_env::TestEnv;

/// Settings with authentication.
pub fn guarded_settings() -> ApiSettings {
    ApiSettings {
        authentication: Authentication::On,
        ..open_settings()
    }
}

fn guarded_api(env: &TestEnv) -> ApiClient {
    env.api_with(env.store.clone(), guarded_settings())
}

/// Method and path of every operation in the OpenAPI document that needs a token.
pub fn guarded_operations() -> Vec<(String, String)> {
    let mut operations = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let id = uuid::Uuid::nil().to_string();
        let path = path.replace("{name}", "orders").replace("{id}", &id);
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("security").is_some() {
                operations.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    operations
}

async fn expired_token(env: &TestEnv) -> String {
    let (token, secret_hash) = new_token();
    let now: DateTime<Utc> = sqlx::query_scalar("select now()")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    let stored = StoredToken {
        name: "expired".to_owned(),
        secret_hash,
        expires_at: Some(now - TimeDelta::seconds(1)),
        rights: TokenRights::default(),
    };
    assert!(env.store.create_token(&stored).await.unwrap());
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_guarded_operation_rejects_an_invalid_token() {
    let env = TestEnv::new().await;
    let mut api = guarded_api(&env);
    let valid = env.token("portal").await;
    let revoked = env.token("revoked").await;
    assert!(env.store.revoke_token("revoked").await.unwrap());
    let operations = guarded_operations();
    assert!(operations.len() >= 9);
    for token in [
        None,
        Some(new_token().0),
        Some(expired_token(&env).await),
        Some(revoked),
        Some("x".to_owned()),
        Some(format!("{valid}A")),
    ] {
        api.token = token;
        for (method, path) in &operations {
            let response = api.send_empty(method, path).await;
            response.rejected(401, "unauthenticated");
            assert_eq!(response.header("www-authenticate"), "Bearer");
        }
    }
    api.token = Some(valid);
    assert_eq!(api.get("/v1/clusters").await.status, 200);
}

#[tokio::test]
async fn a_token_is_accepted_only_once_and_only_in_the_header() {
    let env = TestEnv::new().await;
    let mut api = guarded_api(&env);
    let token = env.token("portal").await;
    api.token = Some(token.clone());
    let twice = [("authorization", &*format!("Bearer {token}"))];
    api.get_with("/v1/clusters", &twice)
        .await
        .rejected(401, "unauthenticated");
    api.token = None;
    api.get(&format!("/v1/clusters?access_token={token}"))
        .await
        .rejected(401, "unauthenticated");
}

#[tokio::test]
async fn a_malformed_authorization_header_is_rejected() {
    let env = TestEnv::new().await;
    let api = guarded_api(&env);
    env.token("test").await;
    for path in [
        "/v1/clusters",
        "/v1/operations",
        "/v1/orphans",
        "/v1/clusters/x",
        "/v1/operations/x",
    ] {
        for header in ["", "Bearer nope", "Basic dGVzdDp0ZXN0", "Bearer"] {
            let response = api.get_with(path, &[("authorization", header)]).await;
            response.rejected(401, "unauthenticated");
            assert_eq!(response.header("www-authenticate"), "Bearer", "{path}");
        }
    }
}

#[tokio::test]
async fn a_path_without_authentication_ignores_the_header() {
    let env = TestEnv::new().await;
    let api = guarded_api(&env);
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/problems",
        "/problems/internal",
        "/problems/permission_missing",
        "/docs/",
    ] {
        // A slow database makes the service unready for a moment. A result answers for a second.
        let mut response = api.get(path).await;
        for _ in 0..20 {
            if response.status != 503 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            response = api.get(path).await;
        }
        assert_eq!(response.status, 200, "{path}: {}", response.text);
        let response = api.get_with(path, &[("authorization", "")]).await;
        assert_eq!(response.status, 200, "{path}: {}", response.text);
    }
}

#[tokio::test]
async fn a_revoked_token_is_rejected_at_once() {
    let env = TestEnv::new().await;
    let mut api = guarded_api(&env);
    api.token = Some(env.token("test").await);
    assert_eq!(api.get("/v1/clusters").await.status, 200);
    assert!(env.store.revoke_token("test").await.unwrap());
    api.get("/v1/clusters")
        .await
        .rejected(401, "unauthenticated");
}

#[tokio::test]
async fn idempotency_keys_belong_to_the_name_of_the_token() {
    let env = TestEnv::new().await;
    let mut api = guarded_api(&env);
    let key = [("idempotency-key", "k")];
    api.token = Some(env.token("portal").await);
    let request = cluster_request("a");
    let first = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(first.body["requested_by"], "token:portal");
    api.token = Some(env.token("batch").await);
    let other = api.post("/v1/clusters", &cluster_request("b"), &key).await;
    assert_ne!(other.accepted(), first.accepted());
    assert_eq!(other.body["requested_by"], "token:batch");
    // A new secret for the same name keeps the keys.
    api.token = Some(env.token("portal").await);
    let again = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(again.accepted(), first.accepted());
}
