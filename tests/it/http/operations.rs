//! Operations over HTTP: events, problems, retry, waiting, and idempotency keys.

use std::time::{Duration, Instant};

use aws_sandbox::Identity;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::test_env::{TestEnv, aws_as};

/// Creates the cluster `orders`. Returns the ID of the operation.
async fn create(api: &ApiClient) -> uuid::Uuid {
    api.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_blocks_with_a_problem_and_a_hint() {
    let env = TestEnv::new().await;
    env.grant_all_except("iam:CreatePolicy");
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api).await;
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);

    let blocked = api.get(&format!("/v1/operations/{id}")).await.body;
    assert_eq!(blocked["waiting_for"], "permission");
    assert!(blocked["next_attempt_at"].is_string());
    assert!(blocked["estimated_completion_at"].is_null());
    let problem = &blocked["problem"];
    assert_eq!(problem["code"], "permission_missing", "{blocked:#}");
    assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    assert_eq!(problem["aws"]["action"], "iam:CreatePolicy");
    assert_eq!(problem["aws"]["cause"], "identity_policy");
    assert_eq!(
        problem["hints"][0]["title"],
        "Add iam:CreatePolicy to your user policy."
    );
    let mut steps = blocked["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["status"] == "blocked").unwrap();
    assert_eq!(step["problem"]["code"], "permission_missing");
    let cluster = api.get("/v1/clusters/orders").await.body;
    assert_eq!(cluster["problem"]["code"], "permission_missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_succeeds_after_the_policy_of_the_hint_is_granted() {
    let mut env = TestEnv::new().await;
    let statement = json!({"Effect": "Allow", "NotAction": ["iam:CreatePolicy"], "Resource": "*"});
    let mut identity = Identity {
        secret: "secret".to_owned(),
        arn: "arn:aws:iam::123456789012:user/portal".to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [statement]})],
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    };
    env.sandbox.put_identity("portal", identity.clone());
    env.aws = aws_as(&env.sandbox, &env.endpoint, "portal", "secret").await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api).await;
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);

    let path = format!("/v1/operations/{id}");
    let blocked = api.get(&path).await.body;
    let policy = &blocked["problem"]["hints"][0]["policy"];
    identity.policies.push(policy.clone());
    env.sandbox.put_identity("portal", identity);
    let retry = format!("{path}/retry");
    let key = [("idempotency-key", "r-1")];
    let retried = api.post(&retry, &json!({}), &key).await;
    assert_eq!(retried.accepted(), id);
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
    api.send_empty("POST", &retry)
        .await
        .rejected(409, "operation_finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_is_not_blocked_cannot_be_retried() {
    let env = TestEnv::new().await;
    let api = env.api();
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}");
    let response = api.send_empty("POST", &format!("{path}/retry")).await;
    let problem = response.rejected(409, "operation_not_blocked");
    assert_eq!(problem["instance"], path);
}

