//! The HTTP protocol layer of the API: bodies, strict JSON, schema errors, merge patches, query,
//! path, paging, idempotency, authentication, responses, problems and the OpenAPI document.
//!
//! It must not depend on the other folders of `api`, on `operations` or on `inspections`.

pub mod address;
pub(super) mod api_error;
pub(super) mod authentication;
pub(super) mod aws_permits;
pub(super) mod body;
pub(super) mod body_schema;
pub mod document;
pub(super) mod fingerprint;
pub(super) mod idempotency;
pub(super) mod load;
pub(super) mod merge_patch;
pub(super) mod openapi;
pub(super) mod paging;
pub(super) mod path;
pub(super) mod prefer;
pub mod problem;
pub(super) mod query;
pub(super) mod request_context;
pub(super) mod responses;
#[cfg(test)]
pub(super) mod schema_limits;
pub(super) mod shares;
pub(super) mod sse;
pub(super) mod strict_json;
pub mod tokens;
pub(super) mod violations;
