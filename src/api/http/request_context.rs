//! Request context: request ID, trace context, tracing span, and the headers of all responses.

use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, Span};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::problems::problem_code::ProblemCode;
use crate::traces;

use crate::api::http::api_error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Maximum length of a caller's request ID; a longer one is replaced.
const REQUEST_ID_MAX: usize = 128;
/// Methods that are logged and counted by name; any other can be long, and different each time.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
const OTHER_METHOD: &str = "(other)";
/// Metric label of a request without a route; its path is arbitrary.
const NO_ROUTE: &str = "(none)";

/// The IDs of a request: the caller's if valid, else new ones.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct RequestContext {
    /// The caller's ID of this request: 1 to 128 ASCII letters, digits and `-_.:/+=@~`. Generated
    /// if absent or in another form.
    #[param(rename = "X-Request-Id", required = false)]
    pub(crate) request_id: String,
    /// W3C Trace Context; generated if absent or in another form.
    #[param(required = false)]
    pub(crate) traceparent: String,
}

impl RequestContext {
    /// The context of a request, and its span, which begins by `begin` with the request ID.
    fn of(headers: &HeaderMap, begin: impl FnOnce(&str) -> Span) -> (Self, Span) {
        let request_id = single(headers, &REQUEST_ID).filter(|id| is_request_id(id));
        let request_id = request_id.unwrap_or_else(|| Uuid::now_v7().to_string());
        let span = begin(&request_id);
        let given = single(headers, &TRACEPARENT).filter(|text| is_traceparent(text));
        if let Some(traceparent) = &given {
            traces::continue_from(&span, traceparent);
        }
        let traceparent = given
            .or_else(|| traces::traceparent(&span))
            .unwrap_or_else(new_traceparent);
        let context = Self {
            request_id,
            traceparent,
        };
        (context, span)
    }
}

/// The value of a header, unless it is repeated.
fn single(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().and_then(|value| value.to_str().ok());
    first.filter(|_| values.next().is_none()).map(str::to_owned)
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let context = parts.extensions.get::<Self>().cloned();
        context.ok_or_else(|| ApiError::new(ProblemCode::Internal, "the request has no ID"))
    }
}

fn is_request_id(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=@~".contains(c);
    (1..=REQUEST_ID_MAX).contains(&text.len()) && text.chars().all(is_allowed)
}

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |part: &str, length: usize| hex(part, length) && part.bytes().any(|b| b != b'0');
    match parts.as_slice() {
        [version, trace, parent, flags] => {
            *version == "00" && id(trace, 32) && id(parent, 16) && hex(flags, 2)
        }
        _ => false,
    }
}

fn new_traceparent() -> String {
    let (trace, parent): (u128, u64) = (rand::random(), rand::random());
    format!("00-{:032x}-{:016x}-00", trace.max(1), parent.max(1))
}

fn known_method(method: &Method) -> &'static str {
    METHODS
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or(OTHER_METHOD)
}

/// Middleware that adds the context and a span to each request, records its duration, and adds the
/// common headers to its response.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(NO_ROUTE, MatchedPath::as_str)
        .to_owned();
    let method = known_method(request.method());
    let (context, span) = RequestContext::of(request.headers(), |request_id| {
        tracing::error_span!(
            "request",
            http.method = method,
            http.route = route,
            http.status = tracing::field::Empty,
            request.id = request_id,
        )
    });
    request.extensions_mut().insert(context.clone());
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.status", status);
    let elapsed = started.elapsed();
    span.in_scope(|| tracing::debug!(duration_ms = elapsed.as_millis(), "response sent"));
    let labels = [
        ("method", method.to_owned()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::histogram!("dax_provisioner_http_request_duration_seconds", &labels)
        .record(elapsed.as_secs_f64());
    add_headers(response.headers_mut(), &context);
    response
}

fn add_headers(headers: &mut HeaderMap, context: &RequestContext) {
    let ids = [
        (REQUEST_ID, &context.request_id),
        (TRACEPARENT, &context.traceparent),
    ];
    for (name, text) in ids {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let load_nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(load_nothing);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_ids_are_kept() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(trace) && is_traceparent(&new_traceparent()));
        let bad = [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ];
        assert!(!bad.into_iter().any(is_traceparent));
        assert!(is_request_id("portal/42:a_b.c=+@~-"));
        for bad in ["", "a b", "a\"b", "é", "a;b", &"x".repeat(129)] {
            assert!(!is_request_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_method_in_logs_and_metrics_is_short() {
        assert_eq!(known_method(&Method::PATCH), "PATCH");
        let long = Method::from_bytes(&[b'A'; 8_000]).unwrap();
        assert_eq!(known_method(&long), OTHER_METHOD);
    }

    #[test]
    fn a_repeated_header_is_ignored() {
        let context = |headers: &HeaderMap| RequestContext::of(headers, |_| Span::none()).0;
        let mut headers = HeaderMap::new();
        headers.append(REQUEST_ID, HeaderValue::from_static("a"));
        assert_eq!(context(&headers).request_id, "a");
        headers.append(REQUEST_ID, HeaderValue::from_static("b"));
        assert!(Uuid::parse_str(&context(&headers).request_id).is_ok());
    }
}
