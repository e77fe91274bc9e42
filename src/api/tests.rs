//! The API document: complete, valid where clients trip, and the committed one.

use std::collections::BTreeSet;

use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(super::openapi()).unwrap()
}

/// Every operation with its path and method.
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
fn every_operation_has_a_name_of_its_own_one_success_and_the_problem() {
    let document = document();
    let mut names = BTreeSet::new();
    for (place, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(
            name.contains('_') && names.insert(name.to_owned()),
            "{place}: {name}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses.len(), 2, "{place}");
        for (status, response) in responses {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{place} {status}"
            );
        }
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            ["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{place}");
        let guarded = operation["security"][0].get("bearer").is_some();
        assert_eq!(guarded, place.contains(" /v1/"), "{place}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{place} {parameter}"
            );
            assert!(
                parameter["schema"].get("$ref").is_some()
                    || parameter["schema"]["type"].is_string(),
                "{parameter}"
            );
        }
    }
    assert!(names.contains("create_cluster") && names.contains("list_orphans"));
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
                // The only choice there is: a part, or null.
                let null = choices
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|choice| choice["type"] == "null");
                assert!(
                    null && choices.as_array().unwrap().len() == 2,
                    "{name}.{field}"
                );
                assert!(!name.ends_with("Request"), "{name}.{field}");
            }
        }
    }
}

#[test]
fn requests_refuse_unknown_fields_and_answers_are_complete() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let request = name.ends_with("Request") || name.ends_with("Patch");
        assert_eq!(
            schema
                .get("additionalProperties")
                .is_some_and(|more| *more == false),
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
fn the_committed_document_is_the_document() {
    let committed = include_str!("../../openapi/openapi.json");
    let fresh = super::openapi().to_pretty_json().unwrap();
    assert!(
        committed.trim_end() == fresh,
        "openapi/openapi.json is stale: `dax-provisioner openapi` prints the fresh one"
    );
}

#[tokio::test]
async fn a_panic_is_answered_without_its_text() {
    let answer = super::answer_panic(Box::new("a secret"));
    assert_eq!(answer.status(), 500);
    let body = axum::body::to_bytes(answer.into_body(), 10_000)
        .await
        .unwrap();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["code"], "internal");
    assert!(!String::from_utf8_lossy(&body).contains("secret"));
}
