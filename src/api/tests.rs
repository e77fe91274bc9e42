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
        let with_body = responses
            .values()
            .filter(|response| response.get("content").is_some());
        let has_answer = responses
            .keys()
            .any(|status| status.starts_with('2') && status != "204");
        assert_eq!(with_body.count(), 1 + usize::from(has_answer), "{route}");
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

/// Every value in a document with the name of its member, except in examples.
fn each_member(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| *name != "example") {
                visit(name, member);
                each_member(member, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_member(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn request_schemas_state_defaults_in_words_only() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        each_member(schema, &mut |member, _| {
            assert_ne!(member, "default", "{name}");
        });
    }
}

#[test]
fn version_3_0_has_no_construct_of_3_1() {
    let document = serde_json::to_value(super::document().as_version_3_0()).unwrap();
    assert_eq!(document["openapi"], "3.0.3");
    assert!(document["info"]["license"].get("identifier").is_none());
    each_member(&document, &mut |member, value| {
        let is_type = member == "type" && !value.is_object();
        assert!(!is_type || value.is_string() && value != "null", "{value}");
        assert_ne!(member, "propertyNames");
    });
    for (route, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.contains_key("4XX") && !responses.contains_key("default"),
            "{route}"
        );
    }
}

#[test]
fn every_request_body_and_every_answer_has_an_example() {
    let document = document();
    for (route, operation) in operations(&document) {
        let contents = operation["responses"].as_object().unwrap().values();
        let contents = contents.chain([&operation["requestBody"]]);
        let media = contents
            .filter_map(|body| body["content"].as_object())
            .flatten();
        for (media_type, content) in media {
            let is_object = content["schema"].get("$ref").is_some();
            assert!(
                !is_object || content.get("example").is_some(),
                "{route} {media_type}"
            );
        }
    }
}

/// An example must be what its schema allows; an answer must also be complete.
#[test]
fn every_example_is_valid() {
    let document = document();
    let mut checked = 0;
    for (route, operation) in operations(&document) {
        let contents = operation["responses"].as_object().unwrap().values();
        let contents = contents.chain([&operation["requestBody"]]);
        let media = contents
            .filter_map(|body| body["content"].as_object())
            .flatten();
        for (_, content) in media.filter(|(_, content)| content.get("example").is_some()) {
            let root = serde_json::json!({
                "$ref": content["schema"]["$ref"], "components": document["components"],
            });
            let validator = jsonschema::draft202012::new(&root).unwrap();
            let errors: Vec<_> = validator
                .iter_errors(&content["example"])
                .map(|error| format!("{} {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{route}: {errors:#?}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
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
