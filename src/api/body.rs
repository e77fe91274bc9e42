//! Body: bytes, then JSON; never more bytes than allowed, and never longer waited for than decent.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::Value;

use crate::domain::problem_code::ProblemCode;

use super::problem::Problem;
use super::refusal::Refusal;
use super::{Api, strict_json};

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// A JSON body, not yet believed.
pub(super) struct JsonBody(pub(super) Value);

impl FromRequest<Api> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let limit = api.settings.max_body_bytes;
        let (parts, body) = request.into_parts();
        if announced_length(&parts.headers).is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        let bytes = match tokio::time::timeout(ARRIVAL, to_bytes(body, limit)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if is_length_limit(&error) => return Err(too_large(limit)),
            Ok(Err(_)) => return Err(Problem::unreadable("the body broke off").into()),
            Err(_) => return Err(Problem::unreadable("the body did not arrive in time").into()),
        };
        if !is_json(&parts.headers) {
            return Err(Refusal::new(ProblemCode::UnsupportedMediaType, "the Content-Type must be application/json"));
        }
        let value = strict_json::read(&bytes);
        value.map(Self).map_err(|error| Problem::unreadable(format!("the body is not JSON: {error}")).into())
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_length_limit(error: &axum::Error) -> bool {
    // `to_bytes` wraps the limit's own error, which has no public type in axum; its words are all there is.
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"))
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(ProblemCode::BodyTooLarge, format!("the body has more than {limit} bytes"))
}

/// Whether the one Content-Type is JSON, in UTF-8 if it names a character set.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let first = types.next().and_then(|value| value.to_str().ok());
    let Some(text) = first.filter(|_| types.next().is_none()) else { return false };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let charset_known = |part: &str| part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8");
    parts.next().is_some_and(|media| media == "application/json") && parts.all(|part| charset_known(&part))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_known_by_its_media_type() {
        let typed = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap());
            is_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(typed(good), "{good}");
        }
        for bad in
            ["", "text/plain", "application/json; charset=utf-16", "application/jsonp", "application/merge-patch+json"]
        {
            assert!(!typed(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn the_limit_of_a_streamed_body_is_known_by_its_error() {
        let error = to_bytes(axum::body::Body::from("abcdef"), 3).await.unwrap_err();
        assert!(is_length_limit(&error), "{error:?}");
    }
}
