//! Audit: what is recorded of requests, and the list of records.

pub(crate) mod counts;
pub(crate) mod list;
pub(crate) mod recording;
