//! The faults of an organisation, collected so that all are reported at once.

use std::fmt;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, by its path in the directory.
    pub file: String,
    /// Where in the file, such as `targets.default.region`; empty for the whole file.
    pub place: String,
    /// What is wrong, and what to do. It never contains the value.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            write!(f, "{}: {}", self.file, self.rule)
        } else {
            write!(f, "{}: {}: {}", self.file, self.place, self.rule)
        }
    }
}

/// All faults of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Faults {
    pub(super) fn add(&mut self, file: &str, place: &str, rule: impl Into<String>) {
        self.0.push(Fault {
            file: file.to_owned(),
            place: place.to_owned(),
            rule: rule.into(),
        });
    }

    /// The value, if there are no faults.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}
