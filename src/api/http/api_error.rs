//! API error: a problem as an HTTP response, with its headers.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::problems::problem_code::ProblemCode;
use crate::store::StoreError;

use super::problem::{PROBLEM_JSON, Problem};

/// `Retry-After` of a retryable error, unless a handler sets another.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error response: a problem and its `Retry-After`.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
    reason: Option<Reason>,
}

/// Why a caller was not admitted, in the extensions of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Reason(pub(crate) &'static str);

impl ApiError {
    /// An error of a type; `detail` describes this occurrence.
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// The problem.
    pub(crate) fn into_problem(self) -> Problem {
        *self.problem
    }

    /// The same error with the reason for audit records.
    pub(crate) fn because(self, reason: &'static str) -> Self {
        Self {
            reason: Some(Reason(reason)),
            ..self
        }
    }

    /// The same error with another `Retry-After`.
    pub(crate) fn with_retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let is_temporary = matches!(problem.status(), 429 | 503)
            || problem.code() == ProblemCode::OperationInProgress;
        Self {
            problem: Box::new(problem),
            retry_after: is_temporary.then_some(RETRY_AFTER),
            reason: None,
        }
    }
}

impl From<Box<Problem>> for ApiError {
    fn from(problem: Box<Problem>) -> Self {
        Self::from(*problem)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(error = &error as &dyn Error, "the database is unavailable");
            return Self::new(ProblemCode::Unavailable, "the database is unavailable");
        }
        tracing::error!(
            error = &error as &dyn Error,
            "request failed: database error"
        );
        Self::new(
            ProblemCode::Internal,
            "internal error; search the service log for this response's request ID",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem)
            .expect("a problem contains only strings, numbers and arrays");
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
        let mut response = (status, headers, Body::from(body)).into_response();
        if let Some(reason) = self.reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn only_temporary_errors_have_retry_after() {
        for &code in ProblemCode::VARIANTS {
            let response = ApiError::new(code, "x").into_response();
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
            let expected =
                matches!(code.status(), 429 | 503) || code == ProblemCode::OperationInProgress;
            assert_eq!(
                response.headers().contains_key(header::RETRY_AFTER),
                expected,
                "{code:?}"
            );
            assert_eq!(
                response.headers().contains_key(header::WWW_AUTHENTICATE),
                code.status() == 401
            );
        }
        let later = ApiError::new(ProblemCode::OperationInProgress, "x")
            .with_retry_after(Duration::from_secs(7));
        assert_eq!(later.into_response().headers()[header::RETRY_AFTER], "7");
    }
}
