//! Cancel and roll back over HTTP: what was begun is undone, and the receipt says what is gone.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

fn states<'a>(operation: &'a Value, state: &str) -> Vec<&'a str> {
    let receipt = operation["receipt"].as_array().unwrap().iter();
    receipt
        .filter(|item| item["state"] == state)
        .map(|item| item["kind"].as_str().unwrap())
        .collect()
}

impl ClusterFixture {
    async fn request_undo(&self, id: uuid::Uuid, verb: &str) -> crate::support::api::ApiResponse {
        self.api
            .send_empty("POST", &format!("/v1/operations/{id}/{verb}"))
            .await
    }

    async fn operation(&self, id: uuid::Uuid) -> Value {
        self.api.get(&format!("/v1/operations/{id}")).await.body
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_cancelled_half_way_leaves_nothing_and_says_so() {
    let house = ClusterFixture::new().await;
    let id = house
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    while house.env.sent("dax:CreateCluster") == 0 {
        house.env.one_turn(&house.worker).await;
    }
    let key = [("idempotency-key", "c-1")];
    let path = format!("/v1/operations/{id}/cancel");
    let cancelled = house.api.post(&path, &json!({}), &key).await;
    assert_eq!(
        (cancelled.accepted(), cancelled.body["status"].as_str()),
        (id, Some("cancelling"))
    );
    // Asked again it is the same; to another end it is too late.
    assert_eq!(house.request_undo(id, "cancel").await.accepted(), id);
    house
        .request_undo(id, "roll_back")
        .await
        .rejected(409, "operation_not_cancellable");
    house
        .request_undo(id, "retry")
        .await
        .rejected(409, "operation_not_blocked");
    assert_eq!(
        house.env.finish(&house.worker, id).await.status,
        Status::Cancelled
    );
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
    let ended = house.operation(id).await;
    let gone = states(&ended, "gone");
    assert!(
        ["role", "policy", "cluster"]
            .iter()
            .all(|kind| gone.contains(kind)),
        "{ended:#}"
    );
    assert!(states(&ended, "present").is_empty(), "{ended:#}");
    assert_eq!(ended["problem"], Value::Null);
    assert_eq!(house.cluster().await["status"], "failed");
    for verb in ["cancel", "roll_back", "retry"] {
        let over = house.request_undo(id, verb).await;
        assert_eq!(
            over.rejected(409, "operation_finished")["instance"],
            format!("/v1/operations/{id}")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_nobody_has_visited_is_cancelled_too() {
    let house = ClusterFixture::new().await;
    let id = house
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/cancel");
    let waiting = [("prefer", "wait=50")];
    let body = json!({});
    let (answer, ended) = tokio::join!(house.api.post(&path, &body, &waiting), async {
        while house.operation(id).await["status"] == "pending" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        house.env.finish(&house.worker, id).await
    });
    assert_eq!(
        (
            answer.header("preference-applied"),
            answer.body["status"].as_str()
        ),
        ("wait=50", Some("cancelled"))
    );
    assert_eq!(ended.status, Status::Cancelled);
    assert_eq!(
        house
            .env
            .service_calls()
            .iter()
            .filter(|call| call.effect)
            .count(),
        0
    );
    for nothing in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        for verb in ["cancel", "roll_back"] {
            house
                .api
                .send_empty("POST", &format!("/v1/operations/{nothing}/{verb}"))
                .await
                .rejected(404, "not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_create_is_rolled_back_to_the_problem_that_blocked_it() {
    let house = ClusterFixture::new().await;
    house
        .env
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(100));
    let id = house
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    house
        .request_undo(id, "roll_back")
        .await
        .rejected(409, "operation_not_blocked");
    assert_eq!(
        house.env.settle(&house.worker, id).await.status,
        Status::Blocked
    );
    let problem = house.operation(id).await["problem"].clone();
    assert_eq!(problem["code"], "capacity_unavailable");
    let rolled = house.request_undo(id, "roll_back").await;
    assert_eq!(
        (rolled.accepted(), rolled.body["status"].as_str()),
        (id, Some("rolling_back"))
    );
    assert_eq!(house.request_undo(id, "roll_back").await.accepted(), id);
    house
        .request_undo(id, "cancel")
        .await
        .rejected(409, "operation_not_cancellable");
    assert_eq!(
        house.env.finish(&house.worker, id).await.status,
        Status::Failed
    );
    assert_eq!(
        house.operation(id).await["problem"],
        problem,
        "the original problem is why it failed"
    );
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
    let cluster = house.cluster().await;
    assert_eq!(
        (&cluster["status"], &cluster["problem"]["code"]),
        (&json!("failed"), &json!("capacity_unavailable"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_is_cancelled_until_it_has_been_sent() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let before = house.env.created_in_aws();
    let delete = house.api.delete("/v1/clusters/orders").await.accepted();
    house
        .request_undo(delete, "roll_back")
        .await
        .rejected(409, "operation_not_blocked");
    let cancelled = house.request_undo(delete, "cancel").await;
    assert_eq!(
        (cancelled.accepted(), cancelled.body["status"].as_str()),
        (delete, Some("cancelled"))
    );
    assert_eq!(
        (
            house.env.created_in_aws(),
            house.cluster().await["status"].clone()
        ),
        (before, json!("available"))
    );
    let delete = house.api.delete("/v1/clusters/orders").await.accepted();
    while house.env.sent("dax:DeleteCluster") == 0 {
        house.env.one_turn(&house.worker).await;
    }
    house
        .request_undo(delete, "cancel")
        .await
        .rejected(409, "operation_not_cancellable");
    assert_eq!(
        house.env.finish(&house.worker, delete).await.status,
        Status::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_update_keeps_what_aws_has_taken_over_and_undoes_the_rest() {
    let house =
        ClusterFixture::with_cluster(&json!({"parameters": {"record_ttl_millis": 60000}})).await;
    let before = house.cluster().await;
    let patch = json!({"parameters": {"record_ttl_millis": 1000}, "description": "new"});
    // Given up before the cluster is switched: the new group goes, and all is as before.
    let id = house.patch(&patch).await.accepted();
    while house.env.sent("dax:UpdateParameterGroup") < 2 {
        house.env.one_turn(&house.worker).await;
    }
    house.request_undo(id, "cancel").await.accepted();
    assert_eq!(
        house.env.finish(&house.worker, id).await.status,
        Status::Cancelled
    );
    let after = house.cluster().await;
    assert_eq!(
        (&after["desired"], &after["parameter_group"]),
        (&before["desired"], &before["parameter_group"])
    );
    assert_eq!(
        (&after["status"], &after["drift"]["fields"]),
        (&json!("available"), &json!([]))
    );
    let groups = house.env.admin.parameter_groups().await.unwrap();
    assert_eq!(
        groups
            .iter()
            .filter(|group| group.name.starts_with("dax-"))
            .count(),
        1,
        "{groups:?}"
    );

    // Given up after the switch: the desired settings are what AWS has.
    let id = house.patch(&patch).await.accepted();
    while house.env.sent("dax:UpdateCluster") == 0 {
        house.env.one_turn(&house.worker).await;
    }
    house.request_undo(id, "cancel").await.accepted();
    assert_eq!(
        house.env.finish(&house.worker, id).await.status,
        Status::Cancelled
    );
    let kept = house.cluster().await;
    assert_eq!(
        kept["desired"]["parameters"]["record_ttl_millis"], 1000,
        "{kept:#}"
    );
    assert_eq!(
        (&kept["desired"]["description"], &kept["drift"]["fields"]),
        (&json!("new"), &json!([]))
    );
    assert_eq!(
        kept["parameter_group"]["name"],
        kept["observed"]["parameter_group"]
    );
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
}
