//! Keys: which of the keys that an issuer publishes can verify a token, and with which algorithms.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

/// Fewest bits of an RSA key (NIST SP 800-131A).
const RSA_BITS_MIN: usize = 2048;

/// The document that an issuer publishes. A key that cannot be read does not hide the others.
#[derive(Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys that can be used.
    pub(super) fn usable(self) -> Vec<Key> {
        self.keys.into_iter().filter_map(Key::parse).collect()
    }
}

/// A public key of an issuer.
pub(super) struct Key {
    kid: String,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Key {
    /// Reads a key that has a name, is for signatures, and is strong enough.
    fn parse(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signatures =
            matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
                && common
                    .key_operations
                    .as_ref()
                    .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let algorithms = algorithms(&jwk);
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let is_usable = is_for_signatures && !algorithms.is_empty() && is_strong(&key);
        let kid = jwk.common.key_id?;
        is_usable.then_some(Self {
            kid,
            algorithms,
            key,
        })
    }

    /// The key, if a token names it and is signed with an algorithm of it.
    pub(super) fn of(&self, kid: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        let is_it = self.kid == kid && self.algorithms.contains(&algorithm);
        is_it.then_some(&self.key)
    }
}

/// The algorithms of a key: the one that it names, else those of its type and curve.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    let of_type: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            AlgorithmFamily::Ed.algorithms()
        }
        _ => &[],
    };
    let named = jwk.common.key_algorithm;
    let is_allowed = |algorithm: &Algorithm| {
        named.is_none_or(|named| Algorithm::try_from(named).is_ok_and(|named| named == *algorithm))
    };
    of_type.iter().copied().filter(is_allowed).collect()
}

fn is_strong(key: &DecodingKey) -> bool {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => {
            let digits = n.iter().skip_while(|byte| **byte == 0);
            let leading = digits.clone().next().map_or(0, |byte| byte.leading_zeros());
            digits.count() * 8 - leading as usize >= RSA_BITS_MIN
        }
        DecodingKeyKind::SecretOrDer(_) => true,
    }
}
