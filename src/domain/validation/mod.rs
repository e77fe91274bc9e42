//! Validation: the rules of each field, and the violations that callers see.

pub mod fields;
pub mod violation;
