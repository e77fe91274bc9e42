//! Body: bytes, then JSON; never more bytes than allowed, and never longer waited for than decent.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::domain::problems::problem_code::ProblemCode;

use super::problem::Problem;
use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::strict_json;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Media type of a JSON body.
const JSON: &str = "application/json";
/// Media type of a patch (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// A JSON body, not yet believed.
pub(crate) struct JsonBody(pub(crate) Value);

/// A JSON body that may be left out, together with its Content-Type: no bytes are an empty object.
pub(crate) struct OptionalBody(pub(crate) Value);

/// A JSON merge patch, not yet believed.
pub(crate) struct PatchBody(pub(crate) Value);

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = arrive(request, api).await?;
        read_as(&headers, &bytes, &[JSON]).map(Self)
    }
}

impl FromRequest<Api> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = arrive(request, api).await?;
        if bytes.is_empty() {
            return Ok(Self(json!({})));
        }
        read_as(&headers, &bytes, &[JSON]).map(Self)
    }
}

impl FromRequest<Api> for PatchBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = arrive(request, api).await?;
        read_as(&headers, &bytes, &[MERGE_PATCH, JSON]).map(Self)
    }
}

/// The bytes of a body: no more than allowed, and in time.
async fn arrive(request: Request, api: &Api) -> Result<(HeaderMap, Bytes), ApiError> {
    let limit = api.settings.max_body_bytes;
    let (parts, body) = request.into_parts();
    if announced_length(&parts.headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(ARRIVAL, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok((parts.headers, bytes)),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large(limit)),
        Ok(Err(_)) => Err(Problem::unreadable("the body broke off").into()),
        Err(_) => Err(Problem::unreadable("the body did not arrive in time").into()),
    }
}

fn read_as(headers: &HeaderMap, bytes: &[u8], media: &[&str]) -> Result<Value, ApiError> {
    if !is_of(headers, media) {
        let detail = format!("the Content-Type must be {}", media.join(" or "));
        return Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let value = strict_json::read(bytes);
    value.map_err(|error| Problem::unreadable(format!("the body is not JSON: {error}")).into())
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn is_length_limit(error: &axum::Error) -> bool {
    // `to_bytes` wraps the limit's own error, which has no public type in axum; its words are all there is.
    std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("length limit"))
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ProblemCode::BodyTooLarge,
        format!("the body has more than {limit} bytes"),
    )
}

/// Whether the one Content-Type is one of these, in UTF-8 if it names a character set.
fn is_of(headers: &HeaderMap, media: &[&str]) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let first = types.next().and_then(|value| value.to_str().ok());
    let Some(text) = first.filter(|_| types.next().is_none()) else {
        return false;
    };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let charset_known = |part: &str| {
        part.strip_prefix("charset=")
            .is_none_or(|set| set.trim_matches('"') == "utf-8")
    };
    parts
        .next()
        .is_some_and(|given| media.contains(&given.as_str()))
        && parts.all(|part| charset_known(&part))
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
            is_of(&headers, &[JSON])
        };
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(typed(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/merge-patch+json",
        ] {
            assert!(!typed(bad), "{bad}");
        }
        assert!(!is_of(&HeaderMap::new(), &[JSON]));
    }

    #[tokio::test]
    async fn the_limit_of_a_streamed_body_is_known_by_its_error() {
        let error = to_bytes(axum::body::Body::from("abcdef"), 3)
            .await
            .unwrap_err();
        assert!(is_length_limit(&error), "{error:?}");
    }
}
