//! Bearer-token authentication; fails closed.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::domain::caller::{Identity, is_person};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::ProjectName;
use crate::oidc::Refusal;
use crate::store::{Actor, TokenIdentity, TokenState};

use super::problem::Problem;
use super::tokens::token_hash;
use crate::api::http::api_error::ApiError;
use crate::api::{Api, Authentication};

/// The person for whom a portal sends a request.
const REQUESTED_FOR: HeaderName = HeaderName::from_static("x-requested-for");

/// The authenticated caller. Two are equal if they are the same token or subject.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Identity>);

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Caller {}

impl Hash for Caller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Caller {
    /// As shown with operations.
    pub(crate) fn requested_by(&self) -> String {
        self.shown_as.clone()
    }

    /// As stored with idempotency keys. A later token of the same name has another ID.
    pub(crate) fn key_owner(&self) -> String {
        self.id.clone()
    }

    /// A caller with the token of this name, or one without authentication.
    #[cfg(test)]
    pub(crate) fn of_test(token: Option<&str>) -> Self {
        let identity = token.map(|name| Identity {
            id: format!("token:{name}"),
            shown_as: format!("token:{name}"),
            ..Identity::anonymous()
        });
        Self(Arc::new(identity.unwrap_or_else(Identity::anonymous)))
    }

    /// Whether the caller is one of several.
    pub(crate) fn has_token(&self) -> bool {
        self.id != Identity::anonymous().id
    }
}

impl From<Identity> for Caller {
    fn from(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }
}

impl From<TokenIdentity> for Identity {
    fn from(token: TokenIdentity) -> Self {
        Self {
            id: format!("token:{}", token.id),
            shown_as: format!("token:{}", token.name),
            groups: token.rights.groups,
            projects: token.rights.projects,
            ..Self::default()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(missing_token)
    }
}

/// Rejects requests to no host or to several, on every path, and those that [`reject_web_pages`]
/// describes.
pub(crate) async fn check_host(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    require_one_host(request.version(), request.headers())?;
    match api.settings.authentication {
        Authentication::On => {}
        Authentication::Off => reject_web_pages(request.headers())?,
    }
    Ok(next.run(request).await)
}

/// Only HTTP/1.0 has requests without `Host`; several are an error (RFC 9112, section 3.2).
fn require_one_host(version: Version, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get_all(header::HOST).iter().count() {
        1 => Ok(()),
        0 if version < Version::HTTP_11 => Ok(()),
        _ => Err(Problem::unreadable("send exactly one `Host` header").into()),
    }
}

/// Adds the caller to a request, or rejects the request. Without the database, every request with a
/// token is rejected.
pub(crate) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut identity, acts_for) = match api.settings.authentication {
        Authentication::Off => (Identity::anonymous(), true),
        Authentication::On => {
            let bearer = bearer(request.headers())?;
            match token_hash(bearer) {
                Some(hash) => token_caller(&api, &hash).await?,
                None => (subject(&api, bearer).await?, false),
            }
        }
    };
    let requested_for = requested_for(request.headers(), acts_for);
    identity.requested_for = requested_for.as_ref().ok().cloned().flatten();
    let identity = Arc::new(identity);
    if let Some(actor) = request.extensions().get::<Arc<Actor>>() {
        actor.identify(Arc::clone(&identity));
    }
    requested_for?;
    request.extensions_mut().insert(Caller(identity));
    Ok(next.run(request).await)
}

/// The caller with a token of this service, and whether it may act for others.
async fn token_caller(api: &Api, hash: &[u8]) -> Result<(Identity, bool), ApiError> {
    match api.store.token_state(hash).await? {
        TokenState::Valid(token) => {
            let acts_for = token.rights.acts_for;
            Ok((Identity::from(token), acts_for))
        }
        TokenState::Unknown => Err(invalid_token()),
        TokenState::Revoked => Err(unauthenticated("revoked", "the bearer token is revoked")),
        TokenState::Expired => Err(unauthenticated(
            "expired",
            "the bearer token has expired; ask an operator to replace it",
        )),
    }
}

