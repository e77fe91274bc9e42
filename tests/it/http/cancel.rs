//! Cancel and roll back over HTTP: completed steps are undone, and the receipt lists the result.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiResponse, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;

/// The kinds of the items of the receipt that are in a state.
fn kinds_in<'a>(operation: &'a Value, state: &str) -> Vec<&'a str> {
    let receipt = operation["receipt"].as_array().unwrap().iter();
    receipt
        .filter(|item| item["state"] == state)
        .map(|item| item["kind"].as_str().unwrap())
        .collect()
}

impl ClusterFixture {
    async fn request_undo(&self, id: uuid::Uuid, verb: &str) -> ApiResponse {
        self.api
            .send_empty("POST", &format!("/v1/operations/{id}/{verb}"))
            .await
    }

    async fn operation(&self, id: uuid::Uuid) -> Value {
        self.api.get(&format!("/v1/operations/{id}")).await.body
    }

    /// Takes turns until the service has sent a call so often.
    async fn work_until_sent(&self, call: &str, count: usize) {
        while self.env.sent(call) < count {
            self.env.one_turn(&self.worker).await;
        }
    }

    async fn finish(&self, id: uuid::Uuid) -> Status {
        self.env.finish(&self.worker, id).await.status
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_create_leaves_no_resources_and_its_receipt_reports_it() {
    let fixture = ClusterFixture::new().await;
    let id = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    fixture.work_until_sent("dax:CreateCluster", 1).await;
    let key = [("idempotency-key", "c-1")];
    let path = format!("/v1/operations/{id}/cancel");
    let cancelled = fixture.api.post(&path, &json!({}), &key).await;
    assert_eq!(cancelled.accepted(), id);
    assert_eq!(cancelled.body["status"], "cancelling");
    // A repeated cancel is the same request. Another kind of undo is too late.
    assert_eq!(fixture.request_undo(id, "cancel").await.accepted(), id);
    for (verb, code) in [
        ("roll_back", "operation_not_cancellable"),
        ("retry", "operation_not_blocked"),
    ] {
        fixture.request_undo(id, verb).await.rejected(409, code);
    }
    assert_eq!(fixture.finish(id).await, Status::Cancelled);
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
    let ended = fixture.operation(id).await;
    let gone = kinds_in(&ended, "gone");
    for kind in ["role", "policy", "cluster"] {
        assert!(gone.contains(&kind), "{kind}: {ended:#}");
    }
    assert!(kinds_in(&ended, "present").is_empty(), "{ended:#}");
    assert_eq!(ended["problem"], Value::Null);
    assert_eq!(fixture.cluster().await["status"], "failed");
    for verb in ["cancel", "roll_back", "retry"] {
        let response = fixture.request_undo(id, verb).await;
        let problem = response.rejected(409, "operation_finished");
        assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_create_is_cancelled_without_a_change_in_aws() {
    let fixture = ClusterFixture::new().await;
    let id = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/cancel");
    let wait = [("prefer", "wait=50")];
    let body = json!({});
    let (response, status) = tokio::join!(fixture.api.post(&path, &body, &wait), async {
        while fixture.operation(id).await["status"] == "pending" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        fixture.finish(id).await
    });
    assert_eq!(response.header("preference-applied"), "wait=50");
    assert_eq!(response.body["status"], "cancelled");
    assert_eq!(status, Status::Cancelled);
    assert!(fixture.env.effects().is_empty());
}

#[tokio::test]
async fn an_unknown_operation_is_not_cancelled_or_rolled_back() {
    let fixture = ClusterFixture::new().await;
    for id in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        for verb in ["cancel", "roll_back"] {
            fixture
                .api
                .send_empty("POST", &format!("/v1/operations/{id}/{verb}"))
                .await
                .rejected(404, "not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolled_back_create_keeps_the_problem_that_blocked_it() {
    let fixture = ClusterFixture::new().await;
    let capacity = FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(100);
    fixture.env.sandbox.add_fault(capacity);
    let id = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    fixture
        .request_undo(id, "roll_back")
        .await
        .rejected(409, "operation_not_blocked");
    let blocked = fixture.env.settle(&fixture.worker, id).await;
    assert_eq!(blocked.status, Status::Blocked);
    let problem = fixture.operation(id).await["problem"].clone();
    assert_eq!(problem["code"], "capacity_unavailable");
    let rolled_back = fixture.request_undo(id, "roll_back").await;
    assert_eq!(rolled_back.accepted(), id);
    assert_eq!(rolled_back.body["status"], "rolling_back");
    assert_eq!(fixture.request_undo(id, "roll_back").await.accepted(), id);
    fixture
        .request_undo(id, "cancel")
        .await
        .rejected(409, "operation_not_cancellable");
    assert_eq!(fixture.finish(id).await, Status::Failed);
    assert_eq!(fixture.operation(id).await["problem"], problem);
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["status"], "failed");
    assert_eq!(cluster["problem"]["code"], "capacity_unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_can_be_cancelled_until_its_first_call() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let before = fixture.env.created_in_aws();
    let delete = fixture.api.delete("/v1/clusters/orders").await.accepted();
    fixture
        .request_undo(delete, "roll_back")
        .await
        .rejected(409, "operation_not_blocked");
    let cancelled = fixture.request_undo(delete, "cancel").await;
    assert_eq!(cancelled.accepted(), delete);
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!(fixture.env.created_in_aws(), before);
    assert_eq!(fixture.cluster().await["status"], "available");

    let delete = fixture.api.delete("/v1/clusters/orders").await.accepted();
    fixture.work_until_sent("dax:DeleteCluster", 1).await;
    fixture
        .request_undo(delete, "cancel")
        .await
        .rejected(409, "operation_not_cancellable");
    assert_eq!(fixture.finish(delete).await, Status::Succeeded);
}

/// A cluster with a parameter group, and a patch that replaces the group.
async fn with_parameter_group() -> (ClusterFixture, Value) {
    let request = json!({"parameters": {"record_ttl_millis": 60000}});
    let patch = json!({"parameters": {"record_ttl_millis": 1000}, "description": "new"});
    (ClusterFixture::with_cluster(&request).await, patch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_cancelled_before_its_first_change_changes_nothing() {
    let (fixture, patch) = with_parameter_group().await;
    let before = fixture.cluster().await;
    let id = fixture.patch(&patch).await.accepted();
    fixture.work_until_sent("dax:UpdateParameterGroup", 2).await;
    fixture.request_undo(id, "cancel").await.accepted();
    assert_eq!(fixture.finish(id).await, Status::Cancelled);
    let after = fixture.cluster().await;
    assert_eq!(after["desired"], before["desired"]);
    assert_eq!(after["parameter_group"], before["parameter_group"]);
    assert_eq!(after["status"], "available");
    assert_eq!(after["drift"]["fields"], json!([]));
    let mut groups = fixture.env.admin.parameter_groups().await.unwrap();
    groups.retain(|group| group.name.starts_with("dax-"));
    assert_eq!(groups.len(), 1, "{groups:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_cancelled_after_aws_applied_it_keeps_the_new_settings() {
    let (fixture, patch) = with_parameter_group().await;
    let id = fixture.patch(&patch).await.accepted();
    fixture.work_until_sent("dax:UpdateCluster", 1).await;
    fixture.request_undo(id, "cancel").await.accepted();
    assert_eq!(fixture.finish(id).await, Status::Cancelled);
    let kept = fixture.cluster().await;
    let desired = &kept["desired"];
    assert_eq!(desired["parameters"]["record_ttl_millis"], 1000, "{kept:#}");
    assert_eq!(desired["description"], "new");
    assert_eq!(kept["drift"]["fields"], json!([]));
    assert_eq!(
        kept["parameter_group"]["name"],
        kept["observed"]["parameter_group"]
    );
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
}
