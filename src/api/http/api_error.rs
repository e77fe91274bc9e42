//! Refusal: a problem on its way out, with the headers that go with it.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::problems::problem_code::ProblemCode;
use crate::store::StoreError;

use super::problem::{PROBLEM_JSON, Problem};

/// When a caller may ask again after a refusal that passes.
const COME_BACK: Duration = Duration::from_secs(1);

/// An answer that is a problem.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A problem of a type, with this occurrence in words.
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// The same refusal, with another time to come back.
    pub(crate) fn come_back_in(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let passes = matches!(problem.status(), 429 | 503)
            || problem.code() == ProblemCode::OperationInProgress;
        Self {
            problem: Box::new(problem),
            retry_after: passes.then_some(COME_BACK),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(
                error = &error as &dyn Error,
                "the database cannot be used right now"
            );
            return Self::new(
                ProblemCode::Unavailable,
                "the database cannot be used right now",
            );
        }
        tracing::error!(
            error = &error as &dyn Error,
            "a request failed in the store"
        );
        Self::new(
            ProblemCode::Internal,
            "the service failed; the request id of this answer finds the reason in its log",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem)
            .expect("a problem holds only texts, numbers and lists");
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_secs().max(1)),
            );
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        (status, headers, Body::from(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_when_to_come_back_and_nothing_else_does() {
        for code in ProblemCode::ALL {
            let answer = ApiError::new(code, "x").into_response();
            assert_eq!(answer.status().as_u16(), code.status());
            assert_eq!(answer.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
            let expected =
                matches!(code.status(), 429 | 503) || code == ProblemCode::OperationInProgress;
            assert_eq!(
                answer.headers().contains_key(header::RETRY_AFTER),
                expected,
                "{code:?}"
            );
            assert_eq!(
                answer.headers().contains_key(header::WWW_AUTHENTICATE),
                code.status() == 401
            );
        }
        let later = ApiError::new(ProblemCode::OperationInProgress, "x")
            .come_back_in(Duration::from_secs(7));
        assert_eq!(later.into_response().headers()[header::RETRY_AFTER], "7");
    }
}
