//! Callers: who asks, by bearer token. When in doubt, nobody.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::domain::problem_code::ProblemCode;

use super::refusal::Refusal;
use super::tokens::token_hash;
use super::{Api, Authentication};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller(Option<String>);

impl Caller {
    /// As operations and idempotency keys have it: `token:<name>`, or `anonymous` where authentication is off.
    pub(super) fn requested_by(&self) -> String {
        self.0.as_ref().map_or_else(|| "anonymous".to_owned(), |name| format!("token:{name}"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthenticated("send a bearer token"))
    }
}

/// Lets a request through with its caller, or refuses it. Without the database nobody is known, so nobody comes in.
pub(super) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let caller = match api.settings.authentication {
        Authentication::Off => Caller(None),
        Authentication::On => {
            let hash = bearer(request.headers())?;
            let name = api.store.token_name(&hash).await?;
            Caller(Some(name.ok_or_else(|| unauthenticated("the token is not known, has expired or was revoked"))?))
        }
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The hash of the one token a request carries.
fn bearer(headers: &HeaderMap) -> Result<Vec<u8>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(unauthenticated("send a bearer token")) };
    if values.next().is_some() {
        return Err(unauthenticated("send one Authorization header, not several"));
    }
    let credentials = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.and_then(token_hash).ok_or_else(|| unauthenticated("the Authorization header holds no token of this service"))
}

fn unauthenticated(detail: &str) -> Refusal {
    Refusal::new(ProblemCode::Unauthenticated, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use crate::api::tokens::new_token;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
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
