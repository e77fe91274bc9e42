//! The variable segment of a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::problems::problem_code::ProblemCode;

use crate::api::http::api_error::ApiError;

/// The variable segment of the path, percent-decoded. Invalid UTF-8 is a 404.
pub(crate) struct PathSegment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathSegment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(_) => Err(ApiError::new(
                ProblemCode::NotFound,
                "no such resource",
            )),
        }
    }
}
