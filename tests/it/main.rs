//! The product's integration tests: real Postgres, the AWS sandbox over its wire, and the worker stepped by hand.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod changes;
mod conflicts;
mod contract;
mod crashes;
mod create_and_delete;
mod doctor;
mod door;
mod escalation_rows;
mod escalations;
mod generated_client;
mod guide;
mod http;
mod http_adoption;
mod http_clusters;
mod http_drift;
mod http_giving_up;
mod http_operations;
mod http_refusals;
mod http_scaling;
mod http_updates;
mod identity;
mod lost_answers;
mod permissions;
mod plans;
mod preflights;
mod processes;
mod quickstart;
mod requests;
mod signed;
mod sweep;
mod takeover;
mod tidy;
mod transactions;
mod world;
