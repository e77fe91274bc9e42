//! Parsing of the `Authorization` header of Signature Version 4.

use axum::http;

use super::{Scope, SignatureFault};

pub(super) struct Authorization {
    pub(super) scope: Scope,
    /// Lower-case header names in the order they were signed.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
}

impl Authorization {
    /// Parses the header; the error messages are those of AWS.
    pub(super) fn read(parts: &http::request::Parts) -> Result<Authorization, SignatureFault> {
        let header = parts
            .headers
            .get(http::header::AUTHORIZATION)
            .ok_or(SignatureFault::Missing)?;
        let header = header.to_str().map_err(|_| unsupported("not text"))?;
        let (algorithm, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if algorithm != "AWS4-HMAC-SHA256" {
            return Err(unsupported(algorithm));
        }
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .filter(|v| !v.is_empty())
        };
        let (credential, signed_headers, signature) =
            (part("Credential"), part("SignedHeaders"), part("Signature"));
        let (Some(credential), Some(signed_headers), Some(signature)) =
            (credential, signed_headers, signature)
        else {
            return Err(missing_parts([
                ("Credential", credential),
                ("Signature", signature),
                ("SignedHeaders", signed_headers),
            ]));
        };
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        if !signed_headers.iter().any(|name| name == "host") {
            return Err(SignatureFault::Incomplete(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                    .to_owned(),
            ));
        }
        Ok(Authorization {
            scope: scope(credential)?,
            signed_headers,
            signature: signature.to_owned(),
        })
    }
}

fn scope(credential: &str) -> Result<Scope, SignatureFault> {
    // An access key ID contains no slash, so a valid credential has exactly five elements.
    let elements: Vec<&str> = credential.split('/').collect();
    let [access_key_id, date, region, service, terminator] = elements[..] else {
        return Err(SignatureFault::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    };
    if terminator != "aws4_request" {
        return Err(SignatureFault::Incomplete(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
        )));
    }
    Ok(Scope {
        access_key_id: access_key_id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

fn unsupported(algorithm: &str) -> SignatureFault {
    SignatureFault::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."))
}

fn missing_parts(parts: [(&str, Option<&str>); 3]) -> SignatureFault {
    let missing: Vec<String> = parts
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
        .collect();
    SignatureFault::Incomplete(missing.join(" "))
}
