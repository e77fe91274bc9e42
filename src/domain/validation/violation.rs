//! A broken rule: why a value was refused at the door.

use std::fmt;

/// One rule that a value broke; the door that read the value adds the JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleViolation {
    /// Stable word for programs, such as `out_of_range`.
    pub code: &'static str,
    /// One sentence for people, naming the rule.
    pub detail: String,
}

impl RuleViolation {
    /// A broken rule with its code and its sentence.
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