/// The caller with a token of an identity provider.
async fn subject(api: &Api, token: &str) -> Result<Identity, ApiError> {
    if !token.contains('.') || api.issuers.is_empty() {
        return Err(invalid_token());
    }
    let verified = api
        .issuers
        .verify(token)
        .await
        .map_err(|refusal| match refusal {
            Refusal::Invalid(reason) => unauthenticated("invalid_jwt", &reason),
            Refusal::Unavailable(reason) => ApiError::new(ProblemCode::Unavailable, reason),
        })?;
    let projects = verified
        .projects
        .iter()
        .map(|name| ProjectName::parse(name));
    let Ok(projects) = projects.collect::<Result<Vec<_>, _>>() else {
        let detail = "the token has a project that cannot exist";
        return Err(unauthenticated("invalid_jwt", detail));
    };
    let id = format!("oidc:{}/{}", verified.issuer, verified.subject);
    Ok(Identity {
        shown_as: id.clone(),
        id,
        groups: verified.groups,
        projects,
        aliases: verified.aliases,
        ..Identity::default()
    })
}

/// The person for whom the request is sent. Only a caller that may act for others can name one, so
/// that what is recorded can be trusted as much as that caller.
fn requested_for(headers: &HeaderMap, acts_for: bool) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(REQUESTED_FOR).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if !acts_for {
        let detail = "your token may not act for others; leave out `X-Requested-For`, or ask for a \
            token created with --acts-for";
        return Err(ApiError::new(ProblemCode::Forbidden, detail));
    }
    let text = value.to_str().ok().map(str::trim);
    match (text.filter(|text| is_person(text)), values.next()) {
        (Some(person), None) => Ok(Some(person.to_owned())),
        _ => {
            let detail = "send one `X-Requested-For` of 1 to 200 printable ASCII characters";
            Err(Problem::unreadable(detail).into())
        }
    }
}

/// The single bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(missing_token());
    };
    if values.next().is_some() {
        return Err(unauthenticated(
            "malformed",
            "send one Authorization header, not several",
        ));
    }
    let credentials = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = credentials
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let detail = "the bearer token is unknown";
    token.ok_or_else(|| unauthenticated("malformed", detail))
}

/// Rejects requests from web pages while authentication is off. A page of any site can make a
/// local user's browser send requests to loopback: across origins, or under a host name that
/// resolves to loopback (DNS rebinding).
fn reject_web_pages(headers: &HeaderMap) -> Result<(), ApiError> {
    let values = |name| {
        headers
            .get_all(name)
            .iter()
            .map(|value: &HeaderValue| value.to_str().unwrap_or_default())
    };
    let forbidden =
        |detail: &str| Err(ApiError::new(ProblemCode::Forbidden, detail).because("web_page"));
    if !values(header::HOST).all(is_local_or_address) {
        return forbidden("authentication is off: send requests to localhost or to an IP address");
    }
    let host = values(header::HOST).next().unwrap_or_default();
    let is_same_origin = |origin: &str| {
        origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority == host)
    };
    if !values(header::ORIGIN).all(is_same_origin) {
        return forbidden(
            "authentication is off: requests from web pages of other origins are rejected",
        );
    }
    Ok(())
}

/// Whether a `Host` needs no DNS to resolve: an IP address or `localhost`.
fn is_local_or_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

fn missing_token() -> ApiError {
    let detail = "the bearer token is missing; send `Authorization: Bearer <token>`";
    unauthenticated("missing", detail)
}

fn invalid_token() -> ApiError {
    unauthenticated("unknown", "the bearer token is unknown")
}

/// `reason` is for audit records.
fn unauthenticated(reason: &'static str, detail: &str) -> ApiError {
    ApiError::new(ProblemCode::Unauthenticated, detail).because(reason)
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
    fn without_authentication_web_pages_are_rejected() {
        let request = |host: &str, origin: Option<&str>| {
            let mut headers =
                HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            headers.extend(
                origin.map(|origin| (header::ORIGIN, HeaderValue::from_str(origin).unwrap())),
            );
            reject_web_pages(&headers).is_ok()
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
        assert!(reject_web_pages(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn one_well_formed_bearer_token_is_read() {
        let (token, hash) = new_token();
        for good in [format!("Bearer {token}"), format!("bearer  {token}")] {
            let headers = headers(&[&good]);
            let read = bearer(&headers).ok().and_then(token_hash);
            assert_eq!(read, Some(hash.clone()));
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
            let headers = headers(&values);
            let read = bearer(&headers).ok().and_then(token_hash);
            assert_eq!(read, None, "{values:?}");
        }
    }
}
