//! Body schema: a body is checked against the schema it has in the API document, then read.
//!
//! So the document cannot promise what the service does not keep. Faults of two sorts come out of it: a *hard* one (wrong
//! type, unknown field, missing field) keeps the field from being read, and the rest of the body is read without it, so
//! that the rules of the other fields are checked all the same; a *soft* one (a limit or a pattern) is only told where
//! the field's own rule, which says it better, is silent.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::validation::violation::RuleViolation;

use super::problem::FieldError;

/// Most fields that are left out, one after another, to read the rest of a body.
const LEFT_OUT_MAX: usize = 64;

/// The schema of one kind of body, compiled.
pub(crate) struct BodySchema(Validator);

/// What the schema finds in a body.
#[derive(Debug, Default)]
pub(crate) struct SchemaFaults {
    hard: Vec<FieldError>,
    soft: Vec<FieldError>,
}

impl BodySchema {
    /// The schema of this name in the API document.
    pub(crate) fn of(name: &str) -> Self {
        let document =
            serde_json::to_value(crate::api::openapi()).expect("an API document is JSON");
        let root = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
        let validator = jsonschema::draft202012::new(&root)
            .expect("the API document holds valid schemas, which a test checks");
        Self(validator)
    }

    /// Reads a body as far as it can be read, together with every fault the schema finds.
    pub(crate) fn read<T: DeserializeOwned>(&self, mut body: Value) -> (Option<T>, SchemaFaults) {
        let mut faults = SchemaFaults::default();
        for error in self.0.iter_errors(&body) {
            let (is_hard, errors) = field_errors(&error);
            if is_hard {
                faults.hard.extend(errors)
            } else {
                faults.soft.extend(errors)
            }
        }
        for fault in &faults.hard {
            leave_out(&mut body, fault.pointer.as_deref().unwrap_or_default());
        }
        for _ in 0..LEFT_OUT_MAX {
            match serde_path_to_error::deserialize::<_, T>(&body) {
                Ok(read) => return (Some(read), faults),
                Err(error) => {
                    let pointer = pointer_of(error.path());
                    faults.add_unreadable(&pointer);
                    if !leave_out(&mut body, &pointer) {
                        break;
                    }
                }
            }
        }
        (None, faults)
    }
}

impl SchemaFaults {
    /// Notes that a field cannot be read: for the reason the schema has, if it has one.
    fn add_unreadable(&mut self, pointer: &str) {
        let (told, soft) = std::mem::take(&mut self.soft)
            .into_iter()
            .partition(|fault| fault.pointer.as_deref() == Some(pointer));
        self.soft = soft;
        self.hard.extend::<Vec<_>>(told);
        if !self.hard.iter().any(|fault| is_about(fault, pointer)) {
            let rule = RuleViolation::new("wrong_type", "has a value that cannot be read here");
            self.hard.push(FieldError::at(pointer, rule));
        }
    }

    /// All faults of a body: hard ones, then what the rules say of other fields, then limits no rule spoke of.
    pub(crate) fn merged_with(self, rules: Vec<FieldError>) -> Vec<FieldError> {
        let covered = |pointer: &str| self.hard.iter().any(|fault| is_about(fault, pointer));
        let mut errors: Vec<FieldError> = rules
            .into_iter()
            .filter(|error| !covered(error.pointer.as_deref().unwrap_or_default()))
            .collect();
        let spoken: BTreeSet<Option<String>> =
            errors.iter().map(|error| error.pointer.clone()).collect();
        let soft = self
            .soft
            .into_iter()
            .filter(|fault| !spoken.contains(&fault.pointer));
        errors.extend(soft);
        errors.splice(0..0, self.hard);
        errors.dedup();
        errors
    }
}

/// Whether a hard fault lies at, in or around what a pointer names, so that a rule there has seen half a value.
fn is_about(fault: &FieldError, pointer: &str) -> bool {
    let hard = fault.pointer.as_deref().unwrap_or_default();
    let lies_in = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    lies_in(hard, pointer) || lies_in(pointer, hard)
}

/// Removes the member at a pointer, or the nearest member of an object around it.
fn leave_out(body: &mut Value, pointer: &str) -> bool {
    let mut pointer = pointer;
    while let Some((parent, key)) = pointer.rsplit_once('/') {
        if let Some(Value::Object(members)) = body.pointer_mut(parent) {
            return members.remove(&unescape(key)).is_some();
        }
        pointer = parent;
    }
    false
}

/// A key as a part of a JSON pointer.
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
            hard("wrong_type", format!("must be {}", type_words(kind)))
        }
        ValidationErrorKind::Enum { options } => {
            let words: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string)
                .collect();
            hard(
                "unknown_value",
                format!("must be one of {}", words.join(", ")),
            )
        }
        ValidationErrorKind::Maximum { limit } => {
            soft("out_of_range", format!("must be at most {limit}"))
        }
        ValidationErrorKind::Minimum { limit } => {
            soft("out_of_range", format!("must be at least {limit}"))
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
            let rule = RuleViolation::new("out_of_range", "has a name that is empty or too long");
            (false, vec![FieldError::at(member(&key), rule)])
        }
        // The set is the library's and open; our schemas use none of the others.
        other => hard(
            "invalid",
            format!("breaks the rule `{}` of its schema", other.keyword()),
        ),
    }
}

fn type_words(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_word(*one).to_owned(),
        TypeKind::Multiple(many) => many.iter().map(type_word).collect::<Vec<_>>().join(" or "),
    }
}

fn type_word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    }
}
