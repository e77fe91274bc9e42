//! Availability over HTTP: what the API returns without a usable database.

use std::process::Command;
use std::time::Duration;

use dax_provisioner::api::ApiSettings;
use dax_provisioner::api::http::tokens::new_token;
use dax_provisioner::store::{Connection, Store};

use crate::engine::processes::{BINARY, free_address, start, start_database};
use crate::http::authentication::{guarded_operations, guarded_settings};
use crate::support::api::{cluster_request, open_settings};
use crate::support::test_env::TestEnv;

/// Operations that without authentication need no database for an empty request: they read AWS or
/// a table of the program, or reject the missing body first.
const WITHOUT_DATABASE: [&str; 14] = [
    "/v1/authorizations",
    "/v1/me",
    "/v1/targets",
    "/v1/targets/orders",
    "/v1/targets/orders/check",
    "/v1/service_roles",
    "/v1/node_types",
    "/v1/hints",
    "/v1/hints/explain",
    "/v1/plans",
    "/v1/preflights",
    "/v1/clusters/orders/plans",
    "/v1/clusters/orders/scale",
    "/v1/clusters/orders/ingress",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_the_api_is_unavailable_and_suggests_a_retry() {
    let env = TestEnv::new().await;
    let unreachable = Connection {
        url: "postgres://unknown@127.0.0.1:1/unknown".to_owned(),
        max_connections: 1,
        acquire_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
    };
    for (settings, is_open) in [(guarded_settings(), false), (open_settings(), true)] {
        let mut api = env.api_with(Store::open(&unreachable).unwrap(), settings);
        api.token = Some(new_token().0);
        for (method, path) in guarded_operations() {
            let is_create = method == "POST" && ["/v1/clusters", "/v1/webhooks"].contains(&&*path);
            // Without a key for secrets, no webhook is read.
            let is_of_secrets = method == "POST" && path.starts_with("/v1/webhooks/");
            let is_rejected_first =
                WITHOUT_DATABASE.contains(&&*path) || method == "PATCH" || is_of_secrets;
            if is_create || (is_open && is_rejected_first) {
                continue;
            }
            let response = api.send_empty(&method, &path).await;
            response.rejected(503, "unavailable");
            assert!(response.header("retry-after").parse::<u64>().is_ok());
        }
        api.post("/v1/clusters", &cluster_request("orders"), &[])
            .await
            .rejected(503, "unavailable");
        api.get("/readyz").await.rejected(503, "unavailable");
        assert_eq!(api.get("/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn a_database_without_durability_is_not_ready() {
    let env = TestEnv::new().await;
    let settings = ApiSettings {
        durability_required: true,
        ..open_settings()
    };
    let fsync: String = sqlx::query_scalar("select current_setting('fsync')")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    let expected = if fsync == "on" { 200 } else { 503 };
    let api = env.api_with(env.store.clone(), settings);
    assert_eq!(api.get("/readyz").await.status, expected);
}

#[tokio::test]
async fn a_service_does_not_start_on_a_database_that_can_lose_commits() {
    let env = TestEnv::new().await;
    let serve = "serve --listen 127.0.0.1:0 --aws-endpoint http://127.0.0.1:1";

    // One that starts does not end.
    let output = Command::new("timeout")
        .args(["20", BINARY])
        .args(serve.split(' '))
        .env("DATABASE_URL", env.database.url())
        .output()
        .unwrap();

    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert!(text.contains("can lose committed transactions"), "{text}");
}

#[tokio::test]
async fn a_database_without_all_migrations_is_not_ready() {
    let env = TestEnv::new().await;
    let api = env.api();
    assert_eq!(api.get("/readyz").await.status, 200);
    sqlx::query("delete from _sqlx_migrations")
        .execute(&env.pool)
        .await
        .unwrap();
    // A result answers requests for a second, so this asks another process.
    let response = env.api().get("/readyz").await;
    let problem = response.rejected(503, "unavailable");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("dax-provisioner migrate"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_can_have_a_listener_of_their_own() {
    let metrics = free_address();
    let (_postgres, database) = start_database("dax-provisioner-metrics").await;
    for role in ["all", "worker"] {
        let serve = format!(
            "serve --role {role} --listen 127.0.0.1:0 --metrics-listen {metrics} \
             --authentication off --aws-endpoint http://127.0.0.1:1"
        );
        let (_process, url) = start(&serve, &database, "listening");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let status = async |url: String| client.get(url).send().await.unwrap().status().as_u16();
        for (path, api, own) in [
            ("/metrics", 404, 200),
            ("/healthz", 200, 200),
            ("/v1/clusters", if role == "all" { 200 } else { 404 }, 404),
        ] {
            assert_eq!(status(format!("{url}{path}")).await, api, "{role} {path}");
            let own_url = format!("http://{metrics}{path}");
            assert_eq!(status(own_url).await, own, "{role} {path}");
        }
    }
}
