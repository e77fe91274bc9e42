//! The OpenAPI document as it is published. The base document is generated from the handlers; this
//! adds what describes the requests to clients but is not used to validate them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Value, json};

mod version_3_0;

/// Request schemas whose optional fields may be null or an empty list, which both mean absent: the
/// desired settings of a cluster contain them, and some clients send them for absent fields.
const NULL_IS_ABSENT: [&str; 6] = [
    "ClusterRequest",
    "ParametersRequest",
    "ScaleRequest",
    "ServiceRoleRequest",
    "SubnetGroupRequest",
    "WebhookRequest",
];

/// The examples of request bodies by operation, and of answers by schema: what a fresh sandbox
/// receives and returns. A test sends each of them.
static EXAMPLES: LazyLock<Examples> = LazyLock::new(|| {
    serde_json::from_str(include_str!("document/examples.json"))
        .expect("a test checks that the examples are JSON")
});

#[derive(serde::Deserialize)]
struct Examples {
    requests: BTreeMap<String, Value>,
    answers: BTreeMap<String, Value>,
}

/// Objects inside `ClusterPatch`, and the names of their schemas. Generators give an object without
/// a name one of their own, and some cannot read one that may be null.
const NAMED_IN_PATCH: [(&str, &str); 2] = [
    ("parameters", "ParametersPatch"),
    ("parameter_group", "ParameterGroupPatch"),
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
        for (name, forms) in exclusive_fields() {
            let schema = &mut document.components["schemas"][name];
            schema["if"] = json!({});
            schema["then"] = json!({"anyOf": forms});
        }
        for (property, name) in NAMED_IN_PATCH {
            name_schema(&mut document.components["schemas"], property, name);
        }
        document.for_each_operation(|operation| {
            add_bodiless_answers(operation);
            add_examples(operation);
        });
        document
    }

    /// The same document as OpenAPI 3.0.3, for tools that do not read 3.1.
    #[must_use]
    pub fn as_version_3_0(&self) -> Self {
        version_3_0::of(self.clone())
    }

    fn for_each_operation(&mut self, mut change: impl FnMut(&mut Value)) {
        let items = self.paths.as_object_mut().into_iter().flatten();
        let operations = items.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
        operations.for_each(|(_, operation)| change(operation));
    }
}

