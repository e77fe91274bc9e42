//! Body schema: validates a body against its schema in the OpenAPI document, then by its rules.
//!
//! The schema of the document is the one that is enforced, so the two cannot differ. It reports
//! wrong types, unknown fields and missing fields. Such a field is removed and the rest of the body
//! is read, so that the rules of the other fields still apply. Limits and patterns of the schema
//! are left to the rules, whose texts are better; a test checks that the rules include them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{ERRORS_COUNTED_MAX, FieldError};
use crate::api::http::document::is_null_absent;
use crate::api::http::openapi::is_request_schema;
use crate::api::http::violations::Violations;

/// Maximum number of fields removed, one after another, to read the rest of a body.
const REMOVED_MAX: usize = 64;

/// The OpenAPI document, without what is only for its readers.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::to_value(crate::api::openapi()).expect("an OpenAPI document is JSON")
});

/// The compiled schemas of all request bodies, by name.
static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let document = &*DOCUMENT;
    let schemas = document["components"]["schemas"].as_object();
    let names = schemas.into_iter().flatten().map(|(name, _)| name);
    let compile = |name: &String| {
        let root = json!({
            "$ref": format!("#/components/schemas/{name}"),
            "components": document["components"],
        });
        let validator = jsonschema::draft202012::new(&root)
            .expect("a test checks that the OpenAPI document contains valid schemas");
        (name.clone(), validator)
    };
    names
        .filter(|name| is_request_schema(name))
        .map(compile)
        .collect()
});

fn schema_of<T: ToSchema>() -> &'static Validator {
    SCHEMAS
        .get(T::name().as_ref())
        .expect("the schema of every request body is in the OpenAPI document")
}

/// Validates a body against the schema of `T`, then by `rules`. Returns the result of the rules, or
/// every violation of the schema and, for the other fields, of the rules.
pub(crate) fn validate<T: DeserializeOwned + ToSchema, U>(
    mut body: Value,
    rules: impl FnOnce(T, &mut Violations) -> Option<U>,
) -> Result<U, Vec<FieldError>> {
    let mut validation = Validation::of_schema::<T>(&mut body);
    let request = validation.read(body);
    let valid = request.and_then(|request| rules(request, &mut validation.violations));
    validation.finish(valid)
}

/// The validation of one body, in steps: its schema, its types, its rules.
pub(crate) struct Validation {
    /// Violations of the schema, and fields that could not be deserialized.
    errors: Vec<FieldError>,
    /// Violations of the rules.
    pub(crate) violations: Violations,
}

impl Validation {
    /// Validates a body against the schema of `T`, and removes the invalid fields from the body.
    ///
    /// A body with too many errors is not examined further.
    pub(crate) fn of_schema<T: ToSchema>(body: &mut Value) -> Self {
        if is_null_absent(&T::name()) {
            remove_absent(body, &T::name());
        }
        simplify(body);
        let errors: Vec<FieldError> = schema_of::<T>()
            .iter_errors(body)
            .flat_map(|error| field_errors(&error))
            .take(ERRORS_COUNTED_MAX + 1)
            .collect();
        if errors.len() <= ERRORS_COUNTED_MAX {
            for error in &errors {
                remove(body, pointer_to(error));
            }
        }
        Self {
            errors,
            violations: Violations::default(),
        }
    }

    /// Deserializes a body without the fields that cannot be read, and adds an error for each of
    /// them.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, mut body: Value) -> Option<T> {
        if self.errors.len() > ERRORS_COUNTED_MAX {
            return None;
        }
        for _ in 0..REMOVED_MAX {
            let pointer = match serde_path_to_error::deserialize::<_, T>(&body) {
                Ok(read) => return Some(read),
                Err(error) => pointer_of(error.path()),
            };
            if !Covered::of(&self.errors).contains(&pointer) {
                // The schema's integers have no limit, those of the requests have 64 bits.
                let rule = if body.pointer(&pointer).is_some_and(Value::is_u64) {
                    RuleViolation::new("out_of_range", "is too large")
                } else {
                    RuleViolation::new("wrong_type", "has an invalid value")
                };
                self.errors.push(FieldError::at(pointer.as_str(), rule));
            }
            if !remove(&mut body, &pointer) {
                break;
            }
        }
        None
    }

    /// The valid result, or all violations. A violation of a rule is left out if its field, or a
    /// part of it, was removed.
    pub(crate) fn finish<T>(self, valid: Option<T>) -> Result<T, Vec<FieldError>> {
        let Self {
            mut errors,
            mut violations,
        } = self;
        let covered = Covered::of(&errors);
        violations
            .0
            .retain(|broken| !covered.contains(pointer_to(broken)));
        errors.append(&mut violations.0);
        errors.dedup();
        valid.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

/// The pointer and the keyword of every violation of the schema of `T`.
#[cfg(test)]
pub(crate) fn violated_keywords<T: ToSchema>(body: &Value) -> Vec<(String, String)> {
    let errors = schema_of::<T>().iter_errors(body);
    errors
        .map(|error| {
            let pointer = error.instance_path().as_str().to_owned();
            (pointer, error.kind().keyword().to_owned())
        })
        .collect()
}

fn pointer_to(error: &FieldError) -> &str {
    error.pointer.as_deref().unwrap_or_default()
}

/// The values that have an error at, inside or around them: a rule there has read an incomplete
/// value. A set, so that many violations are not compared with many errors.
struct Covered<'a>(BTreeSet<&'a str>);

