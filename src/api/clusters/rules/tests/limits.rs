//! The limits of the fields of a create.

use super::*;

/// Every limit is in the schema and in a rule. Both must agree on the boundary values.
#[test]
fn the_schema_and_the_rules_agree_on_every_limit() {
    let schema = BodySchema::of("ClusterRequest");
    let text = |length: usize| "a".repeat(length);
    let list = |count: usize, item: &dyn Fn(usize) -> String| {
        json!((0..count).map(item).collect::<Vec<_>>())
    };
    let subnet = |n: usize| format!("subnet-{n:08x}");
    let group = |n: usize| format!("sg-{n:08x}");
    let table = |n: usize| format!("t{n:03}");
    let zone = |_: usize| "us-east-1a".to_owned();
    let tags = |count: usize| {
        json!(
            (0..count)
                .map(|n| (n.to_string(), ""))
                .collect::<BTreeMap<_, _>>()
        )
    };
    let role = |count| json!({"access": "read_only", "tables": list(count, &table)});
    let boundaries = [
        (
            with(json!({"name": text(20)})),
            with(json!({"name": text(21)})),
        ),
        (with(json!({"name": "a"})), with(json!({"name": ""}))),
        (with(json!({"name": "a-b"})), with(json!({"name": "a--b"}))),
        (
            with(json!({"description": text(1000)})),
            with(json!({"description": text(1001)})),
        ),
        (
            with(json!({"replication_factor": 1})),
            with(json!({"replication_factor": 0})),
        ),
        (
            with(json!({"replication_factor": 11})),
            with(json!({"replication_factor": 12})),
        ),
        (
            with(json!({"replication_factor": 11, "availability_zones": list(11, &zone)})),
            with(json!({"availability_zones": list(12, &zone)})),
        ),
        (
            with(json!({"service_role": role(500)})),
            with(json!({"service_role": role(501)})),
        ),
        (
            with(json!({"service_role": role(1)})),
            with(json!({"service_role": role(0)})),
        ),
        (
            with(json!({"subnet_group": {"subnet_ids": list(20, &subnet)}})),
            with(json!({"subnet_group": {"subnet_ids": list(21, &subnet)}})),
        ),
        (
            with(json!({"subnet_group": {"name": text(255)}})),
            with(json!({"subnet_group": {"name": text(256)}})),
        ),
        (
            with(json!({"subnet_group": {"name": "a"}})),
            with(json!({"subnet_group": {"name": ""}})),
        ),
        (
            with(json!({"security_group_ids": list(16, &group)})),
            with(json!({"security_group_ids": list(17, &group)})),
        ),
        (
            with(json!({"security_group_ids": list(1, &group)})),
            with(json!({"security_group_ids": []})),
        ),
        (
            with(json!({"tags": {text(128): text(256)}})),
            with(json!({"tags": {"a": text(257)}})),
        ),
        (
            with(json!({"tags": tags(48)})),
            with(json!({"tags": tags(49)})),
        ),
        (
            with(json!({"tags": {"a": ""}})),
            with(json!({"tags": {text(129): ""}})),
        ),
        (with(json!({"tags": {}})), with(json!({"tags": {"": ""}}))),
        (
            with(json!({"parameters": {"query_ttl_millis": fields::TTL_MILLIS_MAX}})),
            with(json!({"parameters": {"query_ttl_millis": fields::TTL_MILLIS_MAX + 1}})),
        ),
        (
            with(json!({"parameter_group": {"name": text(255)}})),
            with(json!({"parameter_group": {"name": text(256)}})),
        ),
    ];
    for (valid, invalid) in boundaries {
        assert!(read(valid.clone()).is_ok(), "{valid}");
        let (request, schema_errors) = schema.read::<ClusterRequest>(invalid.clone());
        assert!(
            !schema_errors.merged_with(Vec::new()).is_empty(),
            "the schema accepts {invalid}"
        );
        let context = ValidationContext {
            account: &account(),
            default_access: None,
            lookups: false,
        };
        assert!(
            request.is_some_and(|request| request.accept(&context).is_err()),
            "the rules accept {invalid}"
        );
    }
}
