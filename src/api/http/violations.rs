//! Violations: the broken rules of a body, collected while its fields are validated.

use std::collections::BTreeSet;

use crate::domain::validation::violation::RuleViolation;

use super::problem::FieldError;

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

    /// Validates a list: each item by `read`, no duplicates, 1 to `most` items. Returns the valid
    /// items.
    pub(crate) fn list(
        &mut self,
        pointer: &str,
        items: Vec<String>,
        most: usize,
        read: impl Fn(&str) -> Result<String, RuleViolation>,
    ) -> Vec<String> {
        if items.is_empty() || items.len() > most {
            self.add(
                pointer,
                "out_of_range",
                &format!("must have 1 to {most} items"),
            );
        }
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
