//! Patches that are rejected: settings that cannot be changed, and every violated rule at once.

use serde_json::{Value, json};

use crate::support::cluster_fixture::{ClusterFixture, names};

/// Checks that each body is rejected with exactly these violations, and that nothing is accepted.
async fn check_rejections(fixture: &ClusterFixture, cases: Vec<(Value, Vec<(&str, &str)>)>) {
    for (body, violations) in cases {
        let response = fixture.patch(&body).await;
        response.rejected(422, "invalid_request");
        assert_eq!(response.violations(), violations, "{body}");
    }
    assert_eq!(fixture.cluster().await["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immutable_fields_are_rejected_with_the_alternative() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let patch = json!({
        "name": "other", "node_type": "dax.r5.large", "replication_factor": 3,
        "availability_zones": null, "subnet_group": {"name": "x"}, "network_type": "ipv6",
        "encryption_at_rest": false, "encryption_in_transit": false, "require_preflight": true,
        "service_role": {"arn": "arn:aws:iam::123456789012:role/x"},
    });
    let response = fixture.patch(&patch).await;
    response.rejected(409, "immutable_field");
    let violations = response.violations();
    assert_eq!(violations.len(), 10, "{violations:?}");
    for (pointer, code) in violations {
        assert_eq!(code, "immutable_field", "{pointer}");
    }
    let errors = response.body["errors"].as_array().unwrap();
    let scale = errors
        .iter()
        .find(|error| error["pointer"] == "/replication_factor")
        .unwrap();
    let detail = scale["detail"].as_str().unwrap();
    assert!(
        detail.contains("POST /v1/clusters/orders/scale"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_violations_are_reported_with_the_immutable_fields() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let patch = json!({
        "node_type": "x", "colour": 1, "maintenance_window": "x", "service_role": null,
    });
    let response = fixture.patch(&patch).await;
    response.rejected(409, "immutable_field");
    let violations = [
        ("/colour", "unknown_field"),
        ("/maintenance_window", "invalid_format"),
        ("/node_type", "immutable_field"),
        ("/service_role", "immutable_field"),
    ];
    assert_eq!(response.violations(), violations);
    assert_eq!(fixture.cluster().await["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_not_managed_cannot_be_changed() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("orders", &[]).await;
    fixture
        .succeeds(&fixture.post("adopt", &json!({})).await)
        .await;
    let role = json!({"tables": ["A", "Orders"], "access": "read_only", "shade": 1});
    let response = fixture.patch(&json!({"service_role": role})).await;
    response.rejected(409, "immutable_field");
    let violations = [
        ("/service_role/access", "immutable_field"),
        ("/service_role/shade", "unknown_field"),
        ("/service_role/tables", "immutable_field"),
    ];
    assert_eq!(response.violations(), violations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_violations_of_a_patch_are_reported_at_once() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"tags": {"team": "orders"}, "parameters": {"record_ttl_millis": 1}}),
    )
    .await;
    let cases = vec![
        (json!([]), vec![("", "wrong_type")]),
        (json!({"colour": 1}), vec![("/colour", "unknown_field")]),
        (
            json!({
                "maintenance_window": null, "security_group_ids": null,
                "deletion_protection": null, "on_failure": null,
            }),
            vec![
                ("/deletion_protection", "wrong_type"),
                ("/maintenance_window", "wrong_type"),
                ("/on_failure", "unknown_value"),
                ("/on_failure", "wrong_type"),
                ("/security_group_ids", "wrong_type"),
            ],
        ),
        (
            json!({
                "security_group_ids": [], "description": "\u{20ac}", "notification_topic_arn": "x",
            }),
            vec![
                ("/description", "invalid_format"),
                ("/notification_topic_arn", "invalid_format"),
                ("/security_group_ids", "out_of_range"),
            ],
        ),
    ];
    check_rejections(&fixture, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_and_tags_are_validated_after_the_merge() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"tags": {"team": "orders"}, "parameters": {"record_ttl_millis": 1}}),
    )
    .await;
    let many: serde_json::Map<String, Value> =
        (0..48).map(|n| (format!("t{n}"), json!("x"))).collect();
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
    ];
    check_rejections(&fixture, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_role_is_validated_after_the_merge() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let long: Vec<String> = (0..200).map(|n| format!("t-{n:0>200}")).collect();
    let cases = vec![
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
    check_rejections(&fixture, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_policies_must_fit_the_role_together() {
    // About fifteen such tables fill a policy. Each list fits without the other.
    let tables = |prefix: &str, count: usize| {
        (0..count)
            .map(|n| format!("{prefix}{n:0>150}"))
            .collect::<Vec<_>>()
    };
    let role = json!({"service_role": {"access": "read_only", "tables": tables("a", 85)}});
    let fixture = ClusterFixture::with_cluster(&role).await;
    let attached = names(&fixture, ":policy/dax-provisioner/").len();
    assert!((6..=10).contains(&attached), "{attached}");
    let patch = json!({"service_role": {"tables": tables("b", 85)}});
    let response = fixture.patch(&patch).await;
    response.rejected(422, "invalid_request");
    assert_eq!(
        response.violations(),
        [("/service_role/tables", "too_many")]
    );
    let detail = response.body["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains(&format!("the {attached} that")) && detail.contains("takes 10"),
        "{detail}"
    );
    let patch = json!({"service_role": {"tables": ["Orders"]}});
    fixture.succeeds(&fixture.patch(&patch).await).await;
    assert_eq!(names(&fixture, ":policy/dax-provisioner/").len(), 1);
}
