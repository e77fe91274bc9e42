//! Drift over HTTP: changes made outside this service are reported by field, and repaired.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use dax_provisioner::domain::validation::typed::TopicArn;
use serde_json::{Value, json};

use crate::support::api::{cluster_request, strings};
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::requests::window;

/// The drift of the cluster. The cluster itself must show the same drift.
async fn drift(fixture: &ClusterFixture) -> Value {
    let response = fixture.api.get("/v1/clusters/orders/drift").await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(fixture.cluster().await["drift"], response.body);
    response.body
}

fn fields(drift: &Value) -> BTreeSet<&str> {
    strings(&drift["fields"], "field").into_iter().collect()
}

/// Changes every setting that can be changed, as the account's administrator.
async fn change_everything(fixture: &ClusterFixture, arn: &str) {
    let tags = BTreeMap::from([
        ("team".to_owned(), "billing".to_owned()),
        ("cost".to_owned(), "7".to_owned()),
    ]);
    fixture
        .admin(&Mutation::TagCluster {
            arn: arn.to_owned(),
            tags,
        })
        .await;
    let update = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("foreign".to_owned()),
        maintenance_window: window("mon:05:00-mon:06:00"),
        notification_topic_arn: Some(TopicArn::from_aws(
            "arn:aws:sns:us-east-1:123456789012:foreign",
        )),
        parameter_group: Some("default.dax1.0".to_owned()),
        ..ClusterUpdate::default()
    };
    fixture
        .admin(&Mutation::UpdateCluster(Box::new(update)))
        .await;
    let more = Mutation::IncreaseReplicationFactor {
        name: "orders".to_owned(),
        count: 2,
        availability_zones: Vec::new(),
    };
    fixture.admin(&more).await;
}

/// A cluster in which every setting was changed after the request, and its representation before
/// these changes.
async fn with_foreign_changes() -> (ClusterFixture, Value) {
    let fixture = ClusterFixture::with_cluster(&json!({
        "parameters": {"record_ttl_millis": 60000}, "description": "desired",
        "tags": {"team": "orders"}, "maintenance_window": "sun:05:00-sun:06:00",
    }))
    .await;
    fixture.poll().await;
    drift(&fixture).await;
    let before = fixture.cluster().await;
    change_everything(&fixture, before["observed"]["arn"].as_str().unwrap()).await;
    fixture.poll().await;
    assert_ne!(fixture.cluster().await["version"], before["version"]);
    (fixture, before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_foreign_change_is_reported_by_field() {
    let (fixture, before) = with_foreign_changes().await;
    assert_eq!(before["drift"]["drifted"], false);
    assert_eq!(before["drift"]["fields"], json!([]));
    assert!(before["drift"]["observed_at"].is_string());

    let after = drift(&fixture).await;
    let expected = [
        "description",
        "maintenance_window",
        "notification_topic_arn",
        "parameter_group",
        "parameters.record_ttl_millis",
        "replication_factor",
        "tags.team",
    ];
    assert_eq!(fields(&after), expected.into(), "{after:#}");
    assert_eq!(after["drifted"], true);
    let fields = after["fields"].as_array().unwrap();
    for field in fields {
        assert_eq!(field["repairable"], true, "{field:#}");
    }
    let topic = fields
        .iter()
        .find(|field| field["field"] == "notification_topic_arn")
        .unwrap();
    assert_eq!(topic["desired"], Value::Null);
    let observed = topic["observed"].as_str().unwrap();
    assert!(observed.ends_with(":foreign"), "{observed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_restores_the_desired_settings_and_keeps_foreign_tags() {
    let (fixture, before) = with_foreign_changes().await;
    let path = "/v1/clusters/orders/repair";
    let accepted = fixture.api.send_empty("POST", path).await;
    assert_eq!(accepted.body["kind"], "repair_cluster");
    assert_eq!(
        drift(&fixture).await["drifted"],
        false,
        "drift is not reported while an operation is in progress"
    );
    fixture.succeeds(&accepted).await;
    fixture.poll().await;
    let repaired = drift(&fixture).await;
    assert_eq!(repaired["drifted"], false, "{repaired:#}");
    let observed = fixture.cluster().await["observed"].clone();
    assert_eq!(observed["description"], "desired");
    assert_eq!(
        observed["parameter_group"], before["parameter_group"]["name"],
        "the managed parameter group is used again"
    );
    let arn = observed["arn"].as_str().unwrap();
    let tags = fixture.env.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(tags["team"], "orders");
    assert_eq!(tags["cost"], "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_without_drift_changes_nothing() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"parameters": {"record_ttl_millis": 60000}, "tags": {"a": "b"}}),
    )
    .await;
    let calls = fixture.env.effects();
    fixture
        .succeeds(&fixture.post("repair", &json!({})).await)
        .await;
    assert_eq!(fixture.env.effects(), calls);
    fixture
        .post("repair", &json!({"force": true}))
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_the_request_did_not_set_do_not_drift() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let update = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("foreign".to_owned()),
        maintenance_window: window("mon:05:00-mon:06:00"),
        ..ClusterUpdate::default()
    };
    fixture
        .admin(&Mutation::UpdateCluster(Box::new(update)))
        .await;
    fixture.poll().await;
    let drifted = drift(&fixture).await;
    assert_eq!(drifted["fields"], json!([]), "{drifted:#}");
    assert_eq!(
        fixture.cluster().await["observed"]["description"],
        "foreign"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_deleted_outside_this_service_cannot_be_repaired() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    fixture
        .admin(&Mutation::DeleteCluster {
            name: "orders".to_owned(),
        })
        .await;
    fixture.poll().await;
    let drifted = drift(&fixture).await;
    assert_eq!(fields(&drifted), ["cluster"].into(), "{drifted:#}");
    assert_eq!(drifted["fields"][0]["repairable"], false);
    let repair = fixture
        .api
        .send_empty("POST", "/v1/clusters/orders/repair")
        .await
        .accepted();
    let ended = fixture.settle(repair).await;
    assert_eq!(ended.status.as_str(), "failed", "{ended:#?}");
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_being_created_has_no_drift() {
    let fixture = ClusterFixture::new().await;
    let create = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    for _ in 0..40 {
        let drifted = drift(&fixture).await;
        assert_eq!(drifted["drifted"], false, "{drifted:#}");
        if fixture.cluster().await["status"] == "available" {
            break;
        }
        fixture.env.make_due().await;
        fixture.worker.turn().await.unwrap();
    }
    fixture.succeeds(&create).await;
    assert_eq!(drift(&fixture).await["drifted"], false);
    for name in ["unknown", "a%20b"] {
        fixture
            .api
            .get(&format!("/v1/clusters/{name}/drift"))
            .await
            .rejected(404, "not_found");
    }
    fixture
        .api
        .get("/v1/clusters/orders/drift?deep=1")
        .await
        .rejected(422, "invalid_request");
}
