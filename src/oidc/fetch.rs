//! Fetches the keys of an issuer: its discovery document, and the keys that this names.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::issuer::IssuerUrl;

use super::keys::{Key, KeySet};

/// Timeout of both requests together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a response.
const BODY_BYTES_MAX: usize = 512 * 1024;

/// The parts of the discovery document that are used.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The keys that can be used, or why there are none: a phrase that follows the issuer's name.
pub(super) async fn keys(issuer: &IssuerUrl) -> Result<Vec<Key>, String> {
    tokio::time::timeout(TIMEOUT, discover(issuer))
        .await
        .unwrap_or_else(|_| Err(format!("does not answer within {} s", TIMEOUT.as_secs())))
}

async fn discover(issuer: &IssuerUrl) -> Result<Vec<Key>, String> {
    let discovery: Discovery = get(&issuer.discovery_url()).await?;
    if discovery.issuer != issuer.as_str() {
        return Err("has a discovery document of another issuer".to_owned());
    }
    if !issuer.may_refer_to(&discovery.jwks_uri) {
        return Err("has a `jwks_uri` that is not https".to_owned());
    }
    let keys: KeySet = get(&discovery.jwks_uri).await?;
    Ok(keys.usable())
}

/// Reads a JSON document.
async fn get<T: DeserializeOwned>(url: &str) -> Result<T, String> {
    let client =
        client(url).map_err(|_| "cannot be reached: no certificates of the system".to_owned())?;
    let unreachable = |error: reqwest::Error| {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "an identity provider does not answer"
        );
        "does not answer".to_owned()
    };
    let mut response = client.get(url).send().await.map_err(unreachable)?;
    if response.status() != StatusCode::OK {
        return Err(format!(
            "answers with status {}",
            response.status().as_u16()
        ));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_BYTES_MAX {
            return Err(format!("answers with more than {BODY_BYTES_MAX} bytes"));
        }
    }
    serde_json::from_slice(&body).map_err(|_| "answers with an unexpected document".to_owned())
}

/// A client for one request: keys are fetched hourly, and certificates of the system can change.
fn client(url: &str) -> reqwest::Result<Client> {
    let client = Client::builder().no_proxy().redirect(Policy::none());
    if url.starts_with("https:") {
        client.https_only(true).build()
    } else {
        // Loopback needs no certificates.
        client.tls_certs_only([]).build()
    }
}
