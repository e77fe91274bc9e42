//! Bearer tokens: their format and the hash that is stored.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Prefix of a token, so that people and secret scanners recognize it.
const PREFIX: &str = "dxp_";
/// Number of random bytes in a token.
const SECRET_BYTES: usize = 32;

/// Creates a token. Returns the token, to be shown once, and its hash, to be stored.
pub fn new_token() -> (String, Vec<u8>) {
    let secret: [u8; SECRET_BYTES] = rand::random();
    let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    let hash = hash(&token);
    (token, hash)
}

/// The stored hash of a token, or `None` if the text is not a token. A plain SHA-256 suffices,
/// because the secret has 256 random bits.
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
    fn a_token_is_recognized_by_its_hash() {
        let (token, hash) = new_token();
        assert_eq!(token.len(), 4 + 43);
        assert_eq!(token_hash(&token), Some(hash.clone()));
        assert_eq!(hash.len(), 32);
        assert_ne!(new_token().0, token);
    }

    #[test]
    fn other_texts_are_not_tokens() {
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
