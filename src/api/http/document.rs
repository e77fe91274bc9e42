//! The OpenAPI document as it is published. The base document is generated from the handlers; this
//! adds what describes the requests to clients but is not used to validate them.

use serde::Serialize;
use serde_json::{Value, json};

/// Request schemas whose optional fields may be null or an empty list, which both mean absent: the
/// desired settings of a cluster contain them, and some clients send them for absent fields.
const NULL_IS_ABSENT: [&str; 5] = [
    "ClusterRequest",
    "ParametersRequest",
    "ScaleRequest",
    "ServiceRoleRequest",
    "SubnetGroupRequest",
];

pub(crate) fn is_null_absent(schema: &str) -> bool {
    NULL_IS_ABSENT.contains(&schema)
}

/// An OpenAPI document, with its members in the usual order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    openapi: Value,
    info: Value,
    tags: Value,
    paths: Value,
    components: Value,
}

impl Document {
    /// The published form of a base document.
    pub(crate) fn of(base: &utoipa::openapi::OpenApi) -> Self {
        let mut base = serde_json::to_value(base).expect("an OpenAPI document is JSON");
        let mut part = |name: &str| base[name].take();
        let mut document = Self {
            openapi: part("openapi"),
            info: part("info"),
            tags: part("tags"),
            paths: part("paths"),
            components: part("components"),
        };
        for name in NULL_IS_ABSENT {
            allow_null(&mut document.components["schemas"][name]);
        }
        document
    }
}

/// Allows null for the optional properties of a schema.
fn allow_null(schema: &mut Value) {
    let required = schema["required"].take();
    let is_required = |name: &str| {
        let mut names = required.as_array().into_iter().flatten();
        names.any(|one| one == name)
    };
    let properties = schema["properties"].as_object_mut();
    for (name, property) in properties.into_iter().flatten() {
        if !is_required(name) {
            or_null(property);
        }
    }
    if !required.is_null() {
        schema["required"] = required;
    } else if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
    }
}

fn or_null(property: &mut Value) {
    let Some(members) = property.as_object_mut() else {
        return;
    };
    if let Some(reference) = members.remove("$ref") {
        let choices = json!([{"type": "null"}, {"$ref": reference}]);
        members.insert("oneOf".to_owned(), choices);
    } else if let Some(kind) = members.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
}
