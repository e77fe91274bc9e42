//! Violations: the broken rules of a body, collected while its fields are validated.

use std::collections::BTreeSet;

use crate::domain::validation::violation::RuleViolation;

use super::problem::FieldError;

/// Length from which the name of a field or parameter is cut in a response, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// The validation errors of a body, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Violations(pub(crate) Vec<FieldError>);

impl Violations {
    /// Returns the value, or adds the broken rule.
    pub(crate) fn check<T>(
        &mut self,
        pointer: impl Into<String>,
        value: Result<T, RuleViolation>,
    ) -> Option<T> {
        value
            .map_err(|rule| self.0.push(FieldError::at(pointer, rule)))
            .ok()
    }

    /// Adds a broken rule.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: &str) {
        self.0
            .push(FieldError::at(pointer, RuleViolation::new(code, detail)));
    }

    /// Returns the value of a required field, or adds an error.
    pub(crate) fn require<T>(&mut self, pointer: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(pointer, "required", "is required");
        }
        value
    }

    /// Validates an optional field by `rule`. Returns its value, if there is a valid one.
    pub(crate) fn optional<V, T>(
        &mut self,
        pointer: &str,
        value: Option<V>,
        rule: impl FnOnce(V) -> Result<T, RuleViolation>,
    ) -> Option<T> {
        value.and_then(|value| self.check(pointer, rule(value)))
    }

    /// Validates a required field by `rule`. Returns its value, if there is a valid one.
    pub(crate) fn required<V, T>(
        &mut self,
        pointer: &str,
        value: Option<V>,
        rule: impl FnOnce(V) -> Result<T, RuleViolation>,
    ) -> Option<T> {
        let value = self.require(pointer, value);
        self.optional(pointer, value, rule)
    }

    /// Validates the length of a list: 1 to `most` items.
    pub(crate) fn length(&mut self, pointer: &str, length: usize, most: usize) {
        if !(1..=most).contains(&length) {
            let detail = format!("must have 1 to {most} items");
            self.add(pointer, "out_of_range", &detail);
        }
    }

    /// Validates each item of a list by `read`. Returns the valid items.
    pub(crate) fn items<T>(
        &mut self,
        pointer: &str,
        items: &[String],
        read: impl Fn(&str) -> Result<T, RuleViolation>,
    ) -> Vec<T> {
        let read =
            |(index, item): (usize, &String)| self.check(format!("{pointer}/{index}"), read(item));
        items.iter().enumerate().filter_map(read).collect()
    }

    /// Validates a list: each item by `read`, no duplicates, 1 to `most` items. Returns the valid
    /// items.
    pub(crate) fn list<T: Clone + Ord>(
        &mut self,
        pointer: &str,
        items: Vec<String>,
        most: usize,
        read: impl Fn(&str) -> Result<T, RuleViolation>,
    ) -> Vec<T> {
        self.length(pointer, items.len(), most);
        let mut seen = BTreeSet::new();
        let mut valid = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(item) = self.check(format!("{pointer}/{index}"), read(item)) else {
                continue;
            };
            if seen.insert(item.clone()) {
                valid.push(item);
            } else {
                self.add(format!("{pointer}/{index}"), "duplicate", "is listed twice");
            }
        }
        valid
    }
}

/// Cuts the long names of errors for a response. Only names that no request has are so long.
pub(super) fn shorten_names(errors: &mut [FieldError]) {
    for error in errors {
        let names = [&mut error.pointer, &mut error.parameter];
        for name in names.into_iter().flatten() {
            if name.len() > NAME_BYTES_MAX {
                name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
                name.push('…');
            }
        }
    }
}
