//! Reads request bodies as JSON, with a size limit and a timeout.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde_json::{Value, json};

use crate::domain::problems::problem_code::ProblemCode;

use super::problem::Problem;
use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::strict_json;

/// Timeout for receiving a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";
/// Media type of a JSON merge patch (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// A JSON body, not yet validated.
pub(crate) struct JsonBody(pub(crate) Value);

/// An optional JSON body, not yet validated. An empty body, with or without a `Content-Type`, reads
/// as `{}`.
pub(crate) struct OptionalBody(pub(crate) Value);

/// A JSON merge patch, not yet validated.
pub(crate) struct PatchBody(pub(crate) Value);

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = receive(request, api).await?;
        read_as(&headers, &bytes, &[JSON]).map(Self)
    }
}

impl FromRequest<Api> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = receive(request, api).await?;
        if bytes.is_empty() {
            return Ok(Self(json!({})));
        }
        read_as(&headers, &bytes, &[JSON]).map(Self)
    }
}

impl FromRequest<Api> for PatchBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (headers, bytes) = receive(request, api).await?;
        read_as(&headers, &bytes, &[MERGE_PATCH, JSON]).map(Self)
    }
}

/// The headers and the body of a request, within the size limit and the timeout.
async fn receive(request: Request, api: &Api) -> Result<(HeaderMap, Bytes), ApiError> {
    let limit = api.settings.max_body_bytes;
    let (parts, body) = request.into_parts();
    if announced_length(&parts.headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok((parts.headers, bytes)),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large(limit)),
        Ok(Err(_)) => Err(Problem::unreadable("the body is incomplete; send it again").into()),
        Err(_) => {
            let seconds = BODY_TIMEOUT.as_secs();
            Err(Problem::unreadable(format!("the body took longer than {seconds} s")).into())
        }
    }
}

fn read_as(headers: &HeaderMap, bytes: &[u8], media: &[&str]) -> Result<Value, ApiError> {
    if !has_media_type(headers, media) {
        let detail = format!("`Content-Type` must be {}", media.join(" or "));
        return Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail));
    }
    if bytes.is_empty() {
        return Err(Problem::unreadable("the body is empty; send a JSON object").into());
    }
    strict_json::read(bytes).map_err(|error| {
        // Rules of `strict_json` are data errors; their messages stand alone.
        let detail = if error.is_data() {
            error.to_string()
        } else {
            format!("the body is not JSON: {error}")
        };
        Problem::unreadable(detail).into()
    })
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
    std::error::Error::source(error).is_some_and(|source| source.is::<LengthLimitError>())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ProblemCode::BodyTooLarge,
        format!("the body is larger than {limit} bytes"),
    )
}

/// Whether the single `Content-Type` is one of `media`; its charset, if any, must be UTF-8.
fn has_media_type(headers: &HeaderMap, media: &[&str]) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let first = types.next().and_then(|value| value.to_str().ok());
    let Some(text) = first.filter(|_| types.next().is_none()) else {
        return false;
    };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let is_utf8_or_other = |part: &str| {
        part.strip_prefix("charset=")
            .is_none_or(|set| set.trim_matches('"') == "utf-8")
    };
    parts
        .next()
        .is_some_and(|sent| media.contains(&sent.as_str()))
        && parts.all(|part| is_utf8_or_other(&part))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_recognized_by_its_media_type() {
        let typed = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap());
            has_media_type(&headers, &[JSON])
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
        assert!(!has_media_type(&HeaderMap::new(), &[JSON]));
    }

    #[tokio::test]
    async fn the_size_limit_of_a_streamed_body_is_recognized_by_its_error() {
        let error = to_bytes(axum::body::Body::from("abcdef"), 3)
            .await
            .unwrap_err();
        assert!(is_length_limit(&error), "{error:?}");
    }
}
