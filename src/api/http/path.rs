//! The variable part of a path, as one text.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::problems::problem_code::ProblemCode;

use crate::api::http::api_error::ApiError;

/// The one variable part of the path. Bytes that are not UTF-8 name nothing here.
pub(crate) struct PathSegment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathSegment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(part)) => Ok(Self(part)),
            Err(_) => Err(ApiError::new(
                ProblemCode::NotFound,
                "the path names nothing here",
            )),
        }
    }
}
