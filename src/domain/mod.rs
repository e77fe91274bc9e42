//! Floor 0, the words: what a cluster, an operation, a fault and a remedy are.
//!
//! Everything here is plain data and pure functions. Nobody enters who knows a framework: no HTTP, no SQL, no AWS
//! SDK. Wire shapes live in `api`, rows in `store`, SDK shapes in `aws`; each converts at its own door.

pub mod change;
pub mod cluster;
pub mod drift;
pub mod estimate;
pub mod history;
pub mod iam;
pub mod ingress;
pub mod installation;
pub mod inventory;
pub mod mutation;
pub mod names;
pub mod network;
pub mod node_types;
pub mod observed;
pub mod operation;
pub mod orphan;
pub mod plan;
pub mod preflight;
pub mod problems;
pub mod retry;
pub mod samples;
pub mod spec;
pub mod task;
pub mod timeline;
pub mod validation;
pub mod verdict;
pub mod waiting;
