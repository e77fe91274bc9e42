//! Secrets of webhooks: their format, their encryption in the database, and signatures.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

/// Prefix of a secret (Standard Webhooks, "Symmetric").
const PREFIX: &str = "whsec_";
/// Number of random bytes in a secret.
const SECRET_BYTES: usize = 32;
/// Number of bytes of the key that encrypts secrets.
const KEY_BYTES: usize = 32;
/// First byte of an encrypted secret: AES-256-GCM with a random nonce, which follows.
const FORMAT: u8 = 1;

/// The key that encrypts secrets in the database.
#[derive(Clone)]
pub struct SecretsKey(Arc<RandomizedNonceKey>);

impl SecretsKey {
    /// Parses the content of a key file: 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
        if bytes.len() != KEY_BYTES {
            return None;
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()?;
        Some(Self(Arc::new(key)))
    }

    /// Encrypts the secret of a webhook. The result is bound to the webhook.
    pub fn seal(&self, webhook: Uuid, secret: &WebhookSecret) -> Vec<u8> {
        let mut text = secret.0.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(webhook.as_bytes()), &mut text)
            .expect("encryption fails only if the text is longer than 64 GiB");
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        sealed
    }

    /// Decrypts the secret of a webhook. `None` if it was encrypted with another key, or for another
    /// webhook.
    pub fn open(&self, webhook: Uuid, sealed: &[u8]) -> Option<WebhookSecret> {
        let (nonce, text) = sealed
            .strip_prefix(&[FORMAT])?
            .split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let aad = Aad::from(webhook.as_bytes());
        let secret = self.0.open_in_place(nonce, aad, &mut text).ok()?;
        Some(WebhookSecret((&*secret).try_into().ok()?))
    }
}

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret of a webhook.
pub struct WebhookSecret([u8; SECRET_BYTES]);

impl WebhookSecret {
    /// Generates a secret.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The text for the receiver.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(self.0))
    }

    /// The signature of one attempt, as in `webhook-signature` (Standard Webhooks, "Signature
    /// scheme"). `timestamp` is in seconds since 1970.
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(tag))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretsKey {
        SecretsKey::parse(&BASE64_STANDARD.encode([byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn a_secret_is_opened_only_with_its_key_and_for_its_webhook() {
        let (webhook, secret) = (Uuid::from_u128(1), WebhookSecret::generate());
        let sealed = key(1).seal(webhook, &secret);
        let opened = key(1).open(webhook, &sealed).unwrap();
        assert_eq!(opened.expose(), secret.expose());
        assert_ne!(key(1).seal(webhook, &secret), sealed);
        assert!(key(2).open(webhook, &sealed).is_none());
        assert!(key(1).open(Uuid::from_u128(2), &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key(1).open(webhook, &changed).is_none(), "{at}");
            assert!(key(1).open(webhook, &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn a_key_has_32_bytes_in_base64() {
        for text in ["", "x", "AAAA", &BASE64_STANDARD.encode([0; 31])] {
            assert!(SecretsKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn debug_prints_no_secret() {
        let secret = WebhookSecret::generate();
        assert_eq!(format!("{:?} {secret:?}", key(1)), "*** ***");
    }

    /// Bytes 0 to 31; the signature was computed with Python's `standardwebhooks` 1.1.0.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let mut bytes = [0; SECRET_BYTES];
        for (value, byte) in (0..).zip(&mut bytes) {
            *byte = value;
        }
        let signature = WebhookSecret(bytes).sign(Uuid::nil(), 1_700_000_000, "{}");
        assert_eq!(signature, "v1,Ah2dh/uIZJFSl8IBoiREmvpwUo3+X+vJcMNZP6/BEL4=");
    }
}
