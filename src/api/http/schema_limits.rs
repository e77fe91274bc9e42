//! Checks that the rules of a request body include every limit of its schema: `body_schema` leaves
//! the limits to the rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::http::body_schema::violated_keywords;

/// The keywords that limit a value of the right type.
const LIMITS: [&str; 10] = [
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "propertyNames",
];

/// Checks that the rules reject each body, and that together the bodies violate every limit in the
/// schema of `T`, and nothing else. Keys of maps in the bodies must be numbers.
pub(crate) fn check<T: ToSchema>(bodies: Vec<Value>, is_rejected: impl Fn(Value) -> bool) {
    let mut violated = BTreeSet::new();
    for body in bodies {
        let keywords = violated_keywords::<T>(&body);
        assert!(!keywords.is_empty(), "the schema accepts {body}");
        let limit = |(pointer, keyword): (String, String)| {
            let is_index = |key: &str| key.parse::<u32>().is_ok();
            let keys = pointer
                .split('/')
                .map(|key| if is_index(key) { "*" } else { key });
            format!("{} {keyword}", keys.collect::<Vec<_>>().join("/"))
        };
        violated.extend(keywords.into_iter().map(limit));
        assert!(is_rejected(body.clone()), "the rules accept {body}");
    }
    let document = serde_json::to_value(crate::api::openapi()).unwrap();
    let schema = json!({"$ref": format!("#/components/schemas/{}", T::name())});
    let mut limits = BTreeSet::new();
    collect(&document, &schema, "", &mut limits);
    assert_eq!(violated, limits);
}

/// Adds every limit in a schema: the pointer of the value with `*` for items, and the keyword.
fn collect(document: &Value, schema: &Value, pointer: &str, limits: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).unwrap();
        return collect(document, schema, pointer, limits);
    }
    let used = LIMITS
        .into_iter()
        .filter(|keyword| schema.get(keyword).is_some());
    limits.extend(used.map(|keyword| format!("{pointer} {keyword}")));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, property, &format!("{pointer}/{name}"), limits);
    }
    let inner = [&schema["items"], &schema["additionalProperties"]];
    for inner in inner.into_iter().filter(|inner| inner.is_object()) {
        collect(document, inner, &format!("{pointer}/*"), limits);
    }
}
