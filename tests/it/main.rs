//! The product's integration tests: real Postgres, the AWS sandbox over its wire, and the worker stepped by hand.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod engine;
mod http;
mod iam;
mod lookups;
mod properties;
mod quickstart;
mod support;
mod tidy;
