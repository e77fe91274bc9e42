//! dax-provisioner: asks AWS for DynamoDB Accelerator clusters, and explains every refusal.
//!
//! The floor plan, from the top; a floor sees only those below it (ARCHITECTURE.md has the reasons):
//!
//! - 4: `app`, `config`, `telemetry`, `commands` put the parts together.
//! - 3: `api` is the HTTP door; `worker` takes turns at operations. They never see each other.
//! - 2: `operations` is what the product does; `inspections` is what it asks of AWS without changing it.
//! - 1: `store` is Postgres and the only SQL; `aws` is AWS and the only SDK. They never see each other.
//! - 0: `domain` is the words.

#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod aws;
pub mod commands;
pub mod config;
pub mod domain;
pub mod inspections;
pub mod operations;
pub mod store;
pub mod telemetry;
pub mod worker;
