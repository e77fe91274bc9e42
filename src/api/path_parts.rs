//! The variable part of a path, as one text.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::problem_code::ProblemCode;

use super::refusal::Refusal;

/// The one variable part of the path. Bytes that are not UTF-8 name nothing here.
pub(super) struct PathPart(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathPart {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(part)) => Ok(Self(part)),
            Err(_) => Err(Refusal::new(ProblemCode::NotFound, "the path names nothing here")),
        }
    }
}
