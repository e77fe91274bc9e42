//! Verification of AWS Signature Version 4.

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

/// Maximum difference between a request's time and this machine's clock, as in AWS's messages.
const SKEW: TimeDelta = TimeDelta::minutes(5);

const AMZ_DATE: &str = "%Y%m%dT%H%M%SZ";

/// The credential scope of a signature: access key, day, Region and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key ID of the caller.
    pub access_key_id: String,
    /// The day of the signature, `YYYYMMDD`.
    pub date: String,
    /// The Region of the signature, e.g. `us-east-1`.
    pub region: String,
    /// The signing name of the service, e.g. `dax`.
    pub service: String,
}

/// Why a request's signature is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// The request is not signed: AWS's `MissingAuthenticationToken`.
    Missing,
    /// The signature is malformed: `IncompleteSignature`, with AWS's message.
    Incomplete(String),
    /// The secret or the request differs from what was signed: `SignatureDoesNotMatch`.
    Mismatch,
    /// The signing time is too far from the current time: `SignatureDoesNotMatch` or
    /// `RequestExpired`, with AWS's message.
    Skewed(String),
}

/// Parses the credential scope without verifying the signature.
pub fn credential_scope(parts: &http::request::Parts) -> Result<Scope, SignatureFault> {
    Authorization::read(parts).map(|authorization| authorization.scope)
}

/// Verifies a signature in the headers, and that the signing time is within five minutes of `now`
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
    // Constant time, so that timing reveals nothing about the expected signature.
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

/// The time in `x-amz-date`, or in `date` if a client sends only that.
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
    let now_text = now.format(AMZ_DATE);
    if signed_at < now - SKEW {
        let limit = (now - SKEW).format(AMZ_DATE);
        let text =
            format!("Signature expired: {at} is now earlier than {limit} ({now_text} - 5 min.)");
        return Err(SignatureFault::Skewed(text));
    }
    if signed_at > now + SKEW {
        let limit = (now + SKEW).format(AMZ_DATE);
        let text = format!(
            "Signature not yet current: {at} is still later than {limit} ({now_text} + 5 min.)"
        );
        return Err(SignatureFault::Skewed(text));
    }
    Ok(())
}

/// The payload hash that the client signed; `None` when it differs from the body's hash.
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
