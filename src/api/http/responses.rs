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

use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::prefer::Waited;

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Minimum of `Retry-After` for an unfinished operation.
pub(crate) const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
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
        let tags = values.flat_map(list_members);
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

/// The `If-Match` of a request: the versions of the cluster that it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// The header was not sent.
    Absent,
    /// `*`: any version.
    Any,
    /// The version is one of these tags, each in double quotes.
    Tags(Vec<String>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts
            .headers
            .get_all(header::IF_MATCH)
            .iter()
            .map(|value| value.to_str().unwrap_or_default());
        let tags: Vec<&str> = values.flat_map(list_members).collect();
        let tags: Option<Vec<String>> = match tags.as_slice() {
            [] => return Ok(Self::Absent),
            [any] if any.trim() == "*" => return Ok(Self::Any),
            tags => tags.iter().map(|tag| entity_tag(tag)).collect(),
        };
        tags.map(Self::Tags).ok_or_else(|| {
            let detail = "must be an entity tag in double quotes, as in the `ETag` header, or `*`";
            let rule = RuleViolation::new("invalid_format", detail);
            Problem::invalid(vec![FieldError::of_parameter("If-Match", rule)]).into()
        })
    }
}

/// The members of a list of entity tags. A comma inside the quotes belongs to its tag.
fn list_members(value: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    value.split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
}

/// An entity tag, without the mark of a weak one: a proxy that compresses a response weakens its
/// tag, and the tag still names the version.
fn entity_tag(text: &str) -> Option<String> {
    let tag = text.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('"')).then(|| tag.to_owned())
}

impl IfMatch {
    /// Rejects a request that does not apply to this version of the cluster.
    pub(crate) fn check(&self, version: i64) -> Result<(), ApiError> {
        let tag = etag(version);
        match self {
            Self::Tags(tags)
                if !tags.contains(&tag) && !crate::sabotage::is("version_not_compared") =>
            {
                Err(other_version(version))
            }
            Self::Absent | Self::Any | Self::Tags(_) => Ok(()),
        }
    }

    /// The versions that the request applies to; `None`: any.
    pub(crate) fn versions(&self) -> Option<Vec<i64>> {
        match self {
            Self::Absent | Self::Any => None,
            Self::Tags(tags) => {
                let version = |tag: &String| tag.trim_matches('"').parse().ok();
                Some(tags.iter().filter_map(version).collect())
            }
        }
    }
}

/// The rejection of a request that applies to another version of the cluster.
pub(crate) fn other_version(version: i64) -> ApiError {
    let detail = format!(
        "the current version is {}; read it again and reapply the change",
        etag(version)
    );
    ApiError::new(ProblemCode::PreconditionFailed, detail)
}

/// The header `If-Match` of a request that needs it.
#[derive(IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
#[expect(dead_code, reason = "documents the header in the API document")]
pub(crate) struct RequiredIfMatch(
    /// `ETag` of the resource as last read, or `*` for any version. Without this header the response
    /// is 428. If the resource has changed, it is 412.
    #[param(value_type = String, required = true, example = "*")]
    String,
);

/// The header `If-Match` of a request that honours it.
#[derive(IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
#[expect(dead_code, reason = "documents the header in the API document")]
pub(crate) struct OptionalIfMatch(
    /// `ETag` of the cluster as last read. If the cluster has changed, the response is 412.
    #[param(value_type = String, required = false, example = "*")]
    String,
);

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

/// Marks a response whose operation was started by an earlier request.
pub(crate) fn replayed(mut response: Response) -> Response {
    insert(response.headers_mut(), REPLAYED, "true");
    response
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

/// `Retry-After` of an unfinished operation: the time until it may have changed, within limits. That
/// is its next attempt, or its estimated completion if that is earlier: a poll of all clusters can
/// end a wait.
pub(crate) fn retry_after(
    next_attempt_at: Option<DateTime<Utc>>,
    estimated_completion_at: Option<DateTime<Utc>>,
) -> Duration {
    let earliest = next_attempt_at
        .into_iter()
        .chain(estimated_completion_at)
        .min();
    let until = earliest
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

    async fn if_match(sent: &[&str]) -> Result<IfMatch, ApiError> {
        let mut request = Request::patch("/");
        for value in sent {
            request = request.header(header::IF_MATCH, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn if_match_compares_quoted_tags_and_rejects_others() {
        for (sent, matches) in [
            ("\"7\"", true),
            ("\"6\" , \"7\"", true),
            ("*", true),
            ("W/\"7\"", true),
            ("\"6\"", false),
            ("W/\"6\"", false),
            ("\"6,\"", false),
            ("\"a,b\", \"7\"", true),
        ] {
            let sent_tags = if_match(&[sent]).await.unwrap();
            assert_eq!(sent_tags.check(7).is_ok(), matches, "{sent}");
        }
        for bad in [
            "7", "", "\"7", "7\"", "\"7\", 8", "W/7", "\"7\"7\"", "\"", "*, \"7\"",
        ] {
            assert!(if_match(&[bad]).await.is_err(), "{bad}");
        }
        assert_eq!(if_match(&[]).await.unwrap(), IfMatch::Absent);
        assert!(
            if_match(&["\"6\"", "\"7\""])
                .await
                .unwrap()
                .check(7)
                .is_ok()
        );
    }

    #[test]
    fn retry_after_is_the_time_until_the_next_turn_within_limits() {
        let after = |seconds| Some(now() + TimeDelta::milliseconds(seconds * 1_000_i64 - 500));
        assert_eq!(retry_after(None, None), RETRY_AFTER_MIN);
        assert_eq!(retry_after(after(-3_600), None), RETRY_AFTER_MIN);
        assert_eq!(retry_after(after(10), None), Duration::from_secs(10));
        assert_eq!(retry_after(after(3_600), None), RETRY_AFTER_MAX);
        assert_eq!(retry_after(after(10), after(4)), Duration::from_secs(4));
        assert_eq!(retry_after(after(4), after(10)), Duration::from_secs(4));
        assert_eq!(retry_after(after(10), after(-1)), RETRY_AFTER_MIN);
    }
}
