//! Parses settings and collects all errors.

use std::collections::BTreeSet;

use super::variables::variable_of;
use super::{Environment, Secret};

pub(super) struct Reader<'a> {
    pub(super) environment: &'a Environment,
    from_environment: BTreeSet<String>,
    errors: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        from_environment: BTreeSet<String>,
        errors: Vec<String>,
    ) -> Reader<'a> {
        Self {
            environment,
            from_environment,
            errors,
        }
    }

    pub(super) fn into_errors(self) -> Vec<String> {
        self.errors
    }

    /// Records an error of a setting. The text contains the rule and never the value, which could
    /// be a misplaced secret.
    pub(super) fn error(&mut self, id: &str, rule: &str) {
        let key = if self.from_environment.contains(id) {
            variable_of(id)
        } else {
            format!("--{}", id.replace('_', "-"))
        };
        self.errors.push(format!("{key}: {rule}"));
    }

    /// Records an error of a variable without a flag.
    pub(super) fn variable_error(&mut self, name: &str, rule: &str) {
        self.errors.push(format!("{name}: {rule}"));
    }

    /// Parses a value, or records `rule` as an error.
    pub(super) fn value<T>(
        &mut self,
        id: &str,
        text: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(text);
        if value.is_none() {
            self.error(id, rule);
        }
        value
    }

    pub(super) fn integer(&mut self, id: &str, text: &str, min: u32, max: u32) -> Option<u32> {
        let rule = format!("must be an integer from {min} to {max}");
        self.value(id, text, &rule, |text| {
            text.parse()
                .ok()
                .filter(|number| (min..=max).contains(number))
        })
    }

    /// Parses a number of seconds, which can have a fraction.
    pub(super) fn seconds(&mut self, id: &str, text: &str) -> Option<f64> {
        let is_valid = |seconds: &f64| (0.0..=86_400.0).contains(seconds);
        self.value(
            id,
            text,
            "must be a number of seconds from 0 to 86400",
            |text| text.parse().ok().filter(is_valid),
        )
    }

    /// Reads a secret from the variable `name`, or from the file whose path is in `{name}_FILE`.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let file_variable = format!("{name}_FILE");
        match (
            self.environment.get(name),
            self.environment.get(&file_variable),
        ) {
            (Some(_), Some(_)) => {
                self.variable_error(
                    &file_variable,
                    &format!("cannot be combined with {name}; set only one of them"),
                );
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(path)) => match Secret::from_file(path.as_ref()) {
                Ok(secret) => Some(secret),
                Err(rule) => {
                    self.variable_error(&file_variable, &rule);
                    None
                }
            },
            (None, None) => None,
        }
    }
}
