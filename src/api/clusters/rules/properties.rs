//! Properties of creates: any body is accepted or rejected with errors, and accepted tables are
//! safe in a policy.

use proptest::prelude::*;
use serde_json::json;

use crate::api::clusters::limits::account;
use crate::api::http::strict_json;
use crate::domain::iam::policies::{PolicyDocument, Values};

use super::*;

fn read(body: Value) -> Result<ClusterSpec, Vec<FieldError>> {
    validate(
        body,
        &ValidationContext {
            account: &account(),
            now: DateTime::UNIX_EPOCH,
            default_access: None,
            lookups: true,
        },
    )
}

/// Any JSON value, with field names and values of the request among its keys and strings.
fn any_json() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        "name",
        "node_type",
        "replication_factor",
        "service_role",
        "access",
        "tables",
        "all_tables",
        "arn",
        "tags",
        "subnet_group",
        "subnet_ids",
        "parameters",
        "record_ttl_millis",
        "read_only",
        "dax.r5.large",
        "orders",
        "a~1/b",
    ]);
    let text = prop_oneof![known.prop_map(str::to_owned), ".{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..12_i64).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..8)
                .prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_is_accepted_or_rejected_with_errors(body in any_json(), field in ".{0,8}") {
        let with_field = json!({
            "name": "a", "node_type": "dax.r5.large", "replication_factor": 1,
            field: body.clone(),
        });
        for body in [body, with_field] {
            if let Err(errors) = read(body) {
                prop_assert!(!errors.is_empty());
                let is_complete =
                    |error: &FieldError| error.pointer.is_some() && !error.code.is_empty();
                prop_assert!(errors.iter().all(is_complete));
            }
        }
    }

    #[test]
    fn accepted_bytes_are_the_same_json_for_serde(
        bytes in prop::collection::vec(any::<u8>(), 0..256),
    ) {
        if let Ok(value) = strict_json::read(&bytes) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).ok(), Some(value));
        }
    }

    #[test]
    fn policies_allow_the_accepted_tables_and_nothing_else(
        tables in prop::collection::vec("[ -~]{1,12}|[A-Za-z0-9_.-]{3,20}", 1..6),
    ) {
        let body = json!({
            "name": "a", "node_type": "dax.r5.large", "replication_factor": 1,
            "service_role": {"access": "read_write", "tables": tables},
        });
        let Ok(spec) = read(body) else { return Ok(()) };
        let ServiceRole::New { access, tables: Tables::Named(names) } = spec.service_role else {
            return Err(TestCaseError::fail("the request has named tables"));
        };
        prop_assert_eq!(&names, &tables);
        let prefix = "arn:aws:dynamodb:us-east-1:123456789012:table/";
        let mut expected: Vec<String> = names
            .iter()
            .flat_map(|name| [format!("{prefix}{name}"), format!("{prefix}{name}/index/*")])
            .collect();
        let tables = Tables::Named(names);
        let policies =
            access_policies(access, &tables, "aws", "us-east-1", "123456789012").unwrap();
        let mut resources: Vec<String> = policies.iter().flat_map(resources).collect();
        expected.sort();
        resources.sort();
        prop_assert_eq!(resources, expected);
    }
}

fn resources(policy: &PolicyDocument) -> Vec<String> {
    let lists = policy
        .statement
        .iter()
        .filter_map(|statement| statement.resource.clone());
    lists
        .flat_map(|resource| match resource {
            Values::One(value) => vec![value],
            Values::Many(values) => values,
        })
        .collect()
}
