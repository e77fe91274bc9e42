//! Refusals over HTTP: every path, every hostile body, and nobody without a token.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::api::http::tokens::new_token;
use dax_provisioner::api::{ApiSettings, Authentication};
use dax_provisioner::store::{Connection, Store, StoredToken};
use serde_json::{Value, json};

use crate::support::api::{DOCUMENT, cluster_request, open_settings};
use crate::support::test_env::TestEnv;

fn guarded_settings() -> ApiSettings {
    ApiSettings {
        authentication: Authentication::On,
        ..open_settings()
    }
}

async fn keep(world: &TestEnv, name: &str, expires_in: Option<chrono::TimeDelta>) -> String {
    let (token, secret_hash) = new_token();
    let now: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select now()")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let expires_at = expires_in.map(|time| now + time);
    let stored = StoredToken {
        name: name.to_owned(),
        secret_hash,
        expires_at,
    };
    assert!(world.store.store_token(&stored, false).await.unwrap());
    token
}

/// Every operation of the document that wants a token, as method and path.
fn guarded_operations() -> Vec<(String, String)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (method.to_uppercase(), path, operation))
    });
    operations
        .filter(|(_, _, operation)| operation.get("security").is_some())
        .map(|(method, path, _)| {
            (
                method,
                path.replace("{name}", "orders")
                    .replace("{id}", &uuid::Uuid::nil().to_string()),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_a_valid_token() {
    let world = TestEnv::new().await;
    let mut door = world.api_with(world.store.clone(), guarded_settings());
    let good = keep(&world, "portal", None).await;
    let expired = keep(&world, "old", Some(chrono::TimeDelta::seconds(-1))).await;
    let revoked = keep(&world, "gone", None).await;
    world.store.revoke_token("gone").await.unwrap();
    let operations = guarded_operations();
    assert!(operations.len() >= 9);
    for bad in [
        None,
        Some(new_token().0),
        Some(expired),
        Some(revoked),
        Some("x".to_owned()),
        Some(format!("{good}A")),
    ] {
        door.token = bad;
        for (method, path) in &operations {
            let answer = door.send_empty(method, path).await;
            answer.rejected(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    door.token = Some(good.clone());
    assert_eq!(door.get("/v1/clusters").await.status, 200);
    let twice = door
        .get_with(
            "/v1/clusters",
            &[("authorization", &format!("Bearer {good}"))],
        )
        .await;
    twice.rejected(401, "unauthenticated");
    door.token = None;
    door.get(&format!("/v1/clusters?access_token={good}"))
        .await
        .rejected(401, "unauthenticated");
    for open in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/problems",
        "/problems/internal",
        "/docs/",
    ] {
        assert_eq!(door.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_named_and_their_keys_are_their_own() {
    let world = TestEnv::new().await;
    let mut door = world.api_with(world.store.clone(), guarded_settings());
    let (first, second) = (
        keep(&world, "portal", None).await,
        keep(&world, "batch", None).await,
    );
    let key = [("idempotency-key", "k")];
    door.token = Some(first);
    let id = door
        .post("/v1/clusters", &cluster_request("a"), &key)
        .await
        .accepted();
    door.token = Some(second);
    let other = door.post("/v1/clusters", &cluster_request("b"), &key).await;
    assert_ne!(other.accepted(), id);
    assert_eq!(other.body["requested_by"], "token:batch");
    // The key belongs to the name, so it survives a new secret.
    let (token, secret_hash) = new_token();
    let rotated = StoredToken {
        name: "portal".to_owned(),
        secret_hash,
        expires_at: None,
    };
    assert!(world.store.store_token(&rotated, true).await.unwrap());
    door.token = Some(token);
    assert_eq!(
        door.post("/v1/clusters", &cluster_request("a"), &key)
            .await
            .accepted(),
        id
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_the_door_stays_shut_and_says_when_to_come_back() {
    let world = TestEnv::new().await;
    let away = Connection {
        url: "postgres://nobody@127.0.0.1:1/nothing".to_owned(),
        max_connections: 1,
        acquire_timeout: Duration::from_millis(300),
    };
    for (settings, is_open) in [(guarded_settings(), false), (open_settings(), true)] {
        let mut door = world.api_with(Store::open(&away).unwrap(), settings);
        door.token = Some(new_token().0);
        for (method, path) in guarded_operations() {
            if method == "POST" && path == "/v1/clusters" {
                continue;
            }
            // Where nobody needs a token, these read AWS or the table of hints, or want a body first.
            let without = [
                "/v1/service_roles",
                "/v1/hints",
                "/v1/hints/explain",
                "/v1/plans",
                "/v1/preflights",
                "/v1/clusters/orders/scale",
                "/v1/clusters/orders/ingress",
            ];
            if is_open && (without.contains(&path.as_str()) || method == "PATCH") {
                continue;
            }
            let answer = door.send_empty(&method, &path).await;
            answer.rejected(503, "unavailable");
            assert!(answer.header("retry-after").parse::<u64>().is_ok());
        }
        door.post("/v1/clusters", &cluster_request("orders"), &[])
            .await
            .rejected(503, "unavailable");
        door.get("/readyz").await.rejected(503, "unavailable");
        assert_eq!(door.get("/healthz").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_answers_with_a_problem() {
    let world = TestEnv::new().await;
    let door = world.api();
    for nothing in [
        "/",
        "/v1",
        "/v1/",
        "/v1/cluster",
        "/v1/clusters/",
        "/v2/clusters",
        "/%00",
        "/docs/nothing.js",
        "/%ff",
    ] {
        door.get(nothing).await.rejected(404, "not_found");
    }
    for name in ["a%00b", "%ff", "a%20b", "1a", "%F0%9F%98%80"] {
        door.get(&format!("/v1/clusters/{name}"))
            .await
            .rejected(404, "not_found");
        door.delete(&format!("/v1/clusters/{name}"))
            .await
            .rejected(404, "not_found");
    }
    let wrong = door.send_empty("PUT", "/v1/clusters").await;
    wrong.rejected(405, "method_not_allowed");
    let mut allowed: Vec<&str> = wrong.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    for method in ["TRACE", "OPTIONS", "CONNECT", "PROPFIND"] {
        assert!(
            door.send_empty(method, "/v1/clusters")
                .await
                .status
                .is_client_error(),
            "{method}"
        );
    }
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=AAAA",
        "cursor=",
        "status=lost",
        "colour=blue",
        "limit=1&limit=2",
    ] {
        let refused = door.get(&format!("/v1/clusters?{bad}")).await;
        let name = bad.split('=').next().unwrap();
        assert_eq!(
            refused.rejected(422, "invalid_request")["errors"][0]["parameter"],
            name,
            "{bad}"
        );
    }
    door.get("/v1/operations?cluster=a%00&kind=x")
        .await
        .rejected(422, "invalid_request");
    assert_eq!(door.send_empty("HEAD", "/v1/clusters").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bodies_are_refused_and_change_nothing() {
    let world = TestEnv::new().await;
    let door = world.api();
    let text = |name: &str| {
        cluster_request("orders")
            .to_string()
            .replace("\"orders\"", name)
            .into_bytes()
    };
    let unreadable = [
        vec![],
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"nul".to_vec(),
        text("\"a\\u0000\""),
        text("\"\\ud800\""),
        text("1e400"),
        br#"{"name": "a", "name": "b"}"#.to_vec(),
        "[".repeat(17).into_bytes(),
        [b"[".repeat(60_000)].concat(),
    ];
    for body in unreadable {
        door.post_bytes("/v1/clusters", body, &[])
            .await
            .rejected(400, "invalid_request");
    }
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({"name": {"$ne": 1}}),
    ] {
        door.post("/v1/clusters", &body, &[])
            .await
            .rejected(422, "invalid_request");
    }
    let large = |size: usize| cluster_request(&"a".repeat(size)).to_string().into_bytes();
    door.post_bytes("/v1/clusters", large(65_536), &[])
        .await
        .rejected(413, "body_too_large");
    let stream =
        futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000])));
    let request = Request::post("/v1/clusters").header("content-type", "application/json");
    door.send(request.body(Body::from_stream(stream)).unwrap())
        .await
        .rejected(413, "body_too_large");
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "",
    ] {
        let request = Request::post("/v1/clusters").header("content-type", media);
        let body = Body::from(cluster_request("orders").to_string());
        door.send(request.body(body).unwrap())
            .await
            .rejected(415, "unsupported_media_type");
    }
    assert_eq!(door.get("/v1/clusters").await.body["items"], json!([]));
    assert_eq!(
        world
            .service_calls()
            .iter()
            .filter(|call| call.effect)
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_errors_of_a_body_come_together() {
    let world = TestEnv::new().await;
    let door = world.api();
    let body = json!({"node_type": "large", "replication_factor": 12, "colour": 1, "tags": {"aws:a": "b"}});
    let refused = door.post("/v1/clusters", &body, &[]).await;
    let mut pointers: Vec<&str> = refused.rejected(422, "invalid_request")["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/colour",
            "/name",
            "/node_type",
            "/replication_factor",
            "/tags/aws:a"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_a_request_are_kept_and_given_back() {
    let world = TestEnv::new().await;
    let door = world.api();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ids = [("x-request-id", "portal-42"), ("traceparent", trace)];
    let created = door.post("/v1/clusters", &cluster_request("orders"), &ids).await;
    assert_eq!(
        (
            created.header("x-request-id"),
            created.header("traceparent")
        ),
        ("portal-42", trace)
    );
    assert_eq!(
        (&created.body["request_id"], &created.body["traceparent"]),
        (&json!("portal-42"), &json!(trace))
    );
    let refused = door.get_with("/nothing", &ids).await;
    assert_eq!(refused.header("x-request-id"), "portal-42");
    let bad = door
        .get_with(
            "/nothing",
            &[("x-request-id", "a b"), ("traceparent", "00-0-0-0")],
        )
        .await;
    assert_ne!(bad.header("x-request-id"), "a b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_for_people_are_served_without_the_internet() {
    let world = TestEnv::new().await;
    let door = world.api();
    assert_eq!(door.get("/docs").await.header("location"), "docs/");
    let page = door.get("/docs/").await;
    assert!(page.text.contains("swagger-ui-bundle.js") && !page.text.contains("https://"));
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self'")
    );
    let script = door.get("/docs/swagger-initializer.js").await;
    assert!(
        script.text.contains("../openapi.json")
            && script.text.contains("\"validatorUrl\": \"none\""),
        "{}",
        script.text
    );
    assert_eq!(door.get("/openapi.json").await.body, *DOCUMENT);
    let codes = DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .unwrap();
    for code in codes.iter().map(Value::as_str) {
        let path = format!("/problems/{}", code.unwrap());
        assert!(
            door.get(&path)
                .await
                .header("content-type")
                .starts_with("text/plain")
        );
        let html = door
            .get_with(&path, &[("accept", "text/html,*/*;q=0.8")])
            .await;
        assert!(html.header("content-type").starts_with("text/html"));
    }
    door.get("/problems/nothing")
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsafe_or_unmigrated_database_is_not_ready() {
    let world = TestEnv::new().await;
    let strict = ApiSettings {
        durability_required: true,
        ..open_settings()
    };
    let fsync: String = sqlx::query_scalar("select current_setting('fsync')")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let expected = if fsync == "on" { 200 } else { 503 };
    assert_eq!(
        world.api_with(world.store.clone(), strict)
            .get("/readyz")
            .await
            .status,
        expected
    );
    let door = world.api();
    assert_eq!(door.get("/readyz").await.status, 200);
    sqlx::query("delete from _sqlx_migrations")
        .execute(&world.pool)
        .await
        .unwrap();
    let behind = door.get("/readyz").await;
    assert!(
        behind.rejected(503, "unavailable")["detail"]
            .as_str()
            .unwrap()
            .contains("dax-provisioner migrate")
    );
}
