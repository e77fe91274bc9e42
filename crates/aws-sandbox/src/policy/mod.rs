//! IAM policies: reading documents, deciding requests, wording refusals. Nobody outside this room looks at a policy's JSON.

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
mod principal;
mod resource;
mod statement;

#[cfg(test)]
mod laws;
