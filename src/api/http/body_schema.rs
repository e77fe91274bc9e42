//! Body schema: validates a body against its schema in the OpenAPI document, then deserializes it.
//!
//! The schema of the document is the one that is enforced, so the two cannot differ. There are two
//! kinds of violations:
//!
//! - *Hard*: wrong type, unknown field, missing field. The field is removed and the rest of the
//!   body is read, so that the rules of the other fields still apply.
//! - *Soft*: a limit or a pattern. It is reported only where the field's own rule, whose text is
//!   better, reports nothing.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::validation::violation::RuleViolation;

use super::problem::FieldError;

/// Maximum number of fields removed, one after another, to read the rest of a body.
const REMOVED_MAX: usize = 64;

/// The schema of one kind of body, compiled.
pub(crate) struct BodySchema(Validator);

/// The violations of a schema in one body.
#[derive(Debug, Default)]
pub(crate) struct SchemaViolations {
    hard: Vec<FieldError>,
    soft: Vec<FieldError>,
}

impl BodySchema {
    /// Compiles the schema of this name in the OpenAPI document.
    pub(crate) fn of(name: &str) -> Self {
        let document =
            serde_json::to_value(crate::api::openapi()).expect("an OpenAPI document is JSON");
        let root = json!({
            "$ref": format!("#/components/schemas/{name}"),
            "components": document["components"],
        });
        let validator = jsonschema::draft202012::new(&root)
            .expect("a test checks that the OpenAPI document contains valid schemas");
        Self(validator)
    }

    /// Reads a body as far as possible, and returns every violation of the schema.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        mut body: Value,
    ) -> (Option<T>, SchemaViolations) {
        let mut violations = SchemaViolations::default();
        for error in self.0.iter_errors(&body) {
            let (is_hard, errors) = field_errors(&error);
            if is_hard {
                violations.hard.extend(errors)
            } else {
                violations.soft.extend(errors)
            }
        }
        for error in &violations.hard {
            remove(&mut body, error.pointer.as_deref().unwrap_or_default());
        }
        for _ in 0..REMOVED_MAX {
            match serde_path_to_error::deserialize::<_, T>(&body) {
                Ok(read) => return (Some(read), violations),
                Err(error) => {
                    let pointer = pointer_of(error.path());
                    violations.add_unreadable(&pointer);
                    if !remove(&mut body, &pointer) {
                        break;
                    }
                }
            }
        }
        (None, violations)
    }
}

impl SchemaViolations {
    /// Adds a field that cannot be deserialized, with the schema's violation as the reason if there
    /// is one.
    fn add_unreadable(&mut self, pointer: &str) {
        let (reasons, soft) = std::mem::take(&mut self.soft)
            .into_iter()
            .partition(|error| error.pointer.as_deref() == Some(pointer));
        self.soft = soft;
        self.hard.extend::<Vec<_>>(reasons);
        if !self.hard.iter().any(|error| overlaps(error, pointer)) {
            let rule = RuleViolation::new("wrong_type", "has an invalid value");
            self.hard.push(FieldError::at(pointer, rule));
        }
    }

    /// All errors of a body: hard violations, then broken rules of other fields, then soft
    /// violations of fields without a broken rule.
    pub(crate) fn merged_with(self, rules: Vec<FieldError>) -> Vec<FieldError> {
        let is_covered = |pointer: &str| self.hard.iter().any(|error| overlaps(error, pointer));
        let mut errors: Vec<FieldError> = rules
            .into_iter()
            .filter(|error| !is_covered(error.pointer.as_deref().unwrap_or_default()))
            .collect();
        let reported: BTreeSet<Option<String>> =
            errors.iter().map(|error| error.pointer.clone()).collect();
        let soft = self
            .soft
            .into_iter()
            .filter(|error| !reported.contains(&error.pointer));
        errors.extend(soft);
        errors.splice(0..0, self.hard);
        errors.dedup();
        errors
    }
}

/// Whether a hard violation is at, inside or around the value at `pointer`: a rule there has read
/// an incomplete value.
fn overlaps(error: &FieldError, pointer: &str) -> bool {
    let hard = error.pointer.as_deref().unwrap_or_default();
    let is_inside = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    is_inside(hard, pointer) || is_inside(pointer, hard)
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

fn field_errors(error: &ValidationError<'_>) -> (bool, Vec<FieldError>) {
    let pointer = error.instance_path().as_str();
    let member = |key: &str| format!("{pointer}/{}", escape(key));
    let soft = |code, detail: String| {
        (
            false,
            vec![FieldError::at(pointer, RuleViolation::new(code, detail))],
        )
    };
    let hard = |code, detail: String| {
        (
            true,
            vec![FieldError::at(pointer, RuleViolation::new(code, detail))],
        )
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let rule = || RuleViolation::new("unknown_field", "is not a field of this request");
            (
                true,
                unexpected
                    .iter()
                    .map(|key| FieldError::at(member(key), rule()))
                    .collect(),
            )
        }
        ValidationErrorKind::Required { property } => {
            let rule = RuleViolation::new("required", "is required");
            (
                true,
                vec![FieldError::at(
                    member(property.as_str().unwrap_or_default()),
                    rule,
                )],
            )
        }
        ValidationErrorKind::Type { kind } => {
            hard("wrong_type", format!("must be {}", type_names(kind)))
        }
        ValidationErrorKind::Enum { options } => {
            let values: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string)
                .collect();
            hard(
                "unknown_value",
                format!("must be one of {}", values.join(", ")),
            )
        }
        ValidationErrorKind::Maximum { limit } => {
            soft("out_of_range", format!("must be at most {limit}"))
        }
        ValidationErrorKind::Minimum { limit } => {
            soft("out_of_range", format!("must be at least {limit}"))
        }
        ValidationErrorKind::MinLength { limit: 1 }
        | ValidationErrorKind::MinItems { limit: 1 }
        | ValidationErrorKind::MinProperties { limit: 1 } => {
            soft("out_of_range", "must not be empty".to_owned())
        }
        ValidationErrorKind::MaxLength { limit } => soft(
            "out_of_range",
            format!("must have at most {limit} characters"),
        ),
        ValidationErrorKind::MinLength { limit } => soft(
            "out_of_range",
            format!("must have at least {limit} characters"),
        ),
        ValidationErrorKind::MaxItems { limit } => {
            soft("out_of_range", format!("must have at most {limit} items"))
        }
        ValidationErrorKind::MinItems { limit } => {
            soft("out_of_range", format!("must have at least {limit} items"))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            soft("out_of_range", format!("must have at most {limit} members"))
        }
        ValidationErrorKind::MinProperties { limit } => soft(
            "out_of_range",
            format!("must have at least {limit} members"),
        ),
        ValidationErrorKind::Pattern { pattern } => {
            soft("invalid_format", format!("must match {pattern}"))
        }
        ValidationErrorKind::PropertyNames { error } => {
            let key = error.instance().as_str().unwrap_or_default().to_owned();
            let detail = "must have a name that is neither empty nor too long";
            let rule = RuleViolation::new("out_of_range", detail);
            (false, vec![FieldError::at(member(&key), rule)])
        }
        // The library's enum is open; the schemas of this API use no other keyword.
        other => hard(
            "invalid",
            format!("violates `{}` of its schema", other.keyword()),
        ),
    }
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
