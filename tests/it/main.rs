//! The product's integration tests: real Postgres, the AWS sandbox over its wire, and the worker stepped by hand.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod conflicts;
mod contract;
mod crashes;
mod create_and_delete;
mod generated_client;
mod http;
mod lost_answers;
mod permissions;
mod sweep;
mod takeover;
mod tidy;
mod transactions;
mod world;
