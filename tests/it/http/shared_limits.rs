//! Limits that keep one client from hurting the others, over HTTP: small answers, shares of common
//! limits, the pace of retries, and the `Host` of a request.

use std::sync::Arc;
use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http::authentication::guarded_settings;
use crate::support::api::{ApiClient, ApiResponse, cluster_request, strings};
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer to an invalid query, in bytes.
const QUERY_ANSWER_MAX: usize = 16 * 1024;
/// Largest answer to an invalid body, in bytes.
const BODY_ANSWER_MAX: usize = 32 * 1024;
/// A third of the streams and of the waits, which are 256 each.
const THIRD: usize = 86;

#[tokio::test]
async fn answers_to_invalid_queries_are_small() {
    let env = TestEnv::new().await;
    let api = env.api();
    let many = vec!["a"; 32_000].join("&");
    let long = format!("a={}", "x".repeat(60_000));
    for query in [many, long, vec!["a"; 33].join("&")] {
        let response = api.get(&format!("/healthz?{query}")).await;
        response.rejected(400, "invalid_request");
        assert!(response.text.len() < 1_000, "{}", response.text.len());
    }
    let names: Vec<String> = (0..32)
        .map(|n| format!("{n}{}", "%01".repeat(80)))
        .collect();
    let response = api.get(&format!("/healthz?{}", names.join("&"))).await;
    let problem = response.rejected(422, "invalid_request");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    let detail = "32 fields are invalid; `errors` lists 20 of them, 12 are left out";
    assert_eq!(problem["detail"], detail);
    assert!(
        response.text.len() < QUERY_ANSWER_MAX,
        "{}",
        response.text.len()
    );
    let response = api.get(&format!("/healthz?{}", "x".repeat(8_000))).await;
    response.rejected(422, "invalid_request");
    assert!(response.text.len() < 2_000, "{}", response.text.len());
}

#[tokio::test]
async fn answers_to_invalid_bodies_are_small() {
    let env = TestEnv::new().await;
    let api = env.api();
    let object = |prefix: &str, count: usize, value: Value| -> Value {
        let members = (0..count).map(|n| (format!("{prefix}{n}"), value.clone()));
        Value::Object(members.collect())
    };
    let mut lists = cluster_request("orders");
    lists["service_role"]["tables"] = json!(vec![1; 12_000]);
    lists["availability_zones"] = json!(vec![""; 12_000]);
    let mut tables = cluster_request("orders");
    tables["service_role"]["tables"] = json!(vec!["!"; 12_000]);
    let mut tags = cluster_request("orders");
    tags["tags"] = object("aws:", 4_000, json!(""));
    let unknown = object("x", 4_000, json!(1));
    let long = object(&"/".repeat(15_000), 4, json!(1));
    let twice = format!("{{{0}:1,{0}:2}}", json!("\u{200b}".repeat(10_000)));
    let response = api
        .post_bytes("/v1/clusters", twice.into_bytes(), &[])
        .await;
    response.rejected(400, "invalid_request");
    assert!(response.text.len() < BODY_ANSWER_MAX);
    for body in [lists, tables, tags, unknown, long] {
        let response = api.post("/v1/clusters", &body, &[]).await;
        let problem = response.rejected(422, "invalid_request");
        let errors = problem["errors"].as_array().unwrap().len();
        assert!((1..=20).contains(&errors), "{errors}");
        assert!(
            response.text.len() < BODY_ANSWER_MAX,
            "{}",
            response.text.len()
        );
    }
}

