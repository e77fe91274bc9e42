//! Webhooks: the API, signatures, deliveries, and receivers that fail.

pub mod api;
pub mod deliveries;
pub mod failures;
pub mod figures;
pub mod processes;
pub mod projects;
pub mod receiver;
pub mod recovery;
pub mod signatures;
