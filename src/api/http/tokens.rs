//! Bearer tokens: how one looks, and how it is kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// First characters of a token, so that people and secret scanners know one.
const PREFIX: &str = "dxp_";
/// Random bytes of a token.
const SECRET_BYTES: usize = 32;

/// A new token, to be shown once, and the hash of it, to be kept.
pub fn new_token() -> (String, Vec<u8>) {
    let secret: [u8; SECRET_BYTES] = rand::random();
    let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    let hash = hash(&token);
    (token, hash)
}

/// The hash under which a token is kept, or `None` if the text is not one. A plain SHA-256 suffices: the secret has 256
/// random bits, so there is nothing to guess.
pub fn token_hash(text: &str) -> Option<Vec<u8>> {
    let secret = BASE64_URL_SAFE_NO_PAD
        .decode(text.strip_prefix(PREFIX)?)
        .ok()?;
    (secret.len() == SECRET_BYTES).then(|| hash(text))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let (token, hash) = new_token();
        assert_eq!(token.len(), 4 + 43);
        assert_eq!(token_hash(&token), Some(hash.clone()));
        assert_eq!(hash.len(), 32);
        assert_ne!(new_token().0, token);
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let (token, _) = new_token();
        for text in [
            "",
            "dxp_",
            "x",
            &token[1..],
            &token[..46],
            &format!("{token}A"),
            &token.replace("dxp_", "DXP_"),
        ] {
            assert_eq!(token_hash(text), None, "{text}");
        }
    }
}
