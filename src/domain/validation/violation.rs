//! Violation: why the value of a field is invalid.

use std::fmt;

/// One rule that a value violates. The API adds the JSON pointer of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleViolation {
    /// Stable code for programs, such as `out_of_range`.
    pub code: &'static str,
    /// The rule in one sentence, for human readers.
    pub detail: String,
}

impl RuleViolation {
    /// Creates a violation from its code and its sentence.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for RuleViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
