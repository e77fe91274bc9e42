//! Integration tests: real PostgreSQL, the AWS sandbox over HTTP, and workers that take single
//! turns.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod audit;
mod authorization;
mod commands;
mod documents;
mod engine;
mod http;
mod iam;
mod identity_providers;
mod lookups;
mod properties;
mod quickstart;
mod support;
mod targets;
mod tidy;
mod webhooks;
