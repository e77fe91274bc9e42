//! Broken rules: every rule that a body breaks, collected while its fields are read.

use std::collections::BTreeSet;

use crate::domain::validation::violation::RuleViolation;

use super::problem::FieldError;

/// Broken rules, as they are found.
#[derive(Default)]
pub(crate) struct Violations(pub(crate) Vec<FieldError>);

impl Violations {
    /// The value, or nothing and one more broken rule.
    pub(crate) fn check<T>(
        &mut self,
        pointer: impl Into<String>,
        value: Result<T, RuleViolation>,
    ) -> Option<T> {
        value
            .map_err(|rule| self.0.push(FieldError::at(pointer, rule)))
            .ok()
    }

    /// One more broken rule.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: &str) {
        self.0
            .push(FieldError::at(pointer, RuleViolation::new(code, detail)));
    }

    /// The value of a field that must be there.
    pub(crate) fn require<T>(&mut self, pointer: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(pointer, "required", "is required");
        }
        value
    }

    /// Each item of a list by its own rule, none twice, and not too many.
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
        let mut good = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(item) = self.check(format!("{pointer}/{index}"), read(item)) else {
                continue;
            };
            if seen.insert(item.clone()) {
                good.push(item);
            } else {
                self.add(format!("{pointer}/{index}"), "duplicate", "is listed twice");
            }
        }
        good
    }
}