#[tokio::test]
async fn an_unknown_operation_is_not_found() {
    let env = TestEnv::new().await;
    let api = env.api();
    for unknown in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        let path = format!("/v1/operations/{unknown}");
        api.send_empty("POST", &format!("{path}/retry"))
            .await
            .rejected(404, "not_found");
        api.get(&path).await.rejected(404, "not_found");
        api.get(&format!("{path}/events"))
            .await
            .rejected(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_numbered_without_gaps_and_paged() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    env.settle(&worker, id).await;
    let mut path = format!("/v1/operations/{id}/events?limit=3");
    let mut sequence = Vec::new();
    loop {
        let page = api.get(&path).await;
        sequence.extend(
            page.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["sequence"].as_i64().unwrap()),
        );
        let Some(next) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/operations/{id}/events?limit=3&cursor={next}");
    }
    assert!(sequence.len() > 3);
    assert_eq!(
        sequence,
        (1..=i64::try_from(sequence.len()).unwrap()).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_with_the_same_idempotency_key_are_one_operation() {
    let env = TestEnv::new().await;
    let api = env.api();
    let key = [("idempotency-key", "order-66")];
    let request = cluster_request("orders");
    let responses =
        futures_util::future::join_all((0..10).map(|_| api.post("/v1/clusters", &request, &key)))
            .await;
    let mut ids: Vec<_> = responses.iter().map(ApiResponse::accepted).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let reordered = br#"{"service_role": {"tables": ["Orders"], "access": "read_write"},
        "replication_factor": 1, "node_type": "dax.t3.small", "name": "orders" }"#;
    let again = api
        .post_bytes("/v1/clusters", reordered.to_vec(), &key)
        .await;
    assert_eq!(again.accepted(), ids[0], "the order of members is ignored");
    api.post("/v1/clusters", &cluster_request("other"), &key)
        .await
        .rejected(422, "idempotency_key_reused");
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    for invalid in ["", "a b", &"k".repeat(256)] {
        let key = [("idempotency-key", invalid)];
        let response = api
            .post("/v1/clusters", &cluster_request("orders"), &key)
            .await;
        let problem = response.rejected(422, "invalid_request");
        assert_eq!(problem["errors"][0]["parameter"], "Idempotency-Key");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_waits_as_long_as_the_request_prefers() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let started = Instant::now();
    let wait = [("prefer", "respond-async, wait=1")];
    let response = api
        .post("/v1/clusters", &cluster_request("orders"), &wait)
        .await;
    let id = response.accepted();
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");
    assert_eq!(response.header("preference-applied"), "wait=1");
    assert_eq!(response.body["status"], "pending");

    let path = format!("/v1/operations/{id}");
    let wait = [("prefer", "wait=50")];
    let (response, _) = tokio::join!(api.get_with(&path, &wait), env.settle(&worker, id));
    assert_eq!(response.header("preference-applied"), "wait=50");
    assert_eq!(response.body["status"], "succeeded");
    assert!(started.elapsed() < Duration::from_secs(40));
    let response = api.get(&path).await;
    assert_eq!(response.header("preference-applied"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_are_limited_and_end_on_shutdown() {
    let env = TestEnv::new().await;
    let api = std::sync::Arc::new(env.api());
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}");
    let mut waits = tokio::task::JoinSet::new();
    for _ in 0..260 {
        let (api, path) = (api.clone(), path.clone());
        waits.spawn(async move { api.get_with(&path, &[("prefer", "wait=60")]).await });
    }
    for _ in 0..4 {
        let first = tokio::time::timeout(Duration::from_secs(30), waits.join_next());
        let response = first.await.unwrap().unwrap().unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.header("preference-applied"), "");
    }
    api.shutdown.cancel();
    let mut ended = 0;
    while let Some(response) = waits.join_next().await {
        assert_eq!(response.unwrap().header("preference-applied"), "wait=60");
        ended += 1;
    }
    assert_eq!(ended, 256);
    api.get("/readyz").await.rejected(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_filtered_by_cluster_kind_and_status() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let done = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    env.settle(&worker, done).await;
    let waiting = api
        .post("/v1/clusters", &cluster_request("users"), &[])
        .await
        .accepted();
    let delete = api.delete("/v1/clusters/orders").await.accepted();
    for (filter, expected) in [
        ("", vec![delete, waiting, done]),
        ("?status=succeeded", vec![done]),
        ("?status=pending", vec![delete, waiting]),
        ("?kind=create_cluster", vec![waiting, done]),
        ("?cluster=Orders", vec![delete, done]),
        (
            "?cluster=orders&kind=delete_cluster&status=pending",
            vec![delete],
        ),
        ("?cluster=orders&status=blocked", vec![]),
    ] {
        let list = api.get(&format!("/v1/operations{filter}")).await.body["items"].clone();
        let ids: Vec<Value> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].clone())
            .collect();
        assert_eq!(
            ids,
            expected.iter().map(|id| json!(id)).collect::<Vec<_>>(),
            "{filter}"
        );
    }
    let invalid = "cluster=1&kind=paint_cluster&status=lost&colour=blue";
    let response = api.get(&format!("/v1/operations?{invalid}")).await;
    let problem = response.rejected(422, "invalid_request");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4);
}
