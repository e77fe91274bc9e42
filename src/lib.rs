//! dax-provisioner provisions Amazon DynamoDB Accelerator (DAX) clusters and explains AWS errors.
//!
//! The modules form layers. A layer depends on lower layers only; ARCHITECTURE.md has the reasons.
//!
//! - 4: `app`, `config`, `telemetry` and `commands` assemble the program; `organisation` is the
//!   directory that an operator keeps as code.
//! - 3: `api` is the HTTP API; `worker` runs operations. They are independent of each other.
//! - 2: `operations` are the steps that change AWS; `inspections` only read from it.
//! - 1: `store` contains all SQL, `aws` all use of the SDK, `oidc` all use of identity providers,
//!   `outgoing` requests to URLs of callers, `authorization` all decisions. They are independent of each
//!   other.
//! - 0: `domain` contains plain data and pure functions, without framework types. Beside it, `traces`
//!   adds spans to the traces of requests.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod authorization;
pub mod aws;
pub mod commands;
pub mod config;
pub mod domain;
pub mod inspections;
pub mod oidc;
pub mod operations;
pub mod organisation;
pub mod outgoing;
pub mod sabotage;
pub mod store;
pub mod telemetry;
pub mod traces;
pub mod worker;
