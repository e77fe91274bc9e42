//! Callers: who asks, by bearer token. When in doubt, nobody.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::domain::problems::problem_code::ProblemCode;

use super::tokens::token_hash;
use crate::api::http::api_error::ApiError;
use crate::api::{Api, Authentication};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(Option<String>);

impl Caller {
    /// As operations and idempotency keys have it: `token:<name>`, or `anonymous` where authentication is off.
    pub(crate) fn requested_by(&self) -> String {
        self.0
            .as_ref()
            .map_or_else(|| "anonymous".to_owned(), |name| format!("token:{name}"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| unauthenticated("send a bearer token"))
    }
}

/// Lets a request through with its caller, or refuses it. Without the database nobody is known, so nobody comes in.
pub(crate) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = match api.settings.authentication {
        Authentication::Off => {
            refuse_web_pages(request.headers())?;
            Caller(None)
        }
        Authentication::On => {
            let hash = bearer(request.headers())?;
            let name = api.store.token_name(&hash).await?;
            Caller(Some(name.ok_or_else(|| {
                unauthenticated("the token is not known, has expired or was revoked")
            })?))
        }
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The hash of the one token a request carries.
fn bearer(headers: &HeaderMap) -> Result<Vec<u8>, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(unauthenticated("send a bearer token"));
    };
    if values.next().is_some() {
        return Err(unauthenticated(
            "send one Authorization header, not several",
        ));
    }
    let credentials = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = credentials
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    token
        .and_then(token_hash)
        .ok_or_else(|| unauthenticated("the Authorization header holds no token of this service"))
}

/// Keeps web pages out where nobody needs a token: a page of any site can make the browser of this machine's user send
/// requests to loopback, under a name of its own that it lets point here (DNS rebinding), or across origins.
fn refuse_web_pages(headers: &HeaderMap) -> Result<(), ApiError> {
    let texts = |name| {
        headers
            .get_all(name)
            .iter()
            .map(|value: &HeaderValue| value.to_str().unwrap_or_default())
    };
    let forbidden = |detail: &str| Err(ApiError::new(ProblemCode::Forbidden, detail));
    if !texts(header::HOST).all(is_this_machine) {
        return forbidden(
            "without authentication, only requests to localhost or to an IP address are taken",
        );
    }
    let host = texts(header::HOST).next().unwrap_or_default();
    let same = |origin: &str| {
        origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host)
    };
    if !texts(header::ORIGIN).all(same) {
        return forbidden(
            "without authentication, no requests from pages of other origins are taken",
        );
    }
    Ok(())
}

/// Whether a Host names this machine without asking DNS: an address, or `localhost`.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

fn unauthenticated(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::Unauthenticated, detail)
}

#[cfg(test)]
mod tests {
    use crate::api::http::tokens::new_token;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn without_authentication_web_pages_stay_outside() {
        let request = |host: &str, origin: Option<&str>| {
            let mut headers =
                HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            headers.extend(
                origin.map(|origin| (header::ORIGIN, HeaderValue::from_str(origin).unwrap())),
            );
            refuse_web_pages(&headers).is_ok()
        };
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "192.0.2.7",
        ] {
            assert!(request(host, None), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
        ] {
            assert!(!request(host, None), "{host}");
        }
        assert!(request("localhost:8080", Some("http://localhost:8080")));
        for origin in ["http://evil.example", "http://localhost:9999", "null", ""] {
            assert!(!request("localhost:8080", Some(origin)), "{origin}");
        }
        assert!(refuse_web_pages(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn one_well_formed_bearer_token_is_read() {
        let (token, hash) = new_token();
        for good in [format!("Bearer {token}"), format!("bearer  {token}")] {
            assert_eq!(bearer(&headers(&[&good])).ok(), Some(hash.clone()));
        }
        let bad = [
            vec![],
            vec![String::new()],
            vec!["Bearer".to_owned()],
            vec!["Bearer ".to_owned()],
            vec![token.clone()],
            vec![format!("Basic {token}")],
            vec![format!("Bearer {token} {token}")],
            vec![format!("Bearer {token},")],
            vec![format!("Bearer {token}"), format!("Bearer {token}")],
        ];
        for values in bad {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            assert!(bearer(&headers(&values)).is_err(), "{values:?}");
        }
    }
}
