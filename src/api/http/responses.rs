//! Answers: the headers that go with an operation, a single resource and a list.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::api::http::api_error::ApiError;
use crate::api::http::prefer::Waited;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// When to ask again about an operation that is at work.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Longest time until an operation is asked about again.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(60);

/// The versions a caller has, from `If-None-Match`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IfNoneMatch(Vec<String>);

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
    fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|one| one == "*" || one == tag)
    }
}

/// The version a change is meant for, from `If-Match`: nothing, any version, or one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IfMatch(Vec<String>);

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
    pub(crate) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the change is meant for this version. The comparison is the strong one: a weak tag matches nothing.
    pub(crate) fn allows(&self, version: i64) -> bool {
        let tag = etag(version);
        self.0.iter().any(|one| one == "*" || *one == tag)
    }
}

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// A single resource: with its entity tag, or nothing if the caller has this version.
pub(crate) fn single<T: Serialize>(version: i64, resource: &T, known: &IfNoneMatch) -> Response {
    let tag = etag(version);
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::ETAG, &tag);
    if known.has(&tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Json(resource)).into_response()
}

/// A list, with the link to its next page.
pub(crate) fn list<T: Serialize>(page: &T, next: Option<&str>) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(link) = next {
        insert(&mut headers, header::LINK, link);
    }
    (headers, Json(page)).into_response()
}

/// An accepted mutation: where to ask about it, and when.
pub(crate) fn accepted<T: Serialize>(
    location: &str,
    operation: &T,
    ask_again: Duration,
    waited: &Waited,
) -> Response {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::LOCATION, location);
    insert_pace(&mut headers, Some(ask_again), waited);
    (StatusCode::ACCEPTED, headers, Json(operation)).into_response()
}

/// Adds when to ask again, and what became of the caller's preference.
pub(crate) fn insert_pace(headers: &mut HeaderMap, ask_again: Option<Duration>, waited: &Waited) {
    if let Some(wait) = ask_again {
        insert(headers, header::RETRY_AFTER, &wait.as_secs().to_string());
    }
    if let Some(applied) = &waited.applied {
        insert(headers, PREFERENCE_APPLIED, applied);
    }
}

/// When to ask again about an unfinished operation: when it is visited next, and no sooner than in a second.
pub(crate) fn ask_again(next_attempt_at: Option<DateTime<Utc>>) -> Duration {
    let until = next_attempt_at
        .and_then(|at| (at - now()).to_std().ok())
        .unwrap_or_default();
    Duration::from_secs(until.as_secs_f64().ceil() as u64).clamp(ASK_AGAIN, ASK_AGAIN_MAX)
}

/// The clock of this process, for what is only told and never decides.
#[expect(
    clippy::disallowed_methods,
    reason = "an estimate shown to people needs no agreed clock; nothing is decided by it"
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
    async fn a_known_version_is_not_sent_again() {
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
            let answer = single(7, &"x", &known_versions);
            assert_eq!(answer.status(), status, "{known}");
            assert_eq!(answer.headers()[header::ETAG], "\"7\"");
        }
    }

    #[tokio::test]
    async fn a_change_is_for_one_version_and_weak_tags_match_nothing() {
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
            let wanted = IfMatch::from_request_parts(&mut parts, &()).await.unwrap();
            assert!(wanted.is_given());
            assert_eq!(wanted.allows(7), matches, "{sent}");
        }
        let (mut parts, ()) = Request::patch("/").body(()).unwrap().into_parts();
        assert!(
            !IfMatch::from_request_parts(&mut parts, &())
                .await
                .unwrap()
                .is_given()
        );
    }

    #[test]
    fn callers_come_back_when_something_can_have_changed() {
        assert_eq!(ask_again(None), ASK_AGAIN);
        assert_eq!(ask_again(Some(now() - TimeDelta::hours(1))), ASK_AGAIN);
        assert_eq!(
            ask_again(Some(now() + TimeDelta::milliseconds(9_500))),
            Duration::from_secs(10)
        );
        assert_eq!(ask_again(Some(now() + TimeDelta::hours(1))), ASK_AGAIN_MAX);
    }
}
