//! The body of a request without fields: `{}`, or no body.

use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema;
use crate::api::http::problem::Problem;

/// An object without fields.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyRequest {}

impl FromRequest<Api> for EmptyRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let OptionalBody(body) = OptionalBody::from_request(request, api).await?;
        let read = body_schema::validate(body, |empty: Self, _| Some(empty));
        read.map_err(|errors| Problem::invalid(errors).into())
    }
}
