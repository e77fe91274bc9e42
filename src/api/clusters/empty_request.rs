//! The body of a request without fields: `{}`, or no body.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::http::api_error::ApiError;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::problem::Problem;

/// An object without fields.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyRequest {}

pub(crate) fn reject_fields(body: &Value) -> Result<(), ApiError> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("EmptyRequest"));
    let (_, schema_errors) = SCHEMA.read::<EmptyRequest>(body.clone());
    let errors = schema_errors.merged_with(Vec::new());
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(errors).into())
    }
}
