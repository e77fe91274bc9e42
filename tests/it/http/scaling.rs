//! Scaling, reboots and releases over HTTP.

use std::collections::BTreeSet;

use dax_provisioner::domain::mutation::Mutation;
use serde_json::{Value, json};

use crate::support::api::{ApiResponse, cluster_request, strings};
use crate::support::cluster_fixture::ClusterFixture;

async fn node_ids(fixture: &ClusterFixture) -> Vec<String> {
    let cluster = fixture.cluster().await;
    let ids = strings(&cluster["observed"]["nodes"], "node_id");
    ids.into_iter().map(str::to_owned).collect()
}

/// Checks that each body is rejected with exactly these violations.
async fn check_rejections(
    fixture: &ClusterFixture,
    verb: &str,
    cases: Vec<(Value, Vec<(&str, &str)>)>,
) {
    for (body, violations) in cases {
        let response = fixture.post(verb, &body).await;
        response.rejected(422, "invalid_request");
        assert_eq!(response.violations(), violations, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_nodes_are_created_in_the_requested_zones() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let grow = json!({"replication_factor": 3, "availability_zones": ["us-east-1b", "us-east-1b"]});
    let accepted = fixture.post("scale", &grow).await;
    assert_eq!(accepted.body["kind"], "scale_cluster");
    let updating = fixture.cluster().await;
    assert_eq!(updating["status"], "updating");
    assert_eq!(updating["desired"]["replication_factor"], 3);
    assert_eq!(updating["drift"]["drifted"], false);
    fixture.succeeds(&accepted).await;
    let grown = fixture.cluster().await;
    assert_eq!(grown["status"], "available");
    assert_eq!(grown["drift"]["drifted"], false);
    let mut zones = strings(&grown["observed"]["nodes"], "availability_zone");
    zones.retain(|zone| *zone == "us-east-1b");
    assert_eq!(zones.len(), 2, "{grown:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_named_node_is_removed() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let ids = node_ids(&fixture).await;
    let removed = [ids[1].to_uppercase()];
    let shrink = json!({"replication_factor": 2, "node_ids_to_remove": removed});
    fixture
        .succeeds(&fixture.post("scale", &shrink).await)
        .await;
    let left = node_ids(&fixture).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.contains(&ids[1]), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scale_to_the_current_number_sends_nothing() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 2})).await;
    let scale = json!({"replication_factor": 2});
    fixture.succeeds(&fixture.post("scale", &scale).await).await;
    assert_eq!(fixture.env.sent("dax:IncreaseReplicationFactor"), 0);
    assert_eq!(fixture.env.sent("dax:DecreaseReplicationFactor"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_number_of_nodes_or_zones_is_rejected() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let zones = ["us-east-1a", "eu-west-1a", "US"];
    let cases = vec![
        (json!({}), vec![("/replication_factor", "required")]),
        (json!([]), vec![("", "wrong_type")]),
        (
            json!({"replication_factor": 0}),
            vec![("/replication_factor", "out_of_range")],
        ),
        (
            json!({"replication_factor": 12, "colour": 1}),
            vec![
                ("/colour", "unknown_field"),
                ("/replication_factor", "out_of_range"),
            ],
        ),
        (
            json!({"replication_factor": 5, "availability_zones": zones}),
            vec![
                ("/availability_zones", "out_of_range"),
                ("/availability_zones/1", "invalid_format"),
                ("/availability_zones/2", "invalid_format"),
            ],
        ),
        (
            json!({"replication_factor": 3, "availability_zones": ["us-east-1a"]}),
            vec![("/availability_zones", "out_of_range")],
        ),
    ];
    check_rejections(&fixture, "scale", cases).await;
    assert_eq!(fixture.env.sent("dax:IncreaseReplicationFactor"), 0);
    let one = json!({"replication_factor": 1});
    fixture
        .api
        .post("/v1/clusters/unknown/scale", &one, &[])
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_nodes_to_remove_are_rejected() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let id = node_ids(&fixture).await[0].clone();
    let zones = ["us-east-1a"];
    let cases = vec![
        (
            json!({"replication_factor": 5, "node_ids_to_remove": [id]}),
            vec![("/node_ids_to_remove", "not_applicable")],
        ),
        (
            json!({"replication_factor": 1, "node_ids_to_remove": [id]}),
            vec![("/node_ids_to_remove", "out_of_range")],
        ),
        (
            json!({"replication_factor": 1, "node_ids_to_remove": [id, id]}),
            vec![("/node_ids_to_remove/1", "duplicate")],
        ),
        (
            json!({"replication_factor": 1, "node_ids_to_remove": ["orders-z", "a b"]}),
            vec![
                ("/node_ids_to_remove/0", "unknown_node"),
                ("/node_ids_to_remove/1", "invalid_format"),
            ],
        ),
        (
            json!({
                "replication_factor": 2, "node_ids_to_remove": [id], "availability_zones": zones,
            }),
            vec![("/node_ids_to_remove", "exclusive")],
        ),
    ];
    check_rejections(&fixture, "scale", cases).await;
    assert_eq!(fixture.env.sent("dax:DecreaseReplicationFactor"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reboot_is_for_all_nodes_or_the_named_ones() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let ids = node_ids(&fixture).await;
    let path = "/v1/clusters/orders/reboot";
    let all = fixture.api.send_empty("POST", path).await;
    assert_eq!(all.body["kind"], "reboot_nodes");
    fixture.succeeds(&all).await;
    assert_eq!(fixture.env.sent("dax:RebootNode"), 3);
    let named = json!({"node_ids": [ids[2], ids[0].to_uppercase()]});
    fixture
        .succeeds(&fixture.post("reboot", &named).await)
        .await;
    assert_eq!(fixture.env.sent("dax:RebootNode"), 5);
    let empty = fixture.api.post_bytes(path, Vec::new(), &[]).await;
    fixture.succeeds(&empty).await;
    assert_eq!(fixture.env.sent("dax:RebootNode"), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_reboot_is_rejected() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let id = node_ids(&fixture).await[0].clone();
    let cases = vec![
        (json!({"node_ids": []}), vec![("/node_ids", "out_of_range")]),
        (json!({"node_ids": null}), vec![("/node_ids", "wrong_type")]),
        (
            json!({"node_ids": ["x", id, id], "all": true}),
            vec![
                ("/all", "unknown_field"),
                ("/node_ids/0", "unknown_node"),
                ("/node_ids/2", "duplicate"),
            ],
        ),
    ];
    check_rejections(&fixture, "reboot", cases).await;
    let path = "/v1/clusters/orders/reboot";
    fixture
        .api
        .post_bytes(path, b"{".to_vec(), &[])
        .await
        .rejected(400, "invalid_request");
    let without_type = axum::http::Request::post(path)
        .body(axum::body::Body::from("{}"))
        .unwrap();
    fixture
        .api
        .send(without_type)
        .await
        .rejected(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_rejected_while_another_one_is_in_progress() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let scale = json!({"replication_factor": 2});
    let id = fixture.post("scale", &scale).await.accepted();
    for (verb, body) in [
        ("scale", json!({"replication_factor": 9})),
        ("reboot", json!({})),
        ("repair", json!({})),
        ("release", json!({})),
        ("adopt", json!({})),
    ] {
        let response = fixture.post(verb, &body).await;
        let problem = response.rejected(409, "operation_in_progress");
        assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
        assert!(response.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    fixture
        .patch(&json!({}))
        .await
        .rejected(409, "operation_in_progress");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_repeats_a_change_even_after_it_has_finished() {
    let fixture = ClusterFixture::with_cluster(&json!({"replication_factor": 2})).await;
    let id = node_ids(&fixture).await[0].clone();
    let shrink = json!({"replication_factor": 1, "node_ids_to_remove": [id]});
    let key = [("idempotency-key", "shrink"), ("x-request-id", "portal-9")];
    let path = "/v1/clusters/orders/scale";
    let responses =
        futures_util::future::join_all((0..8).map(|_| fixture.api.post(path, &shrink, &key))).await;
    let ids: BTreeSet<_> = responses.iter().map(ApiResponse::accepted).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(responses[0].body["request_id"], "portal-9");
    fixture.succeeds(&responses[0]).await;
    // The node is gone, so the same request is only valid with its key.
    let again = fixture.api.post(path, &shrink, &key).await;
    assert_eq!(again.accepted(), responses[0].accepted());
    fixture
        .post("scale", &shrink)
        .await
        .rejected(422, "invalid_request");
    fixture
        .api
        .post(path, &json!({"replication_factor": 5}), &key)
        .await
        .rejected(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_create_failed_cannot_be_changed() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    let create = fixture
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    fixture.settle(create).await;
    for (verb, body) in [
        ("scale", json!({"replication_factor": 2})),
        ("reboot", json!({})),
        ("repair", json!({})),
        ("release", json!({})),
    ] {
        fixture
            .post(verb, &body)
            .await
            .rejected(409, "cluster_failed");
    }
    fixture
        .patch(&json!({}))
        .await
        .rejected(409, "cluster_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_changes_nothing_in_aws() {
    let fixture = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    let before = fixture.env.created_in_aws();
    let effects = fixture.env.effects();
    fixture
        .post("release", &json!({"really": true}))
        .await
        .rejected(422, "invalid_request");
    let path = "/v1/clusters/orders/release";
    let accepted = fixture.api.send_empty("POST", path).await;
    fixture.succeeds(&accepted).await;
    fixture
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert_eq!(fixture.env.created_in_aws(), before);
    assert_eq!(fixture.env.effects(), effects);
    let operation = format!("/v1/operations/{}", accepted.accepted());
    let receipt = fixture.api.get(&operation).await.body["receipt"].clone();
    let states = strings(&receipt, "state");
    assert!(states.iter().all(|state| *state == "left"), "{receipt:#}");
    fixture.worker.sweep().await.unwrap();
    assert_eq!(fixture.env.created_in_aws(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_cluster_is_adopted_again_with_external_resources() {
    let fixture = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    let before = fixture.env.created_in_aws();
    for verb in ["release", "adopt"] {
        let path = format!("/v1/clusters/orders/{verb}");
        let accepted = fixture.api.send_empty("POST", &path).await;
        fixture.succeeds(&accepted).await;
    }
    let cluster = fixture.cluster().await;
    assert_eq!(cluster["service_role"]["owner"], "external", "{cluster:#}");
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    let left = fixture.env.created_in_aws();
    assert_eq!(left.len() + 1, before.len(), "{left:?}");
    assert!(!left.iter().any(|arn| arn.contains(":cache/")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scale_counts_nodes_added_outside_this_service() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let more = Mutation::IncreaseReplicationFactor {
        name: "orders".to_owned(),
        count: 3,
        availability_zones: Vec::new(),
    };
    fixture.admin(&more).await;
    fixture.poll().await;
    let drift = fixture.api.get("/v1/clusters/orders/drift").await.body;
    let field = json!({
        "field": "replication_factor", "desired": "1", "observed": "3", "repairable": true,
    });
    assert_eq!(drift["fields"][0], field);
    let scale = json!({"replication_factor": 4, "availability_zones": ["us-east-1a"]});
    fixture.succeeds(&fixture.post("scale", &scale).await).await;
    assert_eq!(node_ids(&fixture).await.len(), 4);
}
