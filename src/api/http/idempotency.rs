//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Uri};
use serde_json::Value;
use utoipa::IntoParams;

use crate::domain::target::TargetName;
use crate::domain::validation::violation::RuleViolation;
use crate::store::IdempotencyKey;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::fingerprint::fingerprint;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Maximum length of a key, in bytes.
const KEY_MAX: usize = 255;

/// The `Idempotency-Key` of a request, not yet validated, with the request's method and path.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct SentKey {
    /// A unique key chosen by the caller. The same request with the same key returns the operation
    /// it started; a different request is rejected. Keys are kept for 30 days, and at least until
    /// the operation finishes.
    #[param(rename = "Idempotency-Key", value_type = String, required = false,
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    keys: Vec<HeaderValue>,
    #[param(ignore)]
    method: String,
    #[param(ignore)]
    /// Path and sorted query.
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for SentKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        Ok(Self {
            keys: keys.cloned().collect(),
            method: parts.method.to_string(),
            path: path_and_query(&parts.uri),
        })
    }
}

/// The path with the query, whose parameters have no order.
fn path_and_query(uri: &Uri) -> String {
    let mut parameters: Vec<&str> = uri.query().unwrap_or_default().split('&').collect();
    parameters.retain(|parameter| !parameter.is_empty());
    parameters.sort_unstable();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", uri.path(), parameters.join("&"))
}

impl SentKey {
    /// The key as it is stored: with its caller and the fingerprint of the request.
    pub(crate) fn of_request(
        &self,
        caller: &Caller,
        target: &TargetName,
        body: &Value,
    ) -> Result<Option<IdempotencyKey>, ApiError> {
        let key = self.read().map_err(|rule| {
            Problem::invalid(vec![FieldError::of_parameter("Idempotency-Key", rule)])
        })?;
        Ok(key.map(|key| IdempotencyKey {
            caller: caller.key_owner(),
            key,
            fingerprint: fingerprint(&self.method, &self.path, target, body),
        }))
    }

    fn read(&self) -> Result<Option<String>, RuleViolation> {
        let key = match self.keys.as_slice() {
            [] => return Ok(None),
            [key] => key.as_bytes(),
            _ => return Err(RuleViolation::new("repeated", "must be sent once")),
        };
        if !(1..=KEY_MAX).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
            let detail = format!("must be 1 to {KEY_MAX} visible ASCII characters");
            return Err(RuleViolation::new("invalid_format", detail));
        }
        Ok(Some(key.iter().map(|&byte| char::from(byte)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn read(keys: &[&[u8]]) -> Result<Option<String>, RuleViolation> {
        let mut request = Request::post("/v1/clusters");
        for key in keys {
            request = request.header(IDEMPOTENCY_KEY, *key);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let sent = SentKey::from_request_parts(&mut parts, &()).await.unwrap();
        sent.read()
    }

    #[tokio::test]
    async fn a_key_is_visible_ascii_and_sent_once() {
        assert_eq!(read(&[]).await, Ok(None));
        assert_eq!(read(&[b"a-1"]).await, Ok(Some("a-1".to_owned())));
        assert!(read(&[&[b'k'; 255]]).await.is_ok());
        let bad: [&[&[u8]]; 5] = [
            &[b""],
            &[b"a b"],
            &["é".as_bytes()],
            &[&[b'k'; 256]],
            &[b"a", b"a"],
        ];
        for keys in bad {
            assert!(read(keys).await.is_err(), "{keys:?}");
        }
    }
}
