//! The HTTP API: requests, responses, problems, events, and a generated client.

pub mod account_lists;
pub mod adoption;
pub mod authentication;
pub mod cancel;
pub mod cluster_events;
pub mod clusters;
pub mod connections;
pub mod documentation;
pub mod drift;
pub mod event_feed;
pub mod event_stream;
pub mod generated_client;
pub mod health;
pub mod operations;
pub mod patches;
pub mod request_bodies;
pub mod request_ids;
pub mod scaling;
pub mod shared_limits;
pub mod tokens;
pub mod unknown_paths;
pub mod updates;
pub mod validation;
