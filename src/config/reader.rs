//! The reader of settings: turns text into values and collects every fault on the way.

use std::collections::BTreeSet;

use super::variables::variable_of;
use super::{Environment, Secret};

/// Reads values and remembers what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) environment: &'a Environment,
    from_environment: BTreeSet<String>,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        from_environment: BTreeSet<String>,
        faults: Vec<String>,
    ) -> Reader<'a> {
        Self {
            environment,
            from_environment,
            faults,
        }
    }

    pub(super) fn into_faults(self) -> Vec<String> {
        self.faults
    }

    /// Notes a fault of a setting. The text says the rule and never the value, which may be a secret in the wrong place.
    pub(super) fn fault(&mut self, id: &str, rule: &str) {
        let key = if self.from_environment.contains(id) {
            variable_of(id)
        } else {
            format!("--{}", id.replace('_', "-"))
        };
        self.faults.push(format!("{key}: {rule}"));
    }

    /// Notes a fault of a variable that has no flag.
    pub(super) fn variable_fault(&mut self, name: &str, rule: &str) {
        self.faults.push(format!("{name}: {rule}"));
    }

    /// Reads a value, or notes the rule it breaks.
    pub(super) fn value<T>(
        &mut self,
        id: &str,
        text: &str,
        rule: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(text);
        if value.is_none() {
            self.fault(id, rule);
        }
        value
    }

    /// Reads a whole number within limits.
    pub(super) fn number(&mut self, id: &str, text: &str, least: u32, most: u32) -> Option<u32> {
        let rule = format!("must be a whole number from {least} to {most}");
        self.value(id, text, &rule, |text| {
            text.parse()
                .ok()
                .filter(|number| (least..=most).contains(number))
        })
    }

    /// Reads seconds, which may have a fraction.
    pub(super) fn seconds(&mut self, id: &str, text: &str) -> Option<f64> {
        let fits = |seconds: &f64| (0.0..=86_400.0).contains(seconds);
        self.value(
            id,
            text,
            "must be a number of seconds from 0 to 86400",
            |text| text.parse().ok().filter(fits),
        )
    }

    /// Reads a secret from a variable, or from the file that the variable with `_FILE` after its name points to.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let file_variable = format!("{name}_FILE");
        match (
            self.environment.get(name),
            self.environment.get(&file_variable),
        ) {
            (Some(_), Some(_)) => {
                self.variable_fault(
                    &file_variable,
                    &format!("{name} is set too; set one of them"),
                );
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(path)) => match Secret::from_file(path.as_ref()) {
                Ok(secret) => Some(secret),
                Err(rule) => {
                    self.variable_fault(&file_variable, &rule);
                    None
                }
            },
            (None, None) => None,
        }
    }
}
