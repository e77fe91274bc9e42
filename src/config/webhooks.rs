//! Settings of webhooks: the key of their secrets, and the networks that they may reach.

use crate::outgoing::addresses::AllowedNetworks;
use crate::outgoing::secrets::SecretsKey;

use super::arguments::WebhookArguments;
use super::audit::key_of;
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
            Some(path) => key_of("secrets_key_file", path, SecretsKey::parse, reader).map(Some),
        };
        Some(Self {
            key: key?,
            networks: networks?,
        })
    }
}