/// The valid forms of the schemas whose fields exclude each other. The document states them as an
/// implication without a condition: generated clients would turn a plain `anyOf` into several types.
fn exclusive_fields() -> [(&'static str, Vec<Value>); 6] {
    // Generators do not read the schema `false`.
    let never = json!({"not": {}});
    let (absent, no_list) = (absent(), no_list());
    [
        ("ServiceRoleRequest", service_role_forms()),
        ("SubnetGroupRequest", subnet_group_forms()),
        (
            "ClusterRequest",
            vec![
                form(&[], json!({"parameters": absent})),
                form(&[], json!({"parameter_group": absent})),
            ],
        ),
        (
            "ScaleRequest",
            vec![
                form(&[], json!({"availability_zones": no_list})),
                form(&[], json!({"node_ids_to_remove": no_list})),
            ],
        ),
        (
            "IngressRequest",
            vec![
                form(&["cidr"], json!({"source_security_group_id": never})),
                form(&["source_security_group_id"], json!({"cidr": never})),
            ],
        ),
        (
            "ChangePlanRequest",
            only_one(&["update", "scale", "reboot", "repair", "delete"]),
        ),
    ]
}

fn service_role_forms() -> Vec<Value> {
    let (absent, no_list, text, list) = (absent(), no_list(), text(), list());
    let not_set = json!({"enum": [false, null]});
    vec![
        form(
            &["arn"],
            json!({"arn": text, "access": absent, "tables": no_list, "all_tables": not_set}),
        ),
        form(
            &["access", "tables"],
            json!({"arn": absent, "access": text, "tables": list, "all_tables": not_set}),
        ),
        form(
            &["access", "all_tables"],
            json!({"arn": absent, "access": text, "tables": no_list, "all_tables": {"enum": [true]}}),
        ),
    ]
}

fn subnet_group_forms() -> Vec<Value> {
    let (absent, no_list, text, list) = (absent(), no_list(), text(), list());
    vec![
        form(
            &["name"],
            json!({"name": text, "subnet_ids": no_list, "vpc_id": absent}),
        ),
        form(
            &["subnet_ids"],
            json!({"name": absent, "subnet_ids": list, "vpc_id": absent}),
        ),
        form(
            &["vpc_id"],
            json!({"name": absent, "subnet_ids": no_list, "vpc_id": text}),
        ),
    ]
}

/// One form for each of these fields, without the others.
fn only_one(names: &[&str]) -> Vec<Value> {
    let one = |name: &&str| {
        let others = names.iter().filter(|other| *other != name);
        let never = |other: &&str| ((*other).to_owned(), json!({"not": {}}));
        form(&[name], others.map(never).collect())
    };
    names.iter().map(one).collect()
}

fn form(required: &[&str], properties: Value) -> Value {
    json!({"required": required, "properties": properties})
}

fn absent() -> Value {
    json!({"type": "null"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn list() -> Value {
    json!({"type": "array", "minItems": 1})
}

fn no_list() -> Value {
    json!({"type": ["array", "null"], "maxItems": 0})
}

/// Allows null for the optional properties of a schema.
fn allow_null(schema: &mut Value) {
    let required = schema["required"].clone();
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
    if let (true, Some(schema)) = (required.is_null(), schema.as_object_mut()) {
        schema.remove("required");
    }
}

/// Moves the schema of a property of `ClusterPatch`, which may be null, to a schema of its own.
fn name_schema(schemas: &mut Value, property: &str, name: &str) {
    let mut schema = schemas["ClusterPatch"]["properties"][property].take();
    let description = schema["description"].take();
    schema["type"] = json!("object");
    schema["description"] = description.clone();
    schemas["ClusterPatch"]["properties"][property] = json!({
        "description": description,
        "oneOf": [{"type": "null"}, {"$ref": format!("#/components/schemas/{name}")}],
    });
    schemas[name] = schema;
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

/// Adds the answers that have no body, and what a stream consists of.
fn add_bodiless_answers(operation: &mut Value) {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let is_known = parameters
        .into_iter()
        .any(|parameter| parameter["name"] == "If-None-Match");
    if is_known {
        let description = "`If-None-Match` has the current version.";
        operation["responses"]["304"] = json!({"description": description});
    }
    let item = match operation["operationId"].as_str() {
        Some("stream_operation_events") => {
            let description = "`Last-Event-ID` is the last event of a finished operation.";
            operation["responses"]["204"] = json!({"description": description});
            "Event"
        }
        Some("stream_events") => "FeedItem",
        _ => return,
    };
    // OpenAPI 3.1 has no keyword for the items of a stream.
    operation["responses"]["200"]["content"]["text/event-stream"]["schema"] = json!({
        "type": "string",
        "description": format!("Server-sent events; `data` of each is one `{item}`."),
        "contentMediaType": "text/event-stream",
        "contentSchema": {"$ref": format!("#/components/schemas/{item}")},
    });
}

/// Adds an example to the request body and to the answers, where there is one.
fn add_examples(operation: &mut Value) {
    let id = operation["operationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if let Some(example) = EXAMPLES.requests.get(&id) {
        let content = operation["requestBody"]["content"].as_object_mut();
        for (_, media) in content.into_iter().flatten() {
            media["example"] = example.clone();
        }
    }
    let responses = operation["responses"].as_object_mut();
    for (_, response) in responses.into_iter().flatten() {
        let content = response.get_mut("content").and_then(Value::as_object_mut);
        for (_, media) in content.into_iter().flatten() {
            let reference = media["schema"]["$ref"].as_str().unwrap_or_default();
            let schema = reference.rsplit('/').next().unwrap_or_default();
            if let Some(example) = EXAMPLES.answers.get(schema) {
                media["example"] = example.clone();
            }
        }
    }
}
