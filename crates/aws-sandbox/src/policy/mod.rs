//! IAM policies: documents, evaluation and denial messages.
//!
//! No other module reads the JSON of a policy.

mod action;
mod address;
mod condition;
pub mod denial_text;
pub mod document;
pub mod evaluate;
mod json;
pub mod missing;
mod operator;
mod pattern;
pub(crate) mod principal;
mod resource;
mod statement;
mod variables;

#[cfg(test)]
mod properties;
