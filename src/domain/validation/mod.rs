//! Validation: the rules of request fields, and their violations.

pub mod fields;
pub mod typed;
pub mod violation;

#[cfg(test)]
mod tests;