/// Sends requests of one token until each is answered or held open. Returns the held ones and the
/// answered ones.
async fn hold(
    api: &Arc<ApiClient>,
    token: &str,
    path: &str,
    prefer: &'static str,
    count: usize,
    held: usize,
) -> (JoinSet<ApiResponse>, Vec<ApiResponse>) {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let (api, path) = (api.clone(), path.to_owned());
        let authorization = format!("Bearer {token}");
        requests.spawn(async move {
            let headers = [
                ("authorization", authorization.as_str()),
                ("prefer", prefer),
            ];
            api.get_with(&path, &headers).await
        });
    }
    let mut answered = Vec::new();
    while answered.len() < count - held {
        let response = timeout(TIMEOUT, requests.join_next()).await;
        answered.push(response.unwrap().unwrap().unwrap());
    }
    (requests, answered)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_leaves_a_third_of_the_streams_to_the_others() {
    let env = TestEnv::new().await;
    let api = Arc::new(env.api_with(env.store.clone(), guarded_settings()));
    let id = env.create(&plain_spec("orders")).await;
    let path = format!("/v1/operations/{id}/events/stream");
    let (first, second) = (env.token("first").await, env.token("second").await);
    let (streams, refused) = hold(&api, &first, &path, "", 256, 256 - THIRD).await;
    for response in refused {
        response.rejected(503, "unavailable");
    }
    let (others, refused) = hold(&api, &second, &path, "", THIRD + 1, THIRD).await;
    for response in refused {
        response.rejected(503, "unavailable");
    }
    api.shutdown.cancel();
    for mut requests in [streams, others] {
        while let Some(response) = timeout(TIMEOUT, requests.join_next()).await.unwrap() {
            assert_eq!(response.unwrap().status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_leaves_a_third_of_the_waits_to_the_others() {
    let env = TestEnv::new().await;
    let api = Arc::new(env.api_with(env.store.clone(), guarded_settings()));
    let id = env.create(&plain_spec("orders")).await;
    let path = format!("/v1/operations/{id}");
    let (first, second) = (env.token("first").await, env.token("second").await);
    let (waits, answered) = hold(&api, &first, &path, "wait=60", 256, 256 - THIRD).await;
    for response in answered {
        assert_eq!(response.header("preference-applied"), "");
    }
    let (others, answered) = hold(&api, &second, &path, "wait=60", THIRD + 1, THIRD).await;
    for response in answered {
        assert_eq!(response.header("preference-applied"), "");
    }
    api.shutdown.cancel();
    for mut requests in [waits, others] {
        while let Some(response) = timeout(TIMEOUT, requests.join_next()).await.unwrap() {
            assert_eq!(response.unwrap().header("preference-applied"), "wait=60");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_leaves_a_third_of_the_reads_from_aws_to_the_others() {
    let env = TestEnv::new().await;
    let slow = FaultRule::new("iam:ListRoles", FaultKind::Slow).seconds(7.0);
    env.sandbox.add_fault(slow.count(100));
    let api = Arc::new(env.api_with(env.store.clone(), guarded_settings()));
    let (first, second) = (env.token("first").await, env.token("second").await);
    let path = "/v1/service_roles";
    let (held, refused) = hold(&api, &first, path, "", 24, 8).await;
    for response in refused {
        response.rejected(429, "too_many_requests");
    }
    let authorization = [("authorization", &*format!("Bearer {second}"))];
    let groups = api.get_with("/v1/parameter_groups", &authorization).await;
    assert_eq!(groups.status, 200, "{groups:?}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_can_be_retried_every_five_seconds() {
    let env = TestEnv::new().await;
    env.grant_all_except("iam:CreatePolicy");
    let (api, replica, worker) = (env.api(), env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/retry");
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    api.send_empty("POST", &path).await.accepted();
    let response = replica.send_empty("POST", &path).await;
    let problem = response.rejected(429, "too_many_requests");
    assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    let wait: u64 = response.header("retry-after").parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    let events = api
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await;
    let retries = strings(&events.body["items"], "type");
    let retries = retries.iter().filter(|kind| **kind == "retry_requested");
    assert_eq!(retries.count(), 1);
    // A clock that moved back does not extend the pause.
    for moved in ["- interval '5 seconds'", "+ interval '1 hour'"] {
        let sql = format!("update operation_events set at = at {moved} where operation_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .execute(&env.pool)
            .await
            .unwrap();
        api.send_empty("POST", &path).await.accepted();
    }
}

#[tokio::test]
async fn without_authentication_a_foreign_host_is_rejected_on_every_path() {
    let env = TestEnv::new().await;
    let api = env.api();
    for path in [
        "/metrics",
        "/docs",
        "/docs/",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/problems",
        "/problems/internal",
        "/v1/clusters",
        "/unknown",
    ] {
        api.get_with(path, &[("host", "evil.example")])
            .await
            .rejected(403, "forbidden");
        let headers = [("host", "localhost"), ("origin", "http://evil.example")];
        api.get_with(path, &headers)
            .await
            .rejected(403, "forbidden");
    }
    let guarded = env.api_with(env.store.clone(), guarded_settings());
    let response = guarded
        .get_with("/healthz", &[("host", "dax.example")])
        .await;
    assert_eq!(response.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_http_1_1_has_exactly_one_host() {
    let env = TestEnv::new().await;
    let server = env.serve(0).await;
    let address = server.url.strip_prefix("http://").unwrap();
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        let reading = stream.read_to_string(&mut response);
        timeout(TIMEOUT, reading).await.unwrap().unwrap();
        let line = response.lines().next().unwrap_or_default();
        assert!(line.contains(&format!(" {status} ")), "{head} {response}");
    }
}
