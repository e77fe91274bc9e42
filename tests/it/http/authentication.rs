//! Authentication over HTTP: malformed headers, revoked tokens, and paths without authentication.

use dax_provisioner::api::{ApiSettings, Authentication};

use crate::support::api::{ApiClient, open_settings};
use crate::support::test_env::TestEnv;

fn guarded_api(env: &TestEnv) -> ApiClient {
    let settings = ApiSettings {
        authentication: Authentication::On,
        ..open_settings()
    };
    env.api_with(env.store.clone(), settings)
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
async fn a_path_without_authentication_ignores_a_malformed_header() {
    let env = TestEnv::new().await;
    let api = guarded_api(&env);
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/problems/permission_missing",
        "/docs/",
    ] {
        let response = api.get_with(path, &[("authorization", "")]).await;
        assert_eq!(response.status, 200, "{path}");
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
