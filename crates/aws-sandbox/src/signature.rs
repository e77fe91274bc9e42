//! Signature Version 4: who signed this request, and is the signature right?

mod canonical;
mod credential;
#[cfg(test)]
mod tests;

use axum::http;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use credential::Authorization;

/// How far a request's time may lie from ours; AWS says "5 min." in its refusals.
const SKEW: TimeDelta = TimeDelta::minutes(5);

const AMZ_DATE: &str = "%Y%m%dT%H%M%SZ";

/// For which service, Region and day a request was signed, and with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key id.
    pub access_key_id: String,
    /// The day, `YYYYMMDD`.
    pub date: String,
    /// The Region, e.g. `us-east-1`.
    pub region: String,
    /// The signing name of the service, e.g. `dax`.
    pub service: String,
}

/// What is wrong with a request's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// The request is not signed: AWS's `MissingAuthenticationToken`.
    Missing,
    /// The signature is not of the right shape: `IncompleteSignature`, with AWS's text.
    Incomplete(String),
    /// Another secret, or another request than the one signed: `SignatureDoesNotMatch`.
    Mismatch,
    /// The request was signed too long ago or in the future: `SignatureDoesNotMatch` or `RequestExpired`, with AWS's text.
    Skewed(String),
}

/// Reads who signed and for what, without checking the signature.
pub fn credential_scope(parts: &http::request::Parts) -> Result<Scope, SignatureFault> {
    Authorization::read(parts).map(|authorization| authorization.scope)
}

/// Checks the signature of a request signed in its headers, and that it was signed within five minutes of `now`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
pub fn verify(
    parts: &http::request::Parts,
    body: &[u8],
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(), SignatureFault> {
    let authorization = Authorization::read(parts)?;
    let signed_at = signing_time(parts)?;
    check_date_of_scope(&authorization.scope, signed_at)?;
    check_skew(signed_at, now)?;
    let payload_hash = payload_hash(parts, body).ok_or(SignatureFault::Mismatch)?;
    let canonical = canonical::request(parts, &authorization.signed_headers, &payload_hash)
        .ok_or(SignatureFault::Mismatch)?;
    let expected = signature(secret, &authorization.scope, signed_at, &canonical);
    // Compared in constant time: the sandbox's signatures should teach nobody a timing attack.
    if bool::from(
        expected
            .as_bytes()
            .ct_eq(authorization.signature.as_bytes()),
    ) {
        Ok(())
    } else {
        Err(SignatureFault::Mismatch)
    }
}

/// The time of `x-amz-date`, or of `date` where a client sends only that.
fn signing_time(parts: &http::request::Parts) -> Result<DateTime<Utc>, SignatureFault> {
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if let Some(text) = header("x-amz-date") {
        return NaiveDateTime::parse_from_str(text, AMZ_DATE).map(|time| time.and_utc()).map_err(|_| {
            SignatureFault::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        });
    }
    header("date")
        .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
        .map(|time| time.with_timezone(&Utc))
        .ok_or_else(|| {
            SignatureFault::Incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
            )
        })
}

fn check_date_of_scope(scope: &Scope, signed_at: DateTime<Utc>) -> Result<(), SignatureFault> {
    let day = signed_at.format("%Y%m%d").to_string();
    if scope.date == day {
        return Ok(());
    }
    Err(SignatureFault::Incomplete(format!(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{day}', from '{}'.",
        scope.date,
        signed_at.format(AMZ_DATE)
    )))
}

fn check_skew(signed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SignatureFault> {
    let at = signed_at.format(AMZ_DATE);
    let here = now.format(AMZ_DATE);
    if signed_at < now - SKEW {
        let limit = (now - SKEW).format(AMZ_DATE);
        let text = format!("Signature expired: {at} is now earlier than {limit} ({here} - 5 min.)");
        return Err(SignatureFault::Skewed(text));
    }
    if signed_at > now + SKEW {
        let limit = (now + SKEW).format(AMZ_DATE);
        let text = format!(
            "Signature not yet current: {at} is still later than {limit} ({here} + 5 min.)"
        );
        return Err(SignatureFault::Skewed(text));
    }
    Ok(())
}

/// What the client signed for the body; `None` when it names a hash that the body does not have.
fn payload_hash(parts: &http::request::Parts, body: &[u8]) -> Option<String> {
    let actual = hex::encode(Sha256::digest(body));
    match parts.headers.get("x-amz-content-sha256") {
        None => Some(actual),
        Some(value) if value == "UNSIGNED-PAYLOAD" => Some("UNSIGNED-PAYLOAD".to_owned()),
        Some(value) => (value.as_bytes() == actual.as_bytes()).then_some(actual),
    }
}

fn signature(secret: &str, scope: &Scope, signed_at: DateTime<Utc>, canonical: &str) -> String {
    let Scope {
        access_key_id: _,
        date,
        region,
        service,
    } = scope;
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{date}/{region}/{service}/aws4_request\n{}",
        signed_at.format(AMZ_DATE),
        hex::encode(Sha256::digest(canonical))
    );
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), date);
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part);
    }
    hex::encode(hmac(&key, &text))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
