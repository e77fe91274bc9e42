//! Validation of a create over HTTP: every violated rule is reported, and nothing is accepted.

use serde_json::json;

use crate::support::test_env::TestEnv;

#[tokio::test]
async fn every_violated_rule_is_reported_with_its_pointer() {
    let env = TestEnv::new().await;
    let body = json!({
        "name": "1-Bad--name",
        "node_type": "cache.t3.small",
        "replication_factor": 12,
        "colour": "blue",
        "service_role": {"access": "read_write", "tables": ["no*wildcards", "Ord"], "shade": 1},
        "subnet_group": {"name": "a", "subnet_ids": ["subnet-1"]},
        "maintenance_window": "sun:05:00-sun:05:30",
        "tags": {"aws:x": "1", "dax-provisioner:operation": "2"}
    });
    let response = env.api().post("/v1/clusters", &body, &[]).await;
    response.rejected(422, "invalid_request");
    let violations = response.violations();
    let count = |prefix: &str| {
        violations
            .iter()
            .filter(|(pointer, _)| pointer.starts_with(prefix))
            .count()
    };
    for pointer in [
        "/name",
        "/node_type",
        "/replication_factor",
        "/colour",
        "/service_role/tables/0",
        "/service_role/shade",
        "/maintenance_window",
    ] {
        let is_reported = violations.iter().any(|(one, _)| *one == pointer);
        assert!(is_reported, "{pointer} is missing in {violations:?}");
    }
    assert!(count("/subnet_group") >= 1, "{violations:?}");
    assert!(count("/tags") >= 2, "{violations:?}");
    let operations: i64 = sqlx::query_scalar("select count(*) from operations")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    assert_eq!(operations, 0);
}

#[tokio::test]
async fn missing_and_unknown_members_are_reported_with_the_other_violations() {
    let env = TestEnv::new().await;
    let body = json!({
        "node_type": "large", "replication_factor": 12, "colour": 1, "tags": {"aws:a": "b"},
    });
    let response = env.api().post("/v1/clusters", &body, &[]).await;
    response.rejected(422, "invalid_request");
    let violations = response.violations();
    let pointers: Vec<&str> = violations.iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(
        pointers,
        [
            "/colour",
            "/name",
            "/node_type",
            "/replication_factor",
            "/tags/aws:a"
        ]
    );
}
