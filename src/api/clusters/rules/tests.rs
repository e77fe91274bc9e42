//! Tables of requests: good ones, and for each bad one every error it must be told.

use serde_json::json;

use crate::domain::spec::{ParameterGroup, SubnetGroup};

use super::*;

fn place() -> AwsAccount {
    AwsAccount {
        sandbox_id: None,
        account_id: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn read(body: Value) -> Result<ClusterSpec, Vec<FieldError>> {
    believe(
        body,
        &ValidationContext {
            place: &place(),
            default_access: Some(Access::ReadWrite),
            lookups: false,
        },
    )
}

/// The smallest good body, with these members changed or added.
fn with(members: Value) -> Value {
    let mut body = json!({"name": "orders", "node_type": "dax.r5.large", "replication_factor": 3});
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn errors(body: Value) -> Vec<(String, String)> {
    let mut errors: Vec<(String, String)> = read(body)
        .expect_err("the body is bad")
        .into_iter()
        .map(|error| (error.pointer.unwrap(), error.code))
        .collect();
    errors.sort();
    errors
}

fn expect(body: Value, expected: &[(&str, &str)]) {
    let shown = body.to_string();
    let mut expected: Vec<(String, String)> = expected
        .iter()
        .map(|(p, c)| ((*p).to_owned(), (*c).to_owned()))
        .collect();
    expected.sort();
    assert_eq!(errors(body), expected, "{shown}");
}

#[test]
fn the_smallest_request_has_every_default() {
    let spec = read(with(json!({}))).unwrap();
    assert_eq!(
        spec.service_role,
        ServiceRole::Discover {
            default_access: Some(Access::ReadWrite)
        }
    );
    assert_eq!(
        (spec.subnet_group, spec.parameter_group),
        (SubnetGroup::Default, ParameterGroup::Default)
    );
    assert!(spec.encryption_at_rest && spec.encryption_in_transit && !spec.deletion_protection);
    assert_eq!(spec.on_failure, OnFailure::Hold);
    assert_eq!(spec.network_type, None);
}

#[test]
fn the_request_of_the_contract_is_accepted() {
    let spec = read(json!({
        "name": "Orders-Cache",
        "description": "read cache of the orders team",
        "node_type": "dax.r5.large",
        "replication_factor": 3,
        "availability_zones": ["us-east-1a", "us-east-1b", "us-east-1a"],
        "service_role": {"access": "read_write",
                         "tables": ["Orders", "arn:aws:dynamodb:us-east-1:123456789012:table/Customers"]},
        "subnet_group": {"subnet_ids": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"]},
        "security_group_ids": ["sg-0a1b2c3d"],
        "network_type": "ipv4",
        "parameters": {"record_ttl_millis": 300000, "query_ttl_millis": 0},
        "encryption_at_rest": true,
        "encryption_in_transit": true,
        "maintenance_window": "Sun:05:00-Sun:06:00",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:dax-events",
        "tags": {"team": "orders"},
        "deletion_protection": false,
        "require_preflight": false,
        "on_failure": "roll_back",
    }))
    .unwrap();
    assert_eq!(spec.name.as_str(), "orders-cache");
    assert_eq!(
        spec.maintenance_window.as_deref(),
        Some("sun:05:00-sun:06:00")
    );
    let tables = Tables::Named(vec!["Orders".to_owned(), "Customers".to_owned()]);
    assert_eq!(
        spec.service_role,
        ServiceRole::New {
            access: Access::ReadWrite,
            tables
        }
    );
    let values = BTreeMap::from([
        ("query-ttl-millis".to_owned(), "0".to_owned()),
        ("record-ttl-millis".to_owned(), "300000".to_owned()),
    ]);
    assert_eq!(spec.parameter_group, ParameterGroup::New { values });
}

#[test]
fn all_errors_of_a_body_are_told_together() {
    let body = json!({
        "node_type": "large",
        "replication_factor": 300,
        "colour": "blue",
        "tags": {"aws:x": "1", "ok": 7, "a/b": "\u{1}"},
        "service_role": {"access": "all", "tables": ["ok1", "a*"], "why": 1},
        "encryption_in_transit": "yes",
        "availability_zones": ["eu-west-1a"],
    });
    let expected = [
        ("/availability_zones/0", "invalid_format"),
        ("/colour", "unknown_field"),
        ("/encryption_in_transit", "wrong_type"),
        ("/name", "required"),
        ("/node_type", "invalid_format"),
        ("/replication_factor", "out_of_range"),
        ("/service_role/access", "unknown_value"),
        ("/service_role/tables/1", "invalid_format"),
        ("/service_role/why", "unknown_field"),
        ("/tags/a~1b", "invalid_format"),
        ("/tags/aws:x", "reserved"),
        ("/tags/ok", "wrong_type"),
    ];
    expect(body, &expected);
}

#[test]
fn a_body_that_is_no_object_has_one_error() {
    for body in [json!(null), json!([]), json!("x"), json!(7)] {
        expect(body, &[("", "wrong_type")]);
    }
}

#[test]
fn values_no_field_can_hold_are_refused_and_never_fatal() {
    let wrong = [
        json!(null),
        json!([]),
        json!({}),
        json!(true),
        json!(1.5),
        json!(-1),
        json!(u64::MAX),
        json!("\u{7f}"),
    ];
    let fields = [
        "name",
        "description",
        "node_type",
        "replication_factor",
        "availability_zones",
        "service_role",
        "subnet_group",
        "security_group_ids",
        "network_type",
        "parameters",
        "parameter_group",
        "encryption_at_rest",
        "encryption_in_transit",
        "maintenance_window",
        "notification_topic_arn",
        "tags",
        "deletion_protection",
        "require_preflight",
        "on_failure",
    ];
    for field in fields {
        for value in &wrong {
            let good = match field {
                "tags" => value.is_object(),
                "encryption_at_rest"
                | "encryption_in_transit"
                | "deletion_protection"
                | "require_preflight" => value.is_boolean(),
                _ => false,
            };
            let body = with(json!({field: value}));
            let read = read(body);
            assert_eq!(read.is_ok(), good, "{field}: {value}: {read:?}");
            let pointer = format!("/{field}");
            let told = |error: &FieldError| {
                error
                    .pointer
                    .as_deref()
                    .is_some_and(|at| at.starts_with(&pointer))
            };
            assert!(
                good || read.is_err_and(|errors| errors.iter().all(told)),
                "{field}: {value}"
            );
        }
    }
    // A whole number written as a fraction passes the schema, and is still no count.
    expect(
        with(json!({"replication_factor": 3.0})),
        &[("/replication_factor", "wrong_type")],
    );
}

#[test]
fn a_service_role_is_given_or_made() {
    let role = |role: Value| with(json!({"service_role": role}));
    let arn = "arn:aws:iam::123456789012:role/DaxRole";
    assert!(read(role(json!({"arn": arn}))).is_ok());
    assert!(read(role(json!({"arn": arn, "all_tables": false}))).is_ok());
    assert!(read(role(json!({"access": "read_only", "all_tables": true}))).is_ok());
    assert!(
        read(role(
            json!({"access": "read_only", "tables": ["abc"], "all_tables": false})
        ))
        .is_ok()
    );
    expect(role(json!({})), &[("/service_role", "required")]);
    expect(
        role(json!({"access": "read_only"})),
        &[("/service_role", "required")],
    );
    expect(
        role(json!({"access": "read_only", "all_tables": false})),
        &[("/service_role", "required")],
    );
    expect(
        role(json!({"tables": ["abc"]})),
        &[("/service_role/access", "required")],
    );
    expect(
        role(json!({"arn": arn, "access": "read_only"})),
        &[("/service_role", "exclusive")],
    );
    let both = json!({"access": "read_only", "tables": ["abc"], "all_tables": true});
    expect(role(both), &[("/service_role/all_tables", "exclusive")]);
    expect(
        role(json!({"access": "read_only", "tables": []})),
        &[("/service_role/tables", "out_of_range")],
    );
    let twice = json!({"access": "read_only", "tables": ["abc", "arn:aws:dynamodb:us-east-1:123456789012:table/abc"]});
    expect(role(twice), &[("/service_role/tables/1", "duplicate")]);
    let managed = "arn:aws:iam::123456789012:role/dax-provisioner/dax-a-bbbbbbbbbb";
    expect(
        role(json!({"arn": managed})),
        &[("/service_role/arn", "managed_role")],
    );
}

#[test]
fn tables_that_fill_more_policies_than_a_role_takes_are_refused() {
    let names = |count: usize, length: usize| -> Vec<String> {
        (0..count).map(|n| format!("{n:0length$}")).collect()
    };
    let role = |names: Vec<String>| {
        with(json!({"service_role": {"access": "read_write", "tables": names}}))
    };
    assert!(read(role(names(100, 200))).is_ok());
    expect(
        role(names(500, 200)),
        &[("/service_role/tables", "too_many")],
    );
    expect(
        role(names(501, 3)),
        &[("/service_role/tables", "out_of_range")],
    );
}

#[test]
fn groups_are_given_or_made() {
    let group = |group: Value| with(json!({"subnet_group": group}));
    assert!(read(group(json!({"name": "default"}))).is_ok());
    expect(group(json!({})), &[("/subnet_group", "required")]);
    expect(
        group(json!({"name": "a", "subnet_ids": ["subnet-0a1b2c3d"]})),
        &[("/subnet_group", "exclusive")],
    );
    expect(
        group(json!({"vpc_id": "vpc-0a1b2c3d"})),
        &[("/subnet_group/vpc_id", "not_offered")],
    );
    let twice = json!({"subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3d"]});
    expect(group(twice), &[("/subnet_group/subnet_ids/1", "duplicate")]);
    expect(
        group(json!({"subnet_ids": []})),
        &[("/subnet_group/subnet_ids", "out_of_range")],
    );
    expect(
        with(json!({"parameters": {}})),
        &[("/parameters", "required")],
    );
    let both = json!({"parameters": {"record_ttl_millis": 1}, "parameter_group": {"name": "a"}});
    expect(with(both), &[("/parameter_group", "exclusive")]);
    let negative = json!({"parameters": {"record_ttl_millis": -1, "query_ttl_millis": 1}});
    let huge = with(json!({"replication_factor": u64::MAX}));
    expect(huge, &[("/replication_factor", "out_of_range")]);
    expect(
        with(negative),
        &[("/parameters/record_ttl_millis", "out_of_range")],
    );
}

#[test]
fn fields_that_exclude_each_other_are_compared() {
    expect(
        with(json!({"availability_zones": ["us-east-1a"]})),
        &[("/availability_zones", "out_of_range")],
    );
    expect(
        with(json!({"node_type": "dax.r3.large"})),
        &[("/encryption_at_rest", "not_supported")],
    );
    assert!(
        read(with(
            json!({"node_type": "dax.r3.large", "encryption_at_rest": false})
        ))
        .is_ok()
    );
}

/// Every limit stands twice, in the schema and in a rule; at the edge both must say the same.
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
    let edges = [
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
    for (good, bad) in edges {
        assert!(read(good.clone()).is_ok(), "{good}");
        let (request, faults) = schema.read::<ClusterRequest>(bad.clone());
        assert!(
            !faults.merged_with(Vec::new()).is_empty(),
            "the schema accepts {bad}"
        );
        let ground = ValidationContext {
            place: &place(),
            default_access: None,
            lookups: false,
        };
        assert!(
            request.is_some_and(|request| request.accept(&ground).is_err()),
            "the rules accept {bad}"
        );
    }
}
