//! The product's integration tests: real Postgres, the AWS sandbox over its wire, and the worker stepped by hand.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod account_lists;
mod cluster_events;
mod conflicts;
mod connections;
mod contract;
mod crashes;
mod create_and_delete;
mod doctor;
mod door;
mod escalation_rows;
mod escalations;
mod event_stream;
mod generated_client;
mod guide;
mod http;
mod http_clusters;
mod http_operations;
mod http_refusals;
mod identity;
mod lost_answers;
mod permissions;
mod plans;
mod preflights;
mod processes;
mod python;
mod quickstart;
mod requests;
mod signed;
mod sweep;
mod takeover;
mod tidy;
mod transactions;
mod world;
