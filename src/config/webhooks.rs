//! Settings of webhooks: the key of their secrets, and the networks that they may reach.

use crate::outgoing::addresses::AllowedNetworks;
use crate::outgoing::secrets::SecretsKey;

use super::Secret;
use super::arguments::WebhookArguments;
use super::reader::Reader;

/// Settings of webhooks.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    /// The key that encrypts secrets; without it no webhook can be created, and none is delivered.
    pub key: Option<SecretsKey>,
    /// Networks that webhooks may reach in addition to public addresses.
    pub networks: AllowedNetworks,
}

impl WebhookConfig {
    pub(super) fn of_serve(flags: &WebhookArguments, reader: &mut Reader<'_>) -> Option<Self> {
        let networks = AllowedNetworks::parse(&flags.webhook_allow_network);
        if networks.is_none() {
            reader.error(
                "webhook_allow_network",
                "must be networks such as 10.0.0.0/8, separated by commas",
            );
        }
        let key = match &flags.secrets_key_file {
            None => Some(None),
            Some(path) => secrets_key(path, reader).map(Some),
        };
        Some(Self {
            key: key?,
            networks: networks?,
        })
    }
}

fn secrets_key(path: &str, reader: &mut Reader<'_>) -> Option<SecretsKey> {
    let id = "secrets_key_file";
    match Secret::from_file(path.as_ref()) {
        Ok(text) => reader.value(
            id,
            text.expose(),
            "the file must contain 32 bytes in base64, as `openssl rand -base64 32` prints",
            SecretsKey::parse,
        ),
        Err(rule) => {
            reader.error(id, &rule);
            None
        }
    }
}
