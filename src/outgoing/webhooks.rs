//! Sends webhook deliveries. A URL is checked at each attempt, and its host's addresses are resolved,
//! checked and connected to in one step, so a change of the DNS between check and use has no effect.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use uuid::Uuid;

use crate::domain::validation::violation::RuleViolation;

use super::addresses::AllowedNetworks;
use super::secrets::WebhookSecret;

/// Limit of one attempt, from the DNS query to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Limit of the connection, with the DNS query and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of bytes of an answer that are read.
const ANSWER_BYTES: usize = 1_024;
/// Maximum length of a URL.
const URL_CHARS_MAX: usize = 2_048;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// One attempt of a delivery.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The URL of the receiver.
    pub url: &'a str,
    /// The ID of the delivery.
    pub id: Uuid,
    /// The time of the attempt, in seconds since 1970.
    pub timestamp: i64,
    /// The body.
    pub body: &'a str,
    /// The secrets that sign the attempt.
    pub secrets: &'a [WebhookSecret],
}

/// The answer of a receiver.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The start of the body. Bytes that are not UTF-8 are replaced.
    pub body: String,
    /// The pause that the receiver asks for.
    pub retry_after: Option<Duration>,
}

/// Why an attempt got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL is not one that [`parse_url`] accepts.
    #[error("the URL is invalid")]
    InvalidUrl,
    /// Each address of the host is in a special range that the operator does not allow.
    #[error("the address is not allowed")]
    AddressNotAllowed,
    /// The host has no address, or no connection was possible; TLS included.
    #[error("the connection failed")]
    ConnectionFailed,
    /// There was no answer within 15 seconds.
    #[error("no answer within 15 seconds")]
    TimedOut,
    /// The receiver closed the connection, or did not answer with HTTP.
    #[error("the answer was not HTTP")]
    InvalidAnswer,
}

/// Parses the URL of a webhook. Whether its address is allowed is checked at each attempt.
pub fn parse_url(text: &str) -> Result<Url, RuleViolation> {
    let invalid = |detail: &str| RuleViolation::new("invalid_format", detail);
    let has_control = text.chars().any(|c| c.is_control() || c.is_whitespace());
    if text.len() > URL_CHARS_MAX || has_control {
        let detail = "must be a URL of at most 2048 characters, without spaces";
        return Err(invalid(detail));
    }
    let url = Url::parse(text).map_err(|_| invalid("must be a URL such as https://host/path"))?;
    let is_loopback = literal(&url).is_some_and(|address| address.to_canonical().is_loopback());
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err(invalid("must be an https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(invalid("must have no user, password or fragment"));
    }
    Ok(url)
}

/// The address in a URL without a host name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Sends deliveries to addresses that are allowed.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: Client,
    networks: AllowedNetworks,
}

impl WebhookClient {
    /// A client that connects to public addresses and to these networks. Fails if the system has no
    /// root certificates.
    pub fn new(networks: AllowedNetworks) -> Result<Self, reqwest::Error> {
        Self::with_lookup(networks, look_up)
    }

    fn with_lookup(networks: AllowedNetworks, lookup: Lookup) -> Result<Self, reqwest::Error> {
        let resolver = CheckedResolver {
            networks: networks.clone(),
            lookup,
        };
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("dax-provisioner/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // Each attempt resolves and checks its address.
            .pool_max_idle_per_host(0)
            .dns_resolver(resolver)
            .build()?;
        Ok(Self { http, networks })
    }

    /// Sends one attempt and reads the start of the answer.
    pub async fn send(&self, attempt: &Attempt<'_>) -> Result<Answer, SendError> {
        let url = parse_url(attempt.url).map_err(|_| SendError::InvalidUrl)?;
        // The HTTP client does not resolve an address.
        if literal(&url).is_some_and(|address| !self.networks.admit(address)) {
            return Err(SendError::AddressNotAllowed);
        }
        let (id, timestamp) = (attempt.id, attempt.timestamp);
        let sign = |secret: &WebhookSecret| secret.sign(id, timestamp, attempt.body);
        let signatures: Vec<String> = attempt.secrets.iter().map(sign).collect();
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ID, id.to_string())
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signatures.join(" "))
            .body(attempt.body.to_owned());
        let mut response = request.send().await.map_err(|error| send_error(&error))?;
        let mut body = Vec::new();
        // An answer without an end, or one that breaks off, counts by its status.
        while body.len() < ANSWER_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(ANSWER_BYTES);
        Ok(Answer {
            status: response.status().as_u16(),
            // A text in PostgreSQL has no NUL.
            body: String::from_utf8_lossy(&body).replace('\0', "\u{fffd}"),
            retry_after: retry_after(response.headers()),
        })
    }
}

fn send_error(error: &reqwest::Error) -> SendError {
    let mut source: Option<&dyn Error> = Some(error);
    while let Some(cause) = source {
        if let Some(NotAllowed) = cause.downcast_ref() {
            return SendError::AddressNotAllowed;
        }
        source = cause.source();
    }
    if error.is_connect() {
        SendError::ConnectionFailed
    } else if error.is_timeout() {
        SendError::TimedOut
    } else {
        SendError::InvalidAnswer
    }
}

/// `Retry-After` in seconds, or as a date, which is compared with the receiver's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let sent = headers.get(DATE).and_then(|date| date.to_str().ok());
    let sent = sent.and_then(date).unwrap_or_else(SystemTime::now);
    date(text)?.duration_since(sent).ok()
}

type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;

fn look_up(host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    })
}

/// A DNS resolver that returns only addresses that are allowed. The HTTP client connects to exactly
/// these.
struct CheckedResolver {
    networks: AllowedNetworks,
    lookup: Lookup,
}

/// No address of a host is allowed.
#[derive(Debug, thiserror::Error)]
#[error("the address is not allowed")]
struct NotAllowed;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let networks = self.networks.clone();
        Box::pin(async move {
            let found = found.await?.into_iter();
            let admitted = found.filter(|address| networks.admit(*address));
            // The client replaces the port by that of the URL.
            let addresses: Vec<SocketAddr> = admitted.map(|ip| SocketAddr::new(ip, 0)).collect();
            if addresses.is_empty() {
                return Err(NotAllowed.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
