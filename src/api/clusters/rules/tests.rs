//! Bodies of creates: valid ones, and invalid ones with all their errors.

use serde_json::json;

use crate::api::clusters::limits::account;
use crate::domain::spec::{OnFailure, ParameterGroup, SubnetGroup};
use crate::domain::validation::typed::MaintenanceWindow;

use super::*;

mod cost;
mod groups;
mod limits;
mod service_role;

fn read(body: Value) -> Result<ClusterSpec, Vec<FieldError>> {
    validate(
        body,
        &ValidationContext {
            account: &account(),
            now: DateTime::UNIX_EPOCH,
            default_access: Some(Access::ReadWrite),
            lookups: false,
        },
    )
}

/// The smallest valid body, with these fields changed or added.
fn with(members: Value) -> Value {
    let mut body = json!({"name": "orders", "node_type": "dax.r5.large", "replication_factor": 3});
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn errors(body: Value) -> Vec<(String, String)> {
    let mut errors: Vec<(String, String)> = read(body)
        .expect_err("the body is invalid")
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
fn the_smallest_body_gets_every_default() {
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
    assert!(spec.encryption_at_rest && spec.encryption_in_transit);
    assert!(!spec.local.deletion_protection);
    assert_eq!(spec.local.on_failure, OnFailure::Hold);
    assert_eq!(spec.network_type, None);
}

#[test]
fn a_body_with_every_field_is_accepted() {
    let spec = read(json!({
        "name": "Orders-Cache",
        "description": "read cache of the orders team",
        "node_type": "dax.r5.large",
        "replication_factor": 3,
        "availability_zones": ["us-east-1a", "us-east-1b", "us-east-1a"],
        "service_role": {
            "access": "read_write",
            "tables": ["Orders", "arn:aws:dynamodb:us-east-1:123456789012:table/Customers"],
        },
        "subnet_group": {"subnet_ids": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"]},
        "security_group_ids": ["sg-0a1b2c3d"],
        "network_type": "ipv4",
        "parameters": {"record_ttl_millis": 300000, "query_ttl_millis": 0},
        "encryption_at_rest": true,
        "encryption_in_transit": true,
        "maintenance_window": "Sun:05:00-Sun:06:00",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:dax-events",
        "tags": {"team": "orders"},
        "target": "default",
        "deletion_protection": false,
        "require_preflight": false,
        "strict_preflight": false,
        "on_failure": "roll_back",
        "expires_at": "1970-01-31T18:00:00.7+01:00",
    }))
    .unwrap();
    assert_eq!(spec.name.as_str(), "orders-cache");
    assert_eq!(
        spec.maintenance_window
            .as_ref()
            .map(MaintenanceWindow::as_str),
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
    let expires_at = "1970-01-31T17:00:00Z".parse().unwrap();
    assert_eq!(spec.local.expires_at, Some(expires_at));
}

#[test]
fn an_expiry_is_a_time_in_the_future() {
    for (text, code) in [
        ("tomorrow", "invalid_format"),
        ("2027-01-01", "invalid_format"),
        ("2027-01-01T00:00:00", "invalid_format"),
        ("1969-12-31T23:59:59Z", "out_of_range"),
        ("1970-01-01T00:00:00.9Z", "out_of_range"),
        ("1980-01-01T00:00:01Z", "out_of_range"),
        ("+12970-01-01T00:00:00Z", "invalid_format"),
    ] {
        expect(with(json!({"expires_at": text})), &[("/expires_at", code)]);
    }
}

#[test]
fn all_errors_of_a_body_are_returned_together() {
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
fn a_body_that_is_not_an_object_has_one_error() {
    for body in [json!(null), json!([]), json!("x"), json!(7)] {
        expect(body, &[("", "wrong_type")]);
    }
}

/// Every field of the body of a create.
const FIELDS: [&str; 22] = [
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
    "target",
    "deletion_protection",
    "require_preflight",
    "strict_preflight",
    "on_failure",
    "expires_at",
];

#[test]
fn invalid_values_are_rejected_in_every_field() {
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
    for field in FIELDS {
        for value in &wrong {
            let valid = match field {
                "name" | "node_type" | "replication_factor" => false,
                _ if value.is_null() => true,
                "tags" => value.is_object(),
                "encryption_at_rest"
                | "encryption_in_transit"
                | "deletion_protection"
                | "require_preflight"
                | "strict_preflight" => value.is_boolean(),
                "availability_zones" | "security_group_ids" => *value == json!([]),
                _ => false,
            };
            let body = with(json!({field: value}));
            let read = read(body);
            assert_eq!(read.is_ok(), valid, "{field}: {value}: {read:?}");
            let pointer = format!("/{field}");
            let is_in_field = |error: &FieldError| {
                error
                    .pointer
                    .as_deref()
                    .is_some_and(|at| at.starts_with(&pointer))
            };
            assert!(
                valid || read.is_err_and(|errors| errors.iter().all(is_in_field)),
                "{field}: {value}"
            );
        }
    }
    // 3.0 is an integer for JSON Schema.
    assert!(read(with(json!({"replication_factor": 3.0}))).is_ok());
    let huge = with(json!({"replication_factor": u64::MAX}));
    expect(huge, &[("/replication_factor", "out_of_range")]);
}

#[test]
fn dependent_fields_are_compared() {
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
