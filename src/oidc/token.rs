//! A JWT: what of it is read before its signature is verified, and the verification.

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header,
};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::issuer::IssuerSettings;

/// Most bytes of a token.
const BYTES_MAX: usize = 12 * 1024;
/// Difference of clocks that `exp` and `nbf` allow for, in seconds.
const LEEWAY_SECONDS: u64 = 60;
/// Values of `typ`: JWT (RFC 7519) and access token (RFC 9068). A token of another kind, such as a
/// logout token, has another one.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];
/// What is said of a token that cannot be read.
const MALFORMED: &str = "the token is not a JWT that is signed with RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";

/// A token whose signature is not verified yet.
pub(super) struct Token<'a> {
    text: &'a str,
    /// The name of its key.
    pub(super) kid: String,
    /// The algorithm of its signature.
    pub(super) algorithm: Algorithm,
    /// Its `iss`.
    pub(super) issuer: String,
    /// Its `aud`.
    pub(super) audiences: Vec<String>,
}

/// What chooses the issuer. Other forms of `iss`, such as a list, are refused.
#[derive(Deserialize)]
struct Addressing {
    iss: String,
    aud: Audience,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl<'a> Token<'a> {
    /// Reads what chooses issuer and key.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("the token is larger than {BYTES_MAX} bytes"));
        }
        let header = decode_header(text).map_err(|_| MALFORMED.to_owned())?;
        let kid = check_header(&header)?;
        let addressing: Addressing = insecure_decode_claims(text)
            .map_err(|_| "the token must have `iss`, a string, and `aud`".to_owned())?;
        Ok(Self {
            text,
            kid,
            algorithm: header.alg,
            issuer: addressing.iss,
            audiences: match addressing.aud {
                Audience::One(audience) => vec![audience],
                Audience::Many(audiences) => audiences,
            },
        })
    }

    /// Verifies the signature and the claims that every token has. Returns all claims.
    pub(super) fn verify(
        &self,
        key: &DecodingKey,
        settings: &IssuerSettings,
    ) -> Result<Value, String> {
        let mut validation = Validation::new(self.algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[settings.issuer.as_str()]);
        validation.set_audience(&[&settings.audience]);
        decode(self.text, key, &validation)
            .map(|token| token.claims)
            .map_err(|error| reason(&error))
    }
}

/// Checks the header, and returns the `kid`. Key URLs and keys in it are ignored.
fn check_header(header: &Header) -> Result<String, String> {
    if header.alg.family() == AlgorithmFamily::Hmac {
        return Err(MALFORMED.to_owned());
    }
    if header.crit.is_some() {
        return Err("the token's header must not have `crit`".to_owned());
    }
    let typ = header.typ.as_ref().map(|typ| typ.to_ascii_lowercase());
    if typ.is_some_and(|typ| !TYPES.contains(&typ.as_str())) {
        return Err("the token's `typ` must be `JWT` or `at+jwt`".to_owned());
    }
    let kid = header.kid.clone();
    kid.ok_or_else(|| "the token's header must have `kid`".to_owned())
}

/// Why a token is not valid, without any of its text.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired; get a new one".to_owned(),
        ErrorKind::ImmatureSignature => "the token is not valid yet by its `nbf`".to_owned(),
        ErrorKind::InvalidSignature => {
            "the token's signature is not that of its issuer's key".to_owned()
        }
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            format!("the token must have a valid `{claim}`")
        }
        _ => "the token is not valid".to_owned(),
    }
}
