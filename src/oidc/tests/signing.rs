//! Keys and tokens of the tests.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, get_current_timestamp};
use serde_json::{Value, json};

use super::AUDIENCE;

/// Length of the header of PKCS #8 before an RSA key of 2,048 bits in PKCS #1.
const PKCS8_HEADER: usize = 26;

/// A pair of keys with its name.
pub(super) struct TestKey {
    kid: String,
    algorithm: Algorithm,
    private: EncodingKey,
}

impl TestKey {
    /// A key of an elliptic curve, the fastest to make.
    pub(super) fn new(kid: &str) -> Self {
        Self::of(kid, Algorithm::ES256)
    }

    /// A key for an algorithm.
    pub(super) fn of(kid: &str, algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let ec = |curve| EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
        let private = match algorithm {
            Algorithm::ES256 => {
                EncodingKey::from_ec_der(ec(&ECDSA_P256_SHA256_FIXED_SIGNING).as_ref())
            }
            Algorithm::ES384 => {
                EncodingKey::from_ec_der(ec(&ECDSA_P384_SHA384_FIXED_SIGNING).as_ref())
            }
            Algorithm::EdDSA => EncodingKey::from_ed_der(
                Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref(),
            ),
            _ => RSA.clone(),
        };
        Self {
            kid: kid.to_owned(),
            algorithm,
            private,
        }
    }

    /// The public key as the issuer publishes it.
    pub(super) fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A header that names this key.
    pub(super) fn header(&self) -> Value {
        json!({"alg": self.algorithm, "typ": "JWT", "kid": self.kid})
    }

    /// A token of these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    /// A token with a header of any content.
    pub(super) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        sign(header, claims, &self.private, self.algorithm)
    }

    /// A token of the encoded header and claims.
    pub(super) fn sign_message(&self, message: &str) -> String {
        sign_message(message, &self.private, self.algorithm)
    }
}

/// Slow to make, so the tests share it.
static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_HEADER..])
});

/// A token of header and claims of any content, signed with any key.
pub(super) fn sign(
    header: &Value,
    claims: &Value,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    sign_message(&message, key, algorithm)
}

fn sign_message(message: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A part of a token.
pub(super) fn encode(part: &Value) -> String {
    encode_text(&part.to_string())
}

/// A part of a token, from a text that need not be JSON.
pub(super) fn encode_text(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// The claims of a valid token.
pub(super) fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "ada",
        "exp": now() + 600,
    })
}

/// The claims of a valid token, and one more or another one. Null removes it.
pub(super) fn claims_with(issuer: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(issuer);
    claims[name] = value;
    if claims[name].is_null() {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

/// The time, in seconds.
pub(super) fn now() -> u64 {
    get_current_timestamp()
}
