//! The limits of the fields of a create.

use super::*;
use crate::api::http::schema_limits;

/// Every limit is in the schema and in a rule. Both must agree on the boundary values.
#[test]
fn the_schema_and_the_rules_agree_on_every_limit() {
    let most = json!({"replication_factor": 11, "availability_zones": list(11, zone)});
    assert!(read(with(most)).is_ok());
    let mut invalid = values_without_boundary();
    for (field, valid, over) in boundaries() {
        assert!(
            read(with(json!({field: valid}))).is_ok(),
            "{field}: {valid}"
        );
        invalid.push(with(json!({field: over})));
    }
    schema_limits::check::<ClusterRequest>(invalid, |body| {
        let context = ValidationContext {
            account: &account(),
            now: DateTime::UNIX_EPOCH,
            default_access: None,
            lookups: true,
        };
        let request: ClusterRequest = serde_json::from_value(body).unwrap();
        let mut violations = Violations::default();
        request.accept(&mut violations, &context);
        !violations.0.is_empty()
    });
}

fn text(length: usize) -> String {
    "a".repeat(length)
}

fn list(count: usize, item: impl Fn(usize) -> String) -> Value {
    (0..count).map(item).collect()
}

fn zone(_: usize) -> String {
    "us-east-1a".to_owned()
}

/// A field, a value at its limit and a value beyond it.
fn boundaries() -> [(&'static str, Value, Value); 25] {
    let subnet = |n: usize| format!("subnet-{n:08x}");
    let subnets = |count| json!({"subnet_ids": list(count, subnet)});
    let group = |n: usize| format!("sg-{n:08x}");
    let table = |n: usize| format!("t{n:03}");
    let role = |count| json!({"access": "read_only", "tables": list(count, table)});
    let tags = |count: usize| -> Value { (0..count).map(|n| (n.to_string(), "")).collect() };
    let named = |length| json!({"name": text(length)});
    let ttl = |millis: i64| json!({"query_ttl_millis": millis});
    [
        ("name", json!(text(20)), json!(text(21))),
        ("name", json!("a"), json!("")),
        ("name", json!("a-b"), json!("a--b")),
        ("description", json!(text(1000)), json!(text(1001))),
        ("replication_factor", json!(1), json!(0)),
        ("replication_factor", json!(11), json!(12)),
        ("availability_zones", list(3, zone), list(12, zone)),
        ("service_role", role(500), role(501)),
        ("subnet_group", subnets(20), subnets(21)),
        ("subnet_group", named(255), named(256)),
        ("subnet_group", named(1), named(0)),
        ("security_group_ids", list(16, group), list(17, group)),
        (
            "tags",
            json!({text(128): text(256)}),
            json!({"0": text(257)}),
        ),
        ("tags", tags(47), tags(48)),
        ("tags", json!({"a": ""}), json!({text(129): ""})),
        ("tags", json!({}), json!({"": ""})),
        (
            "parameters",
            ttl(fields::TTL_MILLIS_MAX),
            ttl(fields::TTL_MILLIS_MAX + 1),
        ),
        ("parameter_group", named(255), named(256)),
        ("parameter_group", named(1), named(0)),
        ("project", json!(text(40)), json!(text(41))),
        ("project", json!("a"), json!("")),
        ("project", json!("a-1"), json!("A")),
        ("target", json!(text(40)), json!(text(41))),
        ("target", json!("a"), json!("")),
        ("target", json!("a-1"), json!("A")),
    ]
}

/// Values that the schema rejects, in fields whose rule is stricter than the schema.
fn values_without_boundary() -> Vec<Value> {
    let arn = |prefix: &str| format!("arn:aws:{prefix}{}", text(2048));
    let subnets = |ids: Value| json!({"subnet_group": {"subnet_ids": ids}});
    let role = |tables: Value| json!({"service_role": {"access": "read_only", "tables": tables}});
    let zone = "us-east-1a";
    let members = [
        json!({"node_type": "x"}),
        json!({"availability_zones": [zone, zone, "US"]}),
        json!({"availability_zones": [zone, zone, format!("us-east-1{}", text(56))]}),
        json!({"service_role": {"arn": "x"}}),
        json!({"service_role": {"arn": arn("iam::123456789012:role/")}}),
        role(json!(["a*"])),
        role(json!([text(2049)])),
        subnets(json!(["subnet-1"])),
        subnets(json!(["subnet-000000000000000000"])),
        json!({"subnet_group": {"vpc_id": "vpc-1"}}),
        json!({"subnet_group": {"vpc_id": "vpc-000000000000000000"}}),
        json!({"security_group_ids": ["sg-1"]}),
        json!({"security_group_ids": ["sg-000000000000000000"]}),
        json!({"maintenance_window": "x"}),
        json!({"notification_topic_arn": "x"}),
        json!({"notification_topic_arn": arn("sns:us-east-1:123456789012:")}),
        json!({"parameters": {}}),
        json!({"parameters": {"record_ttl_millis": -1}}),
        json!({"parameters": {"record_ttl_millis": fields::TTL_MILLIS_MAX + 1}}),
        json!({"parameters": {"query_ttl_millis": -1}}),
    ];
    members.map(with).to_vec()
}
