//! Updates over HTTP: a merge patch changes the settings of a cluster in AWS.

use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{cluster_request, strings};
use crate::support::cluster_fixture::{ClusterFixture, names};
use crate::support::test_env::{TestEnv, instant};

const MERGE_PATCH: (&str, &str) = ("content-type", "application/merge-patch+json");

impl ClusterFixture {
    async fn patch_and_finish(&self, patch: Value) {
        self.succeeds(&self.patch(&patch).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_parameters_are_a_new_group_and_the_old_one_is_deleted() {
    let request = json!({"parameters": {"record_ttl_millis": 60000}});
    let fixture = ClusterFixture::with_cluster(&request).await;
    let before = fixture.cluster().await;
    let old = before["parameter_group"]["name"].as_str().unwrap();
    let patch = json!({"parameters": {"query_ttl_millis": 5000}, "reboot_nodes_if_needed": true});
    let accepted = fixture.patch(&patch).await;
    assert_eq!(accepted.body["kind"], "update_cluster");
    fixture.succeeds(&accepted).await;
    let after = fixture.cluster().await;
    let new = after["parameter_group"]["name"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(after["parameter_group"]["owner"], "managed");
    assert_eq!(after["observed"]["parameter_group"], new);
    assert_eq!(
        after["desired"]["parameters"],
        json!({"record_ttl_millis": 60000, "query_ttl_millis": 5000})
    );
    let admin = &fixture.env.admin;
    let values = admin.parameters(new).await.unwrap().unwrap();
    assert_eq!(values["record-ttl-millis"], "60000");
    assert_eq!(values["query-ttl-millis"], "5000");
    assert!(admin.parameter_group(old).await.unwrap().is_none());
    let path = format!("/v1/operations/{}", accepted.accepted());
    let receipt = fixture.api.get(&path).await.body["receipt"].clone();
    let states = strings(&receipt, "state");
    assert!(states.contains(&"gone"), "{receipt:#}");
    assert!(states.contains(&"present"), "{receipt:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_removed_one_by_one_and_all_together() {
    let fixture = ClusterFixture::with_cluster(&json!({
        "parameters": {"record_ttl_millis": 60000, "query_ttl_millis": 5000},
    }))
    .await;
    fixture
        .patch_and_finish(json!({"parameters": {"record_ttl_millis": null}}))
        .await;
    assert_eq!(
        fixture.cluster().await["desired"]["parameters"],
        json!({"record_ttl_millis": null, "query_ttl_millis": 5000})
    );
    fixture.patch_and_finish(json!({"parameters": null})).await;
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["desired"]["parameters"], Value::Null);
    assert_eq!(cluster["drift"]["drifted"], false);
    let group = cluster["observed"]["parameter_group"].as_str().unwrap();
    assert!(group.starts_with("default."), "{group}");
    let groups = fixture.env.admin.parameter_groups().await.unwrap();
    for group in groups {
        assert!(!group.name.starts_with("dax-"), "{}", group.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_rebooted_for_new_parameters_only_on_request() {
    let settings = aws_sandbox::Settings {
        parameter_changes_need_reboot: true,
        ..instant()
    };
    let fixture = ClusterFixture::in_env(TestEnv::with(settings).await);
    let mut body = cluster_request("orders");
    body["replication_factor"] = json!(2);
    fixture
        .succeeds(&fixture.api.post("/v1/clusters", &body, &[]).await)
        .await;
    fixture
        .patch_and_finish(json!({"parameters": {"query_ttl_millis": 5000}}))
        .await;
    let waiting = fixture.cluster().await["observed"].clone();
    let nodes = waiting["node_ids_to_reboot"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{waiting:#}");
    assert_ne!(waiting["parameter_apply_status"], "in-sync");
    assert_eq!(fixture.env.sent("dax:RebootNode"), 0);
    fixture
        .patch_and_finish(json!({"reboot_nodes_if_needed": true}))
        .await;
    assert_eq!(fixture.env.sent("dax:RebootNode"), 2);
    fixture.poll().await;
    let rebooted = fixture.cluster().await["observed"].clone();
    assert_eq!(rebooted["node_ids_to_reboot"], json!([]));
    assert_eq!(rebooted["parameter_apply_status"], "in-sync");
}

/// As AWS does: the cluster stays `available` while its nodes apply a parameter group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_ends_only_when_the_parameter_group_is_applied() {
    let settings = aws_sandbox::Settings {
        modifying_seconds: 3_600.0,
        ..instant()
    };
    let fixture = ClusterFixture::in_env(TestEnv::with(settings).await);
    let created = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    fixture.succeeds(&created).await;
    let patch = json!({"parameters": {"query_ttl_millis": 5000}});
    let id = fixture.patch(&patch).await.accepted();
    for _ in 0..40 {
        fixture.env.make_due().await;
        fixture.worker.turn().await.unwrap();
        fixture.worker.poll().await.unwrap();
    }
    let observed = fixture.cluster().await["observed"].clone();
    assert_eq!(observed["status"], "available");
    assert_eq!(observed["parameter_apply_status"], "applying");
    let waiting = fixture.env.operation(id).await;
    assert!(!waiting.status.is_finished(), "{waiting:#?}");
    fixture
        .env
        .sandbox
        .advance_clock(std::time::Duration::from_secs(3_600));
    assert_eq!(fixture.settle(id).await.status, Status::Succeeded);
    assert_eq!(
        fixture.cluster().await["observed"]["parameter_apply_status"],
        "in-sync"
    );
}

/// The ARN and the document of the only managed policy.
async fn access_policy(fixture: &ClusterFixture) -> (String, String) {
    let mut arns = names(fixture, ":policy/dax-provisioner/");
    assert_eq!(arns.len(), 1, "{arns:?}");
    let arn = arns.remove(0);
    let policy = fixture.env.admin.policy(&arn).await.unwrap().unwrap();
    (arn, policy.document)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_role_gets_a_new_policy_for_other_tables() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let (old, _) = access_policy(&fixture).await;
    let role = fixture.cluster().await["service_role"]["arn"].clone();
    fixture
        .patch_and_finish(json!({"service_role": {"tables": ["Orders", "Customers"]}}))
        .await;
    let (new, document) = access_policy(&fixture).await;
    assert_ne!(new, old);
    assert!(document.contains("table/Customers"), "{document}");
    assert!(document.contains("table/Orders"), "{document}");
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["service_role"]["arn"], role);
    let desired = &cluster["desired"]["service_role"];
    assert_eq!(desired["tables"], json!(["Orders", "Customers"]));
    let arn = role.as_str().unwrap();
    let name = arn.rsplit('/').next().unwrap();
    let admin = &fixture.env.admin;
    let attached = admin.attached_policies(name, arn).await.unwrap().unwrap();
    assert_eq!(attached.into_iter().collect::<Vec<_>>(), [new]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_role_gets_read_only_access_to_all_tables() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let role = json!({"access": "read_only", "tables": null, "all_tables": true});
    fixture
        .patch_and_finish(json!({"service_role": role}))
        .await;
    let (_, document) = access_policy(&fixture).await;
    assert!(document.contains("table/*"), "{document}");
    assert!(!document.contains("PutItem"), "{document}");
    let effects = fixture.env.effects();
    let same = json!({"access": "read_only", "all_tables": true});
    fixture
        .patch_and_finish(json!({"service_role": same}))
        .await;
    assert_eq!(fixture.env.effects(), effects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_setting_is_changed() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"description": "old", "tags": {"team": "orders", "stage": "test"}}),
    )
    .await;
    let group = fixture.env.sandbox.inventory().security_groups[0]
        .id
        .clone();
    let topic = "arn:aws:sns:us-east-1:123456789012:dax-events";
    let patch = json!({
        "description": "new", "maintenance_window": "MON:05:00-mon:06:00",
        "notification_topic_arn": topic, "security_group_ids": [group],
        "tags": {"stage": null, "owner": "me"}, "deletion_protection": true,
        "on_failure": "roll_back",
    });
    fixture.patch_and_finish(patch).await;
    let cluster = fixture.cluster().await;
    let observed = &cluster["observed"];
    assert_eq!(observed["description"], "new");
    assert_eq!(observed["maintenance_window"], "mon:05:00-mon:06:00");
    assert_eq!(observed["notification_topic_arn"], topic);
    assert_eq!(observed["security_group_ids"], json!([group]));
    let desired = &cluster["desired"];
    assert_eq!(desired["tags"], json!({"team": "orders", "owner": "me"}));
    assert_eq!(desired["deletion_protection"], true);
    assert_eq!(desired["on_failure"], "roll_back");
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    let arn = observed["arn"].as_str().unwrap();
    let tags = fixture.env.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(tags.get("stage"), None);
    assert_eq!(tags["owner"], "me");
    // `team`, `owner`, and two ownership tags.
    assert_eq!(tags.len(), 4, "{tags:?}");
    fixture
        .api
        .delete("/v1/clusters/orders")
        .await
        .rejected(409, "deletion_protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn optional_settings_are_removed_and_the_ownership_tags_stay() {
    let topic = "arn:aws:sns:us-east-1:123456789012:dax-events";
    let fixture = ClusterFixture::with_cluster(&json!({
        "description": "old", "notification_topic_arn": topic, "tags": {"team": "orders"},
        "deletion_protection": true,
    }))
    .await;
    let patch = json!({
        "description": null, "notification_topic_arn": null, "tags": null,
        "deletion_protection": false,
    });
    fixture.patch_and_finish(patch).await;
    let cluster = fixture.cluster().await;
    let observed = &cluster["observed"];
    assert_eq!(observed["description"], Value::Null, "{cluster:#}");
    assert_eq!(observed["notification_topic_arn"], Value::Null);
    assert_eq!(cluster["desired"]["description"], Value::Null);
    assert_eq!(cluster["desired"]["tags"], json!({}));
    let arn = observed["arn"].as_str().unwrap();
    let tags = fixture.env.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_is_for_the_version_that_was_read() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let patch = json!({"description": "x"});
    fixture
        .patch_with(&patch, &[MERGE_PATCH])
        .await
        .rejected(428, "precondition_required");
    let current = fixture.api.get("/v1/clusters/orders").await;
    let etag = current.header("etag").to_owned();
    for (sent, status, code) in [
        ("\"1\"", 412, "precondition_failed"),
        ("7", 422, "invalid_request"),
        ("", 422, "invalid_request"),
    ] {
        fixture
            .patch_with(&patch, &[MERGE_PATCH, ("if-match", sent)])
            .await
            .rejected(status, code);
    }
    // A proxy that compresses a response makes its entity tag weak.
    let weak = format!("W/{etag}");
    let headers = [MERGE_PATCH, ("if-match", &*weak)];
    let accepted = fixture.patch_with(&patch, &headers).await;
    fixture.succeeds(&accepted).await;
    fixture
        .patch_with(&patch, &headers)
        .await
        .rejected(412, "precondition_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_repeats_a_patch_after_the_version_has_changed() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let patch = json!({"description": "x"});
    let current = fixture.api.get("/v1/clusters/orders").await;
    let key = ("idempotency-key", "k");
    let json_type = ("content-type", "application/json; charset=utf-8");
    let headers = [json_type, ("if-match", current.header("etag")), key];
    let first = fixture.patch_with(&patch, &headers).await;
    fixture.succeeds(&first).await;
    let again = fixture.patch_with(&patch, &headers).await;
    assert_eq!(again.accepted(), first.accepted());
    let other = json!({"description": "y"});
    fixture
        .patch_with(&other, &[MERGE_PATCH, ("if-match", "*"), key])
        .await
        .rejected(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_changes_nothing_sends_nothing() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let effects = fixture.env.effects();
    fixture.patch_and_finish(json!({})).await;
    assert_eq!(fixture.env.effects(), effects);
    let headers = [MERGE_PATCH, ("if-match", "*"), ("prefer", "wait=0")];
    let response = fixture.patch_with(&json!({}), &headers).await;
    assert_eq!(response.header("preference-applied"), "wait=0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_needs_a_cluster_and_a_json_content_type() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    for media_type in ["text/plain", "application/json-patch+json", ""] {
        let headers = [("content-type", media_type), ("if-match", "*")];
        fixture
            .patch_with(&json!({"description": "x"}), &headers)
            .await
            .rejected(415, "unsupported_media_type");
    }
    let unknown = axum::http::Request::patch("/v1/clusters/unknown")
        .header(MERGE_PATCH.0, MERGE_PATCH.1)
        .body("{}".into())
        .unwrap();
    fixture.api.send(unknown).await.rejected(404, "not_found");
}
