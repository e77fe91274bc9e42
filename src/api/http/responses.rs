//! Responses with their headers: a single resource, a list, an accepted operation.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::IntoParams;

use crate::api::http::api_error::ApiError;
use crate::api::http::prefer::Waited;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Minimum of `Retry-After` for an unfinished operation.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
/// Maximum of `Retry-After` for an unfinished operation.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// The entity tags in `If-None-Match`: the versions that the caller has.
#[derive(Debug, Clone, Default, PartialEq, Eq, IntoParams)]
#[into_params(names("If-None-Match"), parameter_in = Header)]
pub(crate) struct IfNoneMatch(
    /// Entity tags that the caller has; 304 if the current one is among them.
    #[param(value_type = String, required = false, example = "\"7\"")]
    Vec<String>,
);

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts
            .headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let tags = values.flat_map(|value| value.split(','));
        Ok(Self(
            tags.map(|tag| tag.trim().trim_start_matches("W/").to_owned())
                .collect(),
        ))
    }
}

impl IfNoneMatch {
    /// Whether the header was sent.
    pub(crate) fn is_present(&self) -> bool {
        !self.0.is_empty()
    }

    fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|sent| sent == "*" || sent == tag)
    }
}

/// The entity tags in `If-Match`: the versions that a change applies to; empty if not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub(crate) struct IfMatch(
    /// `ETag` of the cluster as last read, or `*` for any version. Without this header the response
    /// is 428. If the cluster has changed, it is 412.
    #[param(value_type = String, required = true, example = "\"7\"")]
    Vec<String>,
);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts
            .headers
            .get_all(header::IF_MATCH)
            .iter()
            .map(|value| value.to_str().unwrap_or_default());
        let tags = values.flat_map(|value| value.split(','));
        Ok(Self(tags.map(|tag| tag.trim().to_owned()).collect()))
    }
}

impl IfMatch {
    /// Whether the header was sent.
    pub(crate) fn is_present(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the change applies to this version. The comparison is strong (RFC 9110, section
    /// 8.8.3.2): a weak tag matches nothing.
    pub(crate) fn allows(&self, version: i64) -> bool {
        let tag = etag(version);
        self.0.iter().any(|sent| sent == "*" || *sent == tag)
    }
}

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The 304 response without a body, if the caller has this version.
pub(crate) fn not_modified(version: i64, known: &IfNoneMatch) -> Option<Response> {
    let tag = etag(version);
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::ETAG, &tag);
    known
        .has(&tag)
        .then(|| (StatusCode::NOT_MODIFIED, headers).into_response())
}

/// A single resource with its entity tag; 304 without a body if the caller has this version.
pub(crate) fn single<T: Serialize>(version: i64, resource: &T, known: &IfNoneMatch) -> Response {
    not_modified(version, known).unwrap_or_else(|| {
        let mut headers = HeaderMap::new();
        insert(&mut headers, header::ETAG, &etag(version));
        (headers, Json(resource)).into_response()
    })
}

/// The 202 of an accepted operation: its URL, and when to poll it.
pub(crate) fn accepted<T: Serialize>(
    location: &str,
    operation: &T,
    retry_after: Duration,
    waited: &Waited,
) -> Response {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::LOCATION, location);
    insert_polling_headers(&mut headers, Some(retry_after), waited);
    (StatusCode::ACCEPTED, headers, Json(operation)).into_response()
}

/// Adds `Retry-After` and `Preference-Applied`.
pub(crate) fn insert_polling_headers(
    headers: &mut HeaderMap,
    retry_after: Option<Duration>,
    waited: &Waited,
) {
    if let Some(wait) = retry_after {
        insert(headers, header::RETRY_AFTER, &wait.as_secs().to_string());
    }
    if let Some(applied) = &waited.applied {
        insert(headers, PREFERENCE_APPLIED, applied);
    }
}

/// `Retry-After` of an unfinished operation: the time until its next turn, within limits.
pub(crate) fn retry_after(next_attempt_at: Option<DateTime<Utc>>) -> Duration {
    let until = next_attempt_at
        .and_then(|at| (at - now()).to_std().ok())
        .unwrap_or_default();
    Duration::from_secs(until.as_secs_f64().ceil() as u64).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
}

/// The clock of this process; only for values that are shown, never for decisions.
#[expect(
    clippy::disallowed_methods,
    reason = "an estimate in a response needs no database clock; no decision depends on it"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use chrono::TimeDelta;

    use super::*;

    #[tokio::test]
    async fn a_version_that_the_caller_has_is_not_sent() {
        for (known, status) in [
            ("\"7\"", 304),
            ("W/\"7\"", 304),
            ("\"6\", \"7\"", 304),
            ("*", 304),
            ("\"6\"", 200),
            ("7", 200),
        ] {
            let (mut parts, ()) = Request::get("/")
                .header(header::IF_NONE_MATCH, known)
                .body(())
                .unwrap()
                .into_parts();
            let known_versions = IfNoneMatch::from_request_parts(&mut parts, &())
                .await
                .unwrap();
            let response = single(7, &"x", &known_versions);
            assert_eq!(response.status(), status, "{known}");
            assert_eq!(response.headers()[header::ETAG], "\"7\"");
        }
    }

    #[tokio::test]
    async fn if_match_compares_strongly() {
        for (sent, matches) in [
            ("\"7\"", true),
            ("\"6\" , \"7\"", true),
            ("*", true),
            ("W/\"7\"", false),
            ("\"6\"", false),
            ("7", false),
            ("", false),
        ] {
            let (mut parts, ()) = Request::patch("/")
                .header(header::IF_MATCH, sent)
                .body(())
                .unwrap()
                .into_parts();
            let if_match = IfMatch::from_request_parts(&mut parts, &()).await.unwrap();
            assert!(if_match.is_present());
            assert_eq!(if_match.allows(7), matches, "{sent}");
        }
        let (mut parts, ()) = Request::patch("/").body(()).unwrap().into_parts();
        assert!(
            !IfMatch::from_request_parts(&mut parts, &())
                .await
                .unwrap()
                .is_present()
        );
    }

    #[test]
    fn retry_after_is_the_time_until_the_next_turn_within_limits() {
        assert_eq!(retry_after(None), RETRY_AFTER_MIN);
        assert_eq!(
            retry_after(Some(now() - TimeDelta::hours(1))),
            RETRY_AFTER_MIN
        );
        assert_eq!(
            retry_after(Some(now() + TimeDelta::milliseconds(9_500))),
            Duration::from_secs(10)
        );
        assert_eq!(
            retry_after(Some(now() + TimeDelta::hours(1))),
            RETRY_AFTER_MAX
        );
    }
}
