//! Patches that are refused: what cannot change, with the way round, and every broken rule at once.

use serde_json::{Value, json};

use crate::support::cluster_fixture::{ClusterFixture, names};

/// Each body is refused for exactly these reasons, and nothing is accepted.
async fn refuses_each(house: &ClusterFixture, cases: Vec<(Value, Vec<(&str, &str)>)>) {
    for (body, faults) in cases {
        let refused = house.patch(&body).await;
        refused.rejected(422, "invalid_request");
        assert_eq!(refused.violations(), faults, "{body}");
    }
    assert_eq!(house.cluster().await["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_change_is_told_at_once_with_the_way_round() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let fixed = json!({
        "name": "other", "node_type": "dax.r5.large", "replication_factor": 3, "availability_zones": null,
        "subnet_group": {"name": "x"}, "network_type": "ipv6", "encryption_at_rest": false,
        "encryption_in_transit": false, "require_preflight": true,
        "service_role": {"arn": "arn:aws:iam::123456789012:role/x"},
    });
    let refused = house.patch(&fixed).await;
    refused.rejected(409, "immutable_field");
    let faults = refused.violations();
    assert_eq!(faults.len(), 10, "{faults:?}");
    assert!(faults.iter().all(|(_, code)| *code == "immutable_field"));
    let errors = refused.body["errors"].as_array().unwrap();
    let scale = errors
        .iter()
        .find(|error| error["pointer"] == "/replication_factor")
        .unwrap();
    assert!(
        scale["detail"]
            .as_str()
            .unwrap()
            .contains("POST /v1/clusters/orders/scale"),
        "{scale}"
    );
    // Other faults of the same body are told beside it.
    let mixed =
        house.patch(&json!({"node_type": "x", "colour": 1, "maintenance_window": "x", "service_role": null})).await;
    mixed.rejected(409, "immutable_field");
    assert_eq!(
        mixed.violations(),
        [
            ("/colour", "unknown_field"),
            ("/maintenance_window", "invalid_format"),
            ("/node_type", "immutable_field"),
            ("/service_role", "immutable_field"),
        ]
    );
    assert_eq!(house.cluster().await["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_not_ours_is_not_changed() {
    let house = ClusterFixture::new().await;
    house.create_foreign_cluster("orders", &[]).await;
    house.succeeds(&house.post("adopt", &json!({})).await).await;
    let refused =
        house.patch(&json!({"service_role": {"tables": ["A", "Orders"], "access": "read_only", "shade": 1}})).await;
    refused.rejected(409, "immutable_field");
    let faults = [
        ("/service_role/access", "immutable_field"),
        ("/service_role/shade", "unknown_field"),
        ("/service_role/tables", "immutable_field"),
    ];
    assert_eq!(refused.violations(), faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_rules_of_a_patch_come_together() {
    let house = ClusterFixture::with_cluster(
        &json!({"tags": {"team": "orders"}, "parameters": {"record_ttl_millis": 1}}),
    )
    .await;
    let cases = vec![
        (json!([]), vec![("", "wrong_type")]),
        (json!({"colour": 1}), vec![("/colour", "unknown_field")]),
        (
            json!({"maintenance_window": null, "security_group_ids": null, "deletion_protection": null, "on_failure": null}),
            vec![
                ("/deletion_protection", "wrong_type"),
                ("/maintenance_window", "wrong_type"),
                ("/on_failure", "unknown_value"),
                ("/on_failure", "wrong_type"),
                ("/security_group_ids", "wrong_type"),
            ],
        ),
        (
            json!({"security_group_ids": [], "description": "\u{20ac}", "notification_topic_arn": "x"}),
            vec![
                ("/description", "invalid_format"),
                ("/notification_topic_arn", "invalid_format"),
                ("/security_group_ids", "out_of_range"),
            ],
        ),
    ];
    refuses_each(&house, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_a_role_and_tags_are_judged_as_they_are_after_the_merge() {
    let house = ClusterFixture::with_cluster(
        &json!({"tags": {"team": "orders"}, "parameters": {"record_ttl_millis": 1}}),
    )
    .await;
    let many: serde_json::Map<String, Value> =
        (0..48).map(|n| (format!("t{n}"), json!("x"))).collect();
    let long: Vec<String> = (0..200).map(|n| format!("t-{n:0>200}")).collect();
    let cases = vec![
        (
            json!({"parameter_group": {"name": "mine"}}),
            vec![("/parameter_group", "exclusive")],
        ),
        (
            json!({"parameters": null, "parameter_group": {}}),
            vec![("/parameter_group/name", "required")],
        ),
        (
            json!({"parameters": null, "parameter_group": {"name": null}}),
            vec![("/parameter_group/name", "wrong_type")],
        ),
        (
            json!({"parameters": {"record_ttl_millis": null}}),
            vec![("/parameters", "required")],
        ),
        (
            json!({"parameters": {"record_ttl_millis": -1, "size": 1}}),
            vec![
                ("/parameters/record_ttl_millis", "out_of_range"),
                ("/parameters/size", "unknown_field"),
            ],
        ),
        (
            json!({"tags": {"aws:x": null, "dax-provisioner:operation": "y", "a!": "b"}}),
            vec![
                ("/tags/a!", "invalid_format"),
                ("/tags/aws:x", "reserved"),
                ("/tags/dax-provisioner:operation", "reserved"),
            ],
        ),
        (json!({"tags": many}), vec![("/tags", "out_of_range")]),
        (
            json!({"service_role": {"all_tables": true}}),
            vec![("/service_role/all_tables", "exclusive")],
        ),
        (
            json!({"service_role": {"tables": null}}),
            vec![("/service_role", "required")],
        ),
        (
            json!({"service_role": {"tables": [], "access": "all"}}),
            vec![
                ("/service_role/access", "unknown_value"),
                ("/service_role/tables", "out_of_range"),
            ],
        ),
        (
            json!({"service_role": {"tables": long}}),
            vec![("/service_role/tables", "too_many")],
        ),
    ];
    refuses_each(&house, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_policies_must_fit_on_the_role_together() {
    // Some fifteen such tables fill a policy; each list alone fits.
    let tables = |prefix: &str, count: usize| {
        (0..count)
            .map(|n| format!("{prefix}{n:0>150}"))
            .collect::<Vec<_>>()
    };
    let role = json!({"service_role": {"access": "read_only", "tables": tables("a", 85)}});
    let house = ClusterFixture::with_cluster(&role).await;
    let attached = names(&house, ":policy/dax-provisioner/").len();
    assert!((6..=10).contains(&attached), "{attached}");
    let refused = house
        .patch(&json!({"service_role": {"tables": tables("b", 85)}}))
        .await;
    refused.rejected(422, "invalid_request");
    assert_eq!(refused.violations(), [("/service_role/tables", "too_many")]);
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains(&format!("the {attached} that")) && detail.contains("takes 10"),
        "{detail}"
    );
    house
        .succeeds(
            &house
                .patch(&json!({"service_role": {"tables": ["Orders"]}}))
                .await,
        )
        .await;
    assert_eq!(names(&house, ":policy/dax-provisioner/").len(), 1);
}
