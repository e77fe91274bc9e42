//! The document as OpenAPI 3.0.3: null is `nullable`, a reference has no siblings, and a body has one
//! media type, as generators for 3.0 need.

use serde_json::{Map, Value, json};

use super::Document;

pub(super) fn of(mut document: Document) -> Document {
    document.openapi = json!("3.0.3");
    if let Some(license) = document.info["license"].as_object_mut() {
        license.remove("identifier");
    }
    for part in [&mut document.paths, &mut document.components] {
        convert(part);
    }
    document.for_each_operation(|operation| {
        operation.get_mut("requestBody").map(keep_one_media_type);
        let responses = operation["responses"].as_object_mut();
        let Some(responses) = responses else { return };
        responses.values_mut().for_each(keep_one_media_type);
        // Some generators know one type of success, and unify `default` with it.
        if responses.contains_key("200") {
            responses.remove("204");
        }
        if let Some(error) = responses.remove("default") {
            responses.insert("4XX".to_owned(), error.clone());
            responses.insert("5XX".to_owned(), error);
        }
    });
    document
}

/// Keeps the JSON media type of a body that has several, else the first one.
fn keep_one_media_type(body: &mut Value) {
    let Some(content) = body.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    let json_type = "application/json".to_owned();
    let first = content.keys().next().cloned();
    let kept = if content.contains_key(&json_type) {
        Some(json_type)
    } else {
        first
    };
    content.retain(|media, _| Some(media) == kept.as_ref());
}

/// Converts the schemas in a value. An `example` is data and stays as it is.
fn convert(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(members) => {
            convert_schema(members);
            let parts = members.iter_mut().filter(|(name, _)| *name != "example");
            parts.for_each(|(_, member)| convert(member));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn convert_schema(schema: &mut Map<String, Value>) {
    // 3.0 cannot state these; the descriptions do.
    for keyword in [
        "propertyNames",
        "contentMediaType",
        "contentSchema",
        "if",
        "then",
    ] {
        schema.remove(keyword);
    }
    let kinds = schema.get("type").and_then(Value::as_array).cloned();
    if let Some(kinds) = kinds {
        let mut others = kinds.iter().filter(|kind| *kind != "null");
        if let Some(kind) = others.next() {
            schema.insert("type".to_owned(), kind.clone());
        }
        if kinds.iter().any(|kind| kind == "null") {
            schema.insert("nullable".to_owned(), json!(true));
        }
    }
    let choices = schema.get("oneOf").and_then(Value::as_array).cloned();
    if let Some(choices) = choices {
        let others: Vec<&Value> = choices.iter().filter(|one| one["type"] != "null").collect();
        if others.len() < choices.len() {
            schema.remove("oneOf");
            schema.insert("allOf".to_owned(), json!(others));
            schema.insert("nullable".to_owned(), json!(true));
        }
    }
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{"$ref": reference}]));
    }
}