impl<'a> Covered<'a> {
    fn of(errors: &'a [FieldError]) -> Self {
        Self(errors.iter().map(pointer_to).collect())
    }

    fn contains(&self, pointer: &str) -> bool {
        let around = pointer.match_indices('/').map(|(end, _)| &pointer[..end]);
        let inside = format!("{pointer}/");
        self.0.contains(pointer)
            || around.into_iter().any(|outer| self.0.contains(outer))
            || self
                .0
                .range::<str, _>((Bound::Included(&*inside), Bound::Unbounded))
                .next()
                .is_some_and(|first| first.starts_with(&inside))
    }
}

/// Removes the optional members of a schema that are null, and lists that are empty: they mean the
/// same as an absent member.
fn remove_absent(body: &mut Value, schema: &str) {
    let schema = &DOCUMENT["components"]["schemas"][schema];
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let Value::Object(members) = body else {
        return;
    };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let Some(member) = members.get_mut(name) else {
            continue;
        };
        let is_list = property["type"] == "array";
        let is_absent = member.is_null() || is_list && *member == json!([]);
        if is_absent && !is_required(name) {
            members.remove(name);
        } else if let Some(reference) = property["$ref"].as_str() {
            remove_absent(member, reference.rsplit('/').next().unwrap_or_default());
        }
    }
}

/// Cuts every list to one item more than any list may have: the rest would only add to the cost.
/// Writes a number such as `3.0` as the integer that it is in JSON Schema.
fn simplify(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.truncate(fields::TABLES_MAX + 1);
            items.iter_mut().for_each(simplify);
        }
        Value::Object(members) => members.values_mut().for_each(simplify),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0);
            let exact = whole.filter(|whole| whole.abs() <= fields::TTL_MILLIS_MAX as f64);
            if let Some(exact) = exact.filter(|_| number.is_f64()) {
                *value = json!(exact as i64);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Removes the member at a pointer, or the innermost enclosing member of an object.
fn remove(body: &mut Value, pointer: &str) -> bool {
    let mut pointer = pointer;
    while let Some((parent, key)) = pointer.rsplit_once('/') {
        if let Some(Value::Object(members)) = body.pointer_mut(parent) {
            return members.remove(&unescape(key)).is_some();
        }
        pointer = parent;
    }
    false
}

/// Escapes a key as one segment of a JSON pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;

    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escape(key)),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

fn field_errors(error: &ValidationError<'_>) -> Vec<FieldError> {
    use ValidationErrorKind as Kind;

    let pointer = error.instance_path().as_str();
    let member = |key: &str| format!("{pointer}/{}", escape(key));
    let rule = match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let rule = || RuleViolation::new("unknown_field", "is not a field of this request");
            return unexpected
                .iter()
                .take(ERRORS_COUNTED_MAX + 1)
                .map(|key| FieldError::at(member(key), rule()))
                .collect();
        }
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let rule = RuleViolation::new("required", "is required");
            return vec![FieldError::at(member(property), rule)];
        }
        Kind::Type { kind } => {
            RuleViolation::new("wrong_type", format!("must be {}", type_names(kind)))
        }
        Kind::Enum { options } => {
            let options = options.as_array().into_iter().flatten();
            let values: Vec<String> = options.map(Value::to_string).collect();
            let detail = format!("must be one of {}", values.join(", "));
            RuleViolation::new("unknown_value", detail)
        }
        // The rules of the fields report these.
        Kind::Maximum { .. }
        | Kind::Minimum { .. }
        | Kind::MaxLength { .. }
        | Kind::MinLength { .. }
        | Kind::MaxItems { .. }
        | Kind::MinItems { .. }
        | Kind::MaxProperties { .. }
        | Kind::MinProperties { .. }
        | Kind::Pattern { .. }
        | Kind::PropertyNames { .. } => return Vec::new(),
        // The library's enum is open; the schemas of this API use no other keyword.
        other => {
            let detail = format!("violates `{}` of its schema", other.keyword());
            RuleViolation::new("invalid", detail)
        }
    };
    vec![FieldError::at(pointer, rule)]
}

fn type_names(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_name(*one).to_owned(),
        TypeKind::Multiple(many) => many.iter().map(type_name).collect::<Vec<_>>().join(" or "),
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_at_inside_and_around_a_value_cover_it() {
        let rule = || RuleViolation::new("wrong_type", "must be a string");
        let errors = ["/a/b", "/c-d", "/c/0/x", "/é~1"].map(|at| FieldError::at(at, rule()));
        let covered = Covered::of(&errors);
        for pointer in [
            "/a/b", "/a", "", "/a/b/c", "/c", "/c/0", "/c/0/x/y", "/é~1/z",
        ] {
            assert!(covered.contains(pointer), "{pointer}");
        }
        for pointer in ["/a/bc", "/a/c", "/c/1", "/c/0/y", "/c-d-e", "/d", "/é"] {
            assert!(!covered.contains(pointer), "{pointer}");
        }
        let root = [FieldError::at("", rule())];
        assert!(Covered::of(&root).contains("/a/b") && Covered::of(&root).contains(""));
        assert!(!Covered::of(&[]).contains(""));
    }
}
