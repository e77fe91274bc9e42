//! The HTTP contract: requests, responses, problems, events, and a generated client.

pub mod account_lists;
pub mod adoption;
pub mod authentication;
pub mod cancel;
pub mod cluster_events;
pub mod clusters;
pub mod connections;
pub mod drift;
pub mod errors;
pub mod event_stream;
pub mod generated_client;
pub mod operations;
pub mod patches;
pub mod scaling;
pub mod updates;
pub mod validation;
