//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use serde_json::Value;

use crate::domain::validation::violation::RuleViolation;
use crate::store::IdempotencyKey;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::fingerprint::fingerprint;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Maximum length of a key, in bytes.
const KEY_MAX: usize = 255;

/// The `Idempotency-Key` of a request, if any, with the request's method and path.
#[derive(Debug, Clone)]
pub(crate) struct SentKey {
    key: Option<String>,
    method: String,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for SentKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = values.next().map(|value| value.as_bytes());
        let invalid =
            |rule| Problem::invalid(vec![FieldError::of_parameter("Idempotency-Key", rule)]);
        if values.next().is_some() {
            return Err(invalid(RuleViolation::new("repeated", "must be sent once")).into());
        }
        let is_valid =
            |key: &[u8]| (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        if !key.is_none_or(is_valid) {
            let rule = RuleViolation::new(
                "invalid_format",
                format!("must be 1 to {KEY_MAX} visible ASCII characters"),
            );
            return Err(invalid(rule).into());
        }
        let key = key.map(|key| key.iter().map(|&byte| char::from(byte)).collect());
        Ok(Self {
            key,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
        })
    }
}

impl SentKey {
    /// The key as it is stored: with its caller and the fingerprint of the request.
    pub(crate) fn of_request(self, caller: &Caller, body: &Value) -> Option<IdempotencyKey> {
        let fingerprint = fingerprint(&self.method, &self.path, body);
        self.key.map(|key| IdempotencyKey {
            caller: caller.requested_by(),
            key,
            fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn read(keys: &[&[u8]]) -> Result<SentKey, ApiError> {
        let mut request = Request::post("/v1/clusters");
        for key in keys {
            request = request.header(IDEMPOTENCY_KEY, *key);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        SentKey::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_key_is_visible_ascii_and_sent_once() {
        assert!(read(&[]).await.unwrap().key.is_none());
        assert_eq!(read(&[b"a-1"]).await.unwrap().key.as_deref(), Some("a-1"));
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
