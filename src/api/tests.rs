//! Tests of the OpenAPI document: completeness, constructs that client generators accept, and the
//! committed copy.

use std::collections::BTreeSet;

use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(super::document()).unwrap()
}

/// Every operation, named by its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn every_operation_has_a_unique_id_one_success_and_the_problem() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (route, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            id.contains('_') && ids.insert(id.to_owned()),
            "{route}: {id}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses.len(), 2, "{route}");
        for (status, response) in responses {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{route} {status}"
            );
        }
        let default = &operation["responses"]["default"]["content"];
        let problem = &default["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{route}");
        let authenticated = operation["security"][0].get("bearer").is_some();
        assert_eq!(authenticated, route.contains(" /v1/"), "{route}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{route} {parameter}"
            );
            assert!(
                parameter["schema"].get("$ref").is_some()
                    || parameter["schema"]["type"].is_string(),
                "{parameter}"
            );
        }
    }
    assert!(ids.contains("create_cluster") && ids.contains("list_orphans"));
}

#[test]
fn bodies_are_flat() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            for choice in ["oneOf", "anyOf", "allOf"] {
                let Some(choices) = property.get(choice) else {
                    continue;
                };
                // The only choice allowed is a schema or null.
                let has_null = choices
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|choice| choice["type"] == "null");
                assert!(
                    has_null && choices.as_array().unwrap().len() == 2,
                    "{name}.{field}"
                );
            }
        }
    }
}

#[test]
fn requests_reject_unknown_fields_and_responses_are_complete() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let request = name.ends_with("Request") || name.ends_with("Patch");
        assert_eq!(
            schema
                .get("additionalProperties")
                .is_some_and(|additional| *additional == false),
            request,
            "{name}"
        );
        let complete = schema["required"].as_array().map_or(0, Vec::len) == properties.len();
        assert!(
            complete || request || ["Problem", "FieldError"].contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn the_committed_document_is_current() {
    let committed = include_str!("../../openapi/openapi.json");
    let current = serde_json::to_string_pretty(&super::document()).unwrap();
    assert!(
        committed.trim_end() == current,
        "openapi/openapi.json is stale: `dax-provisioner openapi` prints the current one"
    );
}

#[tokio::test]
async fn the_response_to_a_panic_omits_its_message() {
    let response = super::panic_response(Box::new("a secret"));
    assert_eq!(response.status(), 500);
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["code"], "internal");
    assert!(!String::from_utf8_lossy(&body).contains("secret"));
}
