//! Operations over HTTP: history, advice, retry, waiting, and requests that are sent twice.

use std::time::{Duration, Instant};

use aws_sandbox::Identity;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::test_env::{TestEnv, aws_as};

fn portal(statement: Value) -> Identity {
    Identity {
        secret: "secret".to_owned(),
        arn: "arn:aws:iam::123456789012:user/portal".to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [statement]})],
        permissions_boundary: None,
        session_policies: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_explained_cured_by_the_policy_of_its_hint_and_retried() {
    let mut world = TestEnv::new().await;
    let lacking = json!({"Effect": "Allow", "NotAction": ["iam:CreatePolicy"], "Resource": "*"});
    world
        .sandbox
        .put_identity("portal", portal(lacking.clone()));
    world.aws = aws_as(&world.sandbox, &world.endpoint, "portal", "secret").await;
    let (door, worker) = (world.api(), world.worker("w"));
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(world.settle(&worker, id).await.status, Status::Blocked);

    let blocked = door.get(&format!("/v1/operations/{id}")).await;
    let problem = &blocked.body["problem"];
    assert_eq!(problem["code"], "permission_missing", "{:#}", blocked.body);
    assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    assert_eq!(problem["aws"]["action"], "iam:CreatePolicy");
    assert_eq!(problem["aws"]["cause"], "identity_policy");
    assert_eq!(
        problem["hints"][0]["title"],
        "Add iam:CreatePolicy to your user policy."
    );
    assert_eq!(blocked.body["waiting_for"], "permission");
    assert!(
        blocked.body["next_attempt_at"].is_string()
            && blocked.body["estimated_completion_at"].is_null()
    );
    let step = blocked.body["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["status"] == "blocked")
        .unwrap();
    assert_eq!(step["problem"]["code"], "permission_missing");
    assert_eq!(
        door.get("/v1/clusters/orders").await.body["problem"]["code"],
        "permission_missing"
    );

    // The policy of the hint, and nothing else, must let the work go on.
    let mut cured = portal(lacking);
    cured.policies.push(problem["hints"][0]["policy"].clone());
    world.sandbox.put_identity("portal", cured);
    let retried = door
        .post(
            &format!("/v1/operations/{id}/retry"),
            &json!({}),
            &[("idempotency-key", "r-1")],
        )
        .await;
    assert_eq!(retried.accepted(), id);
    assert_eq!(world.finish(&worker, id).await.status, Status::Succeeded);
    door.send_empty("POST", &format!("/v1/operations/{id}/retry"))
        .await
        .rejected(409, "operation_finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_is_for_blocked_operations() {
    let world = TestEnv::new().await;
    let door = world.api();
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let refused = door
        .send_empty("POST", &format!("/v1/operations/{id}/retry"))
        .await;
    assert_eq!(
        refused.rejected(409, "operation_not_blocked")["instance"],
        format!("/v1/operations/{id}")
    );
    for nothing in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        door.send_empty("POST", &format!("/v1/operations/{nothing}/retry"))
            .await
            .rejected(404, "not_found");
        door.get(&format!("/v1/operations/{nothing}"))
            .await
            .rejected(404, "not_found");
        door.get(&format!("/v1/operations/{nothing}/events"))
            .await
            .rejected(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_numbered_without_gaps_and_paged() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    world.settle(&worker, id).await;
    let mut path = format!("/v1/operations/{id}/events?limit=3");
    let mut sequence = Vec::new();
    loop {
        let page = door.get(&path).await;
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
async fn a_key_makes_a_submission_repeatable() {
    let world = TestEnv::new().await;
    let door = world.api();
    let key = [("idempotency-key", "order-66")];
    let many = futures_util::future::join_all((0..10).map(|_| {
        door.post_bytes(
            "/v1/clusters",
            cluster_request("orders").to_string().into_bytes(),
            &key,
        )
    }))
    .await;
    let ids: std::collections::BTreeSet<_> = many.iter().map(|answer| answer.accepted()).collect();
    assert_eq!(ids.len(), 1, "ten submissions at once are one operation");
    let reordered = br#"{ "service_role": {"tables": ["Orders"], "access": "read_write"}, "replication_factor": 1,
        "node_type": "dax.t3.small", "name": "orders" }"#;
    let again = door
        .post_bytes("/v1/clusters", reordered.to_vec(), &key)
        .await;
    assert!(
        ids.contains(&again.accepted()),
        "the order of keys does not count"
    );
    door.post("/v1/clusters", &cluster_request("other"), &key)
        .await
        .rejected(422, "idempotency_key_reused");
    for bad in ["", "a b", &"k".repeat(256)] {
        let refused = door
            .post(
                "/v1/clusters",
                &cluster_request("other"),
                &[("idempotency-key", bad)],
            )
            .await;
        assert_eq!(
            refused.rejected(422, "invalid_request")["errors"][0]["parameter"],
            "Idempotency-Key"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_waits_as_long_as_its_caller_prefers() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let started = Instant::now();
    let idle = door
        .post(
            "/v1/clusters",
            &cluster_request("orders"),
            &[("prefer", "respond-async, wait=1")],
        )
        .await;
    let id = idle.accepted();
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "nobody works, so the time passes"
    );
    assert_eq!(
        (
            idle.header("preference-applied"),
            idle.body["status"].as_str()
        ),
        ("wait=1", Some("pending"))
    );

    let path = format!("/v1/operations/{id}");
    let preference = [("prefer", "wait=50")];
    let (answer, _) = tokio::join!(door.get_with(&path, &preference), world.settle(&worker, id));
    assert_eq!(
        (
            answer.header("preference-applied"),
            answer.body["status"].as_str()
        ),
        ("wait=50", Some("succeeded"))
    );
    assert!(started.elapsed() < Duration::from_secs(40));
    assert!(
        door.get(&path)
            .await
            .header("preference-applied")
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_ends_the_waits_and_too_many_are_answered_at_once() {
    let world = TestEnv::new().await;
    let door = std::sync::Arc::new(world.api());
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}");
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..260 {
        let (door, path) = (door.clone(), path.clone());
        waiting.spawn(async move { door.get_with(&path, &[("prefer", "wait=60")]).await });
    }
    for _ in 0..4 {
        let at_once = tokio::time::timeout(Duration::from_secs(30), waiting.join_next())
            .await
            .unwrap();
        let answer = at_once.unwrap().unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.header("preference-applied")),
            (200, "")
        );
    }
    door.shutdown.cancel();
    let mut ended = 0;
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().header("preference-applied"), "wait=60");
        ended += 1;
    }
    assert_eq!(ended, 256);
    door.get("/readyz").await.rejected(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_found_by_cluster_kind_and_status() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let done = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    world.settle(&worker, done).await;
    let waiting = door
        .post("/v1/clusters", &cluster_request("users"), &[])
        .await
        .accepted();
    let delete = door.delete("/v1/clusters/orders").await.accepted();
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
        let list = door.get(&format!("/v1/operations{filter}")).await.body["items"].clone();
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
    let refused = door
        .get("/v1/operations?cluster=1&kind=paint_cluster&status=lost&colour=blue")
        .await;
    assert_eq!(
        refused.rejected(422, "invalid_request")["errors"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}
