//! Drift over HTTP: what somebody else changed is seen, told field by field, and brought back.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use serde_json::{Value, json};

use crate::support::cluster_fixture::ClusterFixture;

async fn drift(house: &ClusterFixture) -> Value {
    let read = house.api.get("/v1/clusters/orders/drift").await;
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(
        house.cluster().await["drift"],
        read.body,
        "the view of the cluster shows the same"
    );
    read.body
}

fn fields(drift: &Value) -> BTreeSet<&str> {
    drift["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["field"].as_str().unwrap())
        .collect()
}

/// Changes everything that somebody else can change.
async fn meddle(house: &ClusterFixture, arn: &str) {
    let tags = BTreeMap::from([
        ("team".to_owned(), "billing".to_owned()),
        ("cost".to_owned(), "7".to_owned()),
    ]);
    house
        .admin(&Mutation::TagCluster {
            arn: arn.to_owned(),
            tags,
        })
        .await;
    let update = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("theirs".to_owned()),
        maintenance_window: Some("mon:05:00-mon:06:00".to_owned()),
        notification_topic_arn: Some("arn:aws:sns:us-east-1:123456789012:theirs".to_owned()),
        parameter_group: Some("default.dax1.0".to_owned()),
        ..ClusterUpdate::default()
    };
    house
        .admin(&Mutation::UpdateCluster(Box::new(update)))
        .await;
    let more = Mutation::IncreaseReplicationFactor {
        name: "orders".to_owned(),
        count: 2,
        availability_zones: Vec::new(),
    };
    house.admin(&more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_changed_is_seen_and_repaired() {
    let house = ClusterFixture::with_cluster(&json!({
        "parameters": {"record_ttl_millis": 60000}, "description": "ours", "tags": {"team": "orders"},
        "maintenance_window": "sun:05:00-sun:06:00",
    }))
    .await;
    house.poll().await;
    let at_rest = drift(&house).await;
    assert_eq!(
        (&at_rest["drifted"], &at_rest["fields"]),
        (&json!(false), &json!([]))
    );
    assert!(at_rest["observed_at"].is_string());

    let cluster = house.cluster().await;
    let group = cluster["parameter_group"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = cluster["observed"]["arn"].as_str().unwrap().to_owned();
    meddle(&house, &arn).await;
    let version = house.cluster().await["version"].clone();
    house.poll().await;
    let drifted = drift(&house).await;
    let expected = [
        "description",
        "maintenance_window",
        "notification_topic_arn",
        "parameter_group",
        "parameters.record_ttl_millis",
        "replication_factor",
        "tags.team",
    ];
    assert_eq!(fields(&drifted), expected.into(), "{drifted:#}");
    assert_eq!(drifted["drifted"], true);
    assert!(
        drifted["fields"]
            .as_array()
            .unwrap()
            .iter()
            .all(|field| field["repairable"] == true)
    );
    let topic = drifted["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["field"] == "notification_topic_arn")
        .unwrap();
    assert_eq!(
        (
            &topic["desired"],
            topic["observed"].as_str().unwrap().ends_with(":theirs")
        ),
        (&Value::Null, true)
    );
    assert_ne!(
        house.cluster().await["version"],
        version,
        "a reader can see it, so the version is another"
    );

    let accepted = house.api.send_empty("POST", "/v1/clusters/orders/repair").await;
    assert_eq!(accepted.body["kind"], "repair_cluster");
    assert_eq!(
        drift(&house).await["drifted"],
        false,
        "nothing is claimed while an operation works"
    );
    house.succeeds(&accepted).await;
    house.poll().await;
    let repaired = drift(&house).await;
    assert_eq!(repaired["drifted"], false, "{repaired:#}");
    let cluster = house.cluster().await;
    assert_eq!(cluster["observed"]["description"], "ours");
    assert_eq!(
        cluster["observed"]["parameter_group"], group,
        "the group of ours is as it was, and is used again"
    );
    let tags = house.env.admin.cluster_tags(&arn).await.unwrap().unwrap();
    assert_eq!(
        (tags["team"].as_str(), tags["cost"].as_str()),
        ("orders", "7"),
        "what others added stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_of_what_has_not_drifted_finds_nothing_to_do() {
    let house = ClusterFixture::with_cluster(
        &json!({"parameters": {"record_ttl_millis": 60000}, "tags": {"a": "b"}}),
    )
    .await;
    let calls = house.env.effects();
    house
        .succeeds(&house.post("repair", &json!({})).await)
        .await;
    assert_eq!(house.env.effects(), calls);
    house
        .post("repair", &json!({"force": true}))
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_were_left_to_aws_do_not_drift() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let update = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("theirs".to_owned()),
        maintenance_window: Some("mon:05:00-mon:06:00".to_owned()),
        ..ClusterUpdate::default()
    };
    house
        .admin(&Mutation::UpdateCluster(Box::new(update)))
        .await;
    house.poll().await;
    let drifted = drift(&house).await;
    assert_eq!(drifted["fields"], json!([]), "{drifted:#}");
    assert_eq!(house.cluster().await["observed"]["description"], "theirs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_somebody_else_deleted_has_drifted_for_good() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    house
        .admin(&Mutation::DeleteCluster {
            name: "orders".to_owned(),
        })
        .await;
    house.poll().await;
    let drifted = drift(&house).await;
    assert_eq!(fields(&drifted), ["cluster"].into(), "{drifted:#}");
    assert_eq!(drifted["fields"][0]["repairable"], false);
    let repair = house
        .api
        .send_empty("POST", "/v1/clusters/orders/repair")
        .await
        .accepted();
    let ended = house.settle(repair).await;
    assert_eq!(ended.status.as_str(), "failed", "{ended:#?}");
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_being_made_has_not_drifted() {
    let house = ClusterFixture::new().await;
    let create = house
        .api
        .post("/v1/clusters", &crate::support::api::cluster_request("orders"), &[])
        .await;
    for _ in 0..40 {
        let drifted = drift(&house).await;
        assert_eq!(drifted["drifted"], false, "{drifted:#}");
        if house.cluster().await["status"] == "available" {
            break;
        }
        house.env.make_due().await;
        house.worker.turn().await.unwrap();
    }
    house.succeeds(&create).await;
    assert_eq!(drift(&house).await["drifted"], false);
    for nothing in ["nothing", "a%20b"] {
        house
            .api
            .get(&format!("/v1/clusters/{nothing}/drift"))
            .await
            .rejected(404, "not_found");
    }
    house
        .api
        .get("/v1/clusters/orders/drift?deep=1")
        .await
        .rejected(422, "invalid_request");
}
