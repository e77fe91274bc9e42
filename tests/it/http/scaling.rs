//! Scaling, reboots and releases over HTTP.

use dax_provisioner::domain::mutation::Mutation;
use serde_json::{Value, json};

use crate::support::cluster_fixture::ClusterFixture;
use crate::support::test_env::TestEnv;

fn node_ids(cluster: &Value) -> Vec<String> {
    let nodes = cluster["observed"]["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| node["node_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_grows_where_it_is_told_and_shrinks_by_the_nodes_named() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let grow = json!({"replication_factor": 3, "availability_zones": ["us-east-1b", "us-east-1b"]});
    let accepted = house.post("scale", &grow).await;
    assert_eq!(accepted.body["kind"], "scale_cluster");
    let working = house.cluster().await;
    assert_eq!(
        (
            &working["status"],
            &working["desired"]["replication_factor"]
        ),
        (&json!("updating"), &json!(3))
    );
    assert_eq!(
        working["drift"]["drifted"], false,
        "what is being done is no drift"
    );
    house.succeeds(&accepted).await;
    let grown = house.cluster().await;
    assert_eq!(
        (&grown["status"], &grown["drift"]["drifted"]),
        (&json!("available"), &json!(false))
    );
    let nodes = grown["observed"]["nodes"].as_array().unwrap();
    assert_eq!(
        nodes
            .iter()
            .filter(|node| node["availability_zone"] == "us-east-1b")
            .count(),
        2,
        "{nodes:?}"
    );

    let named = node_ids(&grown)[1].to_uppercase();
    let shrink = json!({"replication_factor": 2, "node_ids_to_remove": [named]});
    house.succeeds(&house.post("scale", &shrink).await).await;
    let left = node_ids(&house.cluster().await);
    assert!(
        left.len() == 2 && !left.contains(&node_ids(&grown)[1]),
        "{left:?}"
    );

    // The number there is already: nothing is sent.
    let calls = house.env.sent("dax:IncreaseReplicationFactor")
        + house.env.sent("dax:DecreaseReplicationFactor");
    house
        .succeeds(&house.post("scale", &json!({"replication_factor": 2})).await)
        .await;
    let again = house.env.sent("dax:IncreaseReplicationFactor")
        + house.env.sent("dax:DecreaseReplicationFactor");
    assert_eq!((calls, again), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_number_of_nodes_or_zones_is_refused_with_every_fault() {
    let house = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let id = node_ids(&house.cluster().await)[0].clone();
    let cases = [
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
            json!({"replication_factor": 5, "availability_zones": ["us-east-1a", "eu-west-1a", "US"]}),
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
            json!({"replication_factor": 2, "node_ids_to_remove": [id], "availability_zones": ["us-east-1a"]}),
            vec![("/node_ids_to_remove", "exclusive")],
        ),
    ];
    for (body, faults) in cases {
        let refused = house.post("scale", &body).await;
        refused.rejected(422, "invalid_request");
        assert_eq!(refused.violations(), faults, "{body}");
    }
    assert_eq!(house.env.sent("dax:IncreaseReplicationFactor"), 0);
    house
        .api
        .post(
            "/v1/clusters/nothing/scale",
            &json!({"replication_factor": 1}),
            &[],
        )
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_rebooted_one_after_another() {
    let house = ClusterFixture::with_cluster(&json!({"replication_factor": 3})).await;
    let ids = node_ids(&house.cluster().await);
    let path = "/v1/clusters/orders/reboot";
    // No body and no Content-Type; an empty object; nodes by name.
    house.succeeds(&house.api.send_empty("POST", path).await).await;
    assert_eq!(house.env.sent("dax:RebootNode"), 3);
    let last = house
        .post(
            "reboot",
            &json!({"node_ids": [ids[2], ids[0].to_uppercase()]}),
        )
        .await;
    assert_eq!(last.body["kind"], "reboot_nodes");
    house.succeeds(&last).await;
    assert_eq!(house.env.sent("dax:RebootNode"), 5);
    let cases = [
        (json!({"node_ids": []}), vec![("/node_ids", "out_of_range")]),
        (json!({"node_ids": null}), vec![("/node_ids", "wrong_type")]),
        (
            json!({"node_ids": ["x", ids[0], ids[0]], "all": true}),
            vec![
                ("/all", "unknown_field"),
                ("/node_ids/0", "unknown_node"),
                ("/node_ids/2", "duplicate"),
            ],
        ),
    ];
    for (body, faults) in cases {
        let refused = house.post("reboot", &body).await;
        refused.rejected(422, "invalid_request");
        assert_eq!(refused.violations(), faults, "{body}");
    }
    house
        .api
        .post_bytes(path, b"{".to_vec(), &[])
        .await
        .rejected(400, "invalid_request");
    house
        .succeeds(&house.api.post_bytes(path, Vec::new(), &[]).await)
        .await;
    let other = axum::http::Request::post(path)
        .body(axum::body::Body::from("{}"))
        .unwrap();
    house
        .api
        .send(other)
        .await
        .rejected(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_at_a_time_and_a_key_repeats_it_whatever_has_changed_since() {
    let house = ClusterFixture::with_cluster(&json!({"replication_factor": 2})).await;
    let id = node_ids(&house.cluster().await)[0].clone();
    let shrink = json!({"replication_factor": 1, "node_ids_to_remove": [id]});
    let key = [("idempotency-key", "shrink"), ("x-request-id", "portal-9")];
    let path = "/v1/clusters/orders/scale";
    let twins =
        futures_util::future::join_all((0..8).map(|_| house.api.post(path, &shrink, &key))).await;
    let ids: std::collections::BTreeSet<_> = twins.iter().map(|answer| answer.accepted()).collect();
    assert_eq!(ids.len(), 1, "eight submissions at once are one operation");
    assert_eq!(twins[0].body["request_id"], "portal-9");
    for (verb, body) in [
        ("scale", json!({"replication_factor": 9})),
        ("reboot", json!({})),
        ("repair", json!({})),
        ("release", json!({})),
        ("adopt", json!({})),
    ] {
        let busy = house.post(verb, &body).await;
        assert_eq!(
            busy.rejected(409, "operation_in_progress")["instance"],
            format!("/v1/operations/{}", ids.first().unwrap())
        );
        assert!(busy.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    house
        .patch(&json!({}))
        .await
        .rejected(409, "operation_in_progress");
    house.succeeds(&twins[0]).await;
    // The node it named is gone by now, and so the same request would be refused without its key.
    assert_eq!(
        house.api.post(path, &shrink, &key).await.accepted(),
        *ids.first().unwrap()
    );
    house
        .post("scale", &shrink)
        .await
        .rejected(422, "invalid_request");
    let other = house
        .api
        .post(path, &json!({"replication_factor": 5}), &key)
        .await;
    other.rejected(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_never_made_cannot_be_changed() {
    let house = ClusterFixture::new().await;
    house.create_foreign_cluster("orders", &[]).await;
    let create = house
        .api
        .post("/v1/clusters", &crate::support::api::cluster_request("orders"), &[])
        .await
        .accepted();
    house.settle(create).await;
    for (verb, body) in [
        ("scale", json!({"replication_factor": 2})),
        ("reboot", json!({})),
        ("repair", json!({})),
        ("release", json!({})),
    ] {
        house.post(verb, &body).await.rejected(409, "cluster_failed");
    }
    house.patch(&json!({})).await.rejected(409, "cluster_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_cluster_is_forgotten_and_stays_as_it_is() {
    let house = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    let before = house.env.created_in_aws();
    let effects = house.env.effects();
    house
        .post("release", &json!({"really": true}))
        .await
        .rejected(422, "invalid_request");
    let accepted = house.api.send_empty("POST", "/v1/clusters/orders/release").await;
    house.succeeds(&accepted).await;
    house
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert_eq!(
        (house.env.created_in_aws(), house.env.effects()),
        (before.clone(), effects)
    );
    let receipt = house
        .api
        .get(&format!("/v1/operations/{}", accepted.accepted()))
        .await
        .body["receipt"]
        .clone();
    assert!(
        receipt
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["state"] == "left"),
        "{receipt:#}"
    );
    // The sweep leaves it alone, and it can be adopted again and deleted; what it uses is somebody's now.
    house.worker.sweep().await.unwrap();
    assert_eq!(house.env.created_in_aws(), before);
    house
        .succeeds(&house.api.send_empty("POST", "/v1/clusters/orders/adopt").await)
        .await;
    let cluster = house.cluster().await;
    assert_eq!(cluster["service_role"]["owner"], "external", "{cluster:#}");
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    let left = house.env.created_in_aws();
    assert!(
        left.len() + 1 == before.len() && !left.iter().any(|arn| arn.contains(":cache/")),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_somebody_else_added_are_counted() {
    let house = ClusterFixture::in_env(TestEnv::new().await);
    let create = house
        .api
        .post("/v1/clusters", &crate::support::api::cluster_request("orders"), &[])
        .await;
    house.succeeds(&create).await;
    let more = Mutation::IncreaseReplicationFactor {
        name: "orders".to_owned(),
        count: 3,
        availability_zones: Vec::new(),
    };
    house.admin(&more).await;
    house.poll().await;
    let drift = house.api.get("/v1/clusters/orders/drift").await.body;
    assert_eq!(
        drift["fields"][0],
        json!({"field": "replication_factor", "desired": "1", "observed": "3", "repairable": true})
    );
    let zones = json!({"replication_factor": 4, "availability_zones": ["us-east-1a"]});
    house.succeeds(&house.post("scale", &zones).await).await;
    assert_eq!(node_ids(&house.cluster().await).len(), 4);
}
