//! Adoption over HTTP: an existing cluster becomes managed, is changed, and is released.

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::INSTALLATION_TAG;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{cluster_request, strings};
use crate::support::cluster_fixture::ClusterFixture;

/// Adopts the cluster `orders`.
async fn adopt(fixture: &ClusterFixture) {
    let path = "/v1/clusters/orders/adopt";
    let accepted = fixture.api.send_empty("POST", path).await;
    assert_eq!(accepted.body["kind"], "adopt_cluster");
    fixture.succeeds(&accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_cluster_has_the_settings_found_in_aws() {
    let fixture = ClusterFixture::new().await;
    fixture
        .create_foreign_cluster("orders", &[("team", "billing")])
        .await;
    adopt(&fixture).await;
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["status"], "available");
    let desired = &cluster["desired"];
    assert_eq!(desired["node_type"], "dax.r5.large");
    assert_eq!(desired["replication_factor"], 2);
    assert_eq!(desired["description"], "created by hand");
    assert_eq!(desired["tags"], json!({"team": "billing"}));
    assert_eq!(desired["encryption_at_rest"], true);
    assert_eq!(desired["encryption_in_transit"], false);
    assert_eq!(
        desired["service_role"]["arn"],
        "arn:aws:iam::123456789012:role/service-role/DAXServiceRole"
    );
    assert_eq!(desired["maintenance_window"], "sun:05:00-sun:06:00");
    for part in ["service_role", "subnet_group", "parameter_group"] {
        assert_eq!(cluster[part]["owner"], "external", "{part}: {cluster:#}");
    }
    let url = cluster["endpoint"]["url"].as_str().unwrap();
    assert_eq!(url.split(':').next(), Some("dax"));
    fixture.poll().await;
    assert_eq!(fixture.cluster().await["drift"]["fields"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_only_adds_the_ownership_tags() {
    let fixture = ClusterFixture::new().await;
    fixture
        .create_foreign_cluster("orders", &[("team", "billing")])
        .await;
    let before = fixture.env.sandbox.inventory();
    adopt(&fixture).await;
    let mut after = fixture.env.sandbox.inventory();
    let tags = &mut after.clusters[0].tags;
    let count = tags.len();
    tags.retain(|key, _| !key.starts_with("dax-provisioner:"));
    assert_eq!(count - tags.len(), 2);
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_cluster_is_changed_and_released() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    adopt(&fixture).await;
    let patch = json!({"description": "adopted", "parameters": {"query_ttl_millis": 1000}});
    fixture.succeeds(&fixture.patch(&patch).await).await;
    let scale = json!({"replication_factor": 3});
    fixture.succeeds(&fixture.post("scale", &scale).await).await;
    let changed = fixture.cluster().await;
    let group = &changed["parameter_group"];
    assert_eq!(group["owner"], "managed", "{changed:#}");
    let before = fixture.env.sandbox.inventory();
    let path = "/v1/clusters/orders/release";
    let released = fixture.api.send_empty("POST", path).await;
    fixture.succeeds(&released).await;
    let after = fixture.env.sandbox.inventory();
    assert_eq!(after, before, "a release changes nothing in AWS");
    fixture
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_difference_from_the_expected_settings_is_reported() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    let before = fixture.env.sandbox.inventory();
    let expected = json!({"expected": {
        "node_type": "dax.r5.xlarge", "replication_factor": 3, "subnet_group": "DEFAULT",
        "service_role_arn": "arn:aws:iam::123456789012:role/other", "parameter_group": "mine",
        "security_group_ids": ["sg-0a1b2c3d"],
        "encryption_at_rest": false, "encryption_in_transit": true,
        "maintenance_window": "SUN:05:00-SUN:06:00", "description": "", "network_type": "ipv6",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:x",
    }});
    let response = fixture.post("adopt", &expected).await;
    let differences = &response.rejected(409, "resource_conflict")["differences"];
    let mut fields = strings(differences, "field");
    fields.sort_unstable();
    let different = [
        "description",
        "encryption_at_rest",
        "encryption_in_transit",
        "network_type",
        "node_type",
        "notification_topic_arn",
        "parameter_group",
        "replication_factor",
        "security_group_ids",
        "service_role_arn",
    ];
    assert_eq!(fields, different);
    let mut differences = differences.as_array().unwrap().iter();
    let nodes = differences
        .find(|difference| difference["field"] == "replication_factor")
        .unwrap();
    assert_eq!(nodes["expected"], "3");
    assert_eq!(nodes["found"], "2");
    fixture
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert_eq!(fixture.env.sandbox.inventory(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_with_the_right_expectations_has_the_requested_options() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    let group = fixture.env.sandbox.inventory().clusters[0].security_group_ids[0].clone();
    let body = json!({"expected": {
        "node_type": "dax.r5.large", "replication_factor": 2, "security_group_ids": [group],
        "description": "created by hand",
        "encryption_at_rest": true, "encryption_in_transit": false,
    }, "deletion_protection": true, "on_failure": "roll_back"});
    fixture.succeeds(&fixture.post("adopt", &body).await).await;
    let desired = fixture.cluster().await["desired"].clone();
    assert_eq!(desired["deletion_protection"], true);
    assert_eq!(desired["on_failure"], "roll_back");
    fixture
        .post("adopt", &body)
        .await
        .rejected(409, "cluster_exists");
    fixture
        .api
        .delete("/v1/clusters/orders")
        .await
        .rejected(409, "deletion_protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_does_not_exist_is_not_adopted() {
    let fixture = ClusterFixture::new().await;
    let missing = fixture.post("adopt", &json!({})).await;
    let problem = missing.rejected(404, "not_found");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("AWS has no cluster") && detail.contains("us-east-1"),
        "{detail}"
    );
    fixture
        .api
        .send_empty("POST", "/v1/clusters/1a/adopt")
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_with_an_invalid_body_is_rejected() {
    let fixture = ClusterFixture::new().await;
    let body = json!({
        "expected": {"nodes": 1, "replication_factor": "2"}, "on_failure": "x", "b": 1,
    });
    let response = fixture.post("adopt", &body).await;
    response.rejected(422, "invalid_request");
    let violations = [
        ("/b", "unknown_field"),
        ("/expected/nodes", "unknown_field"),
        ("/expected/replication_factor", "wrong_type"),
        ("/on_failure", "unknown_value"),
    ];
    assert_eq!(response.violations(), violations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_another_installation_or_one_being_deleted_is_not_adopted() {
    let fixture = ClusterFixture::new().await;
    fixture
        .create_foreign_cluster("orders", &[(INSTALLATION_TAG, "another")])
        .await;
    let response = fixture.post("adopt", &json!({})).await;
    let differences = &response.rejected(409, "resource_conflict")["differences"];
    assert_eq!(differences[0]["field"], INSTALLATION_TAG);
    let name = "orders".to_owned();
    fixture.admin(&Mutation::DeleteCluster { name }).await;
    let status = fixture.post("adopt", &json!({})).await.status;
    assert!(matches!(status.as_u16(), 404 | 409), "{status}");
    assert_eq!(fixture.env.sent("dax:TagResource"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_without_permission_to_read_is_a_problem_with_a_policy() {
    let fixture = ClusterFixture::new().await;
    fixture.env.grant_all_except("dax:DescribeClusters");
    let response = fixture.post("adopt", &json!({})).await;
    let problem = response.rejected(502, "permission_missing");
    assert_eq!(problem["aws"]["action"], "dax:DescribeClusters");
    assert!(problem["hints"][0]["policy"].is_object(), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_of_an_existing_cluster_returns_the_request_that_adopts_it() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    let create = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(fixture.settle(create).await.status, Status::Failed);
    let failed = fixture
        .api
        .get(&format!("/v1/operations/{create}"))
        .await
        .body;
    let problem = &failed["problem"];
    assert_eq!(problem["code"], "cluster_exists_in_aws", "{failed:#}");
    let fields = strings(&problem["differences"], "field");
    assert!(fields.contains(&"node_type"), "{fields:?}");
    assert!(fields.contains(&"replication_factor"), "{fields:?}");
    let resolution = &problem["resolution"];
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["problem"]["resolution"], *resolution);
    assert_eq!(resolution["method"], "POST");
    let path = "/v1/clusters/orders/adopt?target=default";
    assert_eq!(resolution["path"], path);

    let adopted = fixture.api.post(path, &resolution["body"], &[]).await;
    fixture.succeeds(&adopted).await;
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["status"], "available");
    assert_eq!(cluster["problem"], Value::Null);
    assert_eq!(cluster["desired"]["node_type"], "dax.r5.large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_adoption_leaves_no_ownership_tags() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    let before = fixture.env.sandbox.inventory();
    let id = fixture
        .api
        .send_empty("POST", "/v1/clusters/orders/adopt")
        .await
        .accepted();
    while fixture.env.sent("dax:TagResource") == 0 {
        fixture.env.one_turn(&fixture.worker).await;
    }
    fixture
        .api
        .send_empty("POST", &format!("/v1/operations/{id}/cancel"))
        .await
        .accepted();
    assert_eq!(fixture.settle(id).await.status, Status::Cancelled);
    assert_eq!(fixture.env.sandbox.inventory(), before);
    fixture
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    adopt(&fixture).await;
}
