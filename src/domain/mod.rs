//! Domain (layer 0): plain data and pure functions. It depends on no other layer.
//!
//! No framework types: no HTTP, SQL or AWS SDK. Wire shapes live in `api`, rows in `store` and SDK
//! shapes in `aws`; each layer converts at its own border.

pub mod audit;
pub mod caller;
pub mod change;
pub mod cluster;
pub mod condition;
pub mod drift;
pub mod estimate;
pub mod history;
pub mod iam;
pub mod ingress;
pub mod installation;
pub mod inventory;
pub mod issuer;
pub mod mutation;
pub mod names;
pub mod network;
pub mod node_types;
pub mod observed;
pub mod operation;
pub mod orphan;
pub mod partitions;
pub mod pasted;
pub mod plan;
pub mod preflight;
pub mod prices;
pub mod problems;
pub mod project;
pub mod retry;
pub mod samples;
pub mod spec;
pub mod target;
pub mod task;
pub mod timeline;
pub mod validation;
pub mod verdict;
pub mod waiting;
pub mod webhooks;
