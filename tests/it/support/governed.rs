//! Clients of an API that is governed by rules.

use std::sync::Arc;

use dax_provisioner::api::{self, ApiSettings, Authentication};
use dax_provisioner::authorization::Rules;
use dax_provisioner::oidc::Issuers;
use dax_provisioner::store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::api::{ApiClient, api_of, open_settings, targets_of};
use crate::support::test_env::TestEnv;

impl TestEnv {
    /// A client of an API with authentication, governed by these rules. The sender changes them.
    pub fn governed_api(&self, rules: Rules) -> (ApiClient, watch::Sender<Arc<Rules>>) {
        self.governed_api_of(self.store.clone(), rules, Issuers::default())
    }

    /// The same with these settings, to which authentication is added.
    pub fn governed_api_with(
        &self,
        settings: ApiSettings,
        rules: Rules,
    ) -> (ApiClient, watch::Sender<Arc<Rules>>) {
        self.governed(self.store.clone(), settings, rules, Issuers::default())
    }

    /// The same with a connection pool of its own, for callers of identity providers.
    pub fn governed_api_of(
        &self,
        store: Store,
        rules: Rules,
        issuers: Issuers,
    ) -> (ApiClient, watch::Sender<Arc<Rules>>) {
        self.governed(store, open_settings(), rules, issuers)
    }

    fn governed(
        &self,
        store: Store,
        settings: ApiSettings,
        rules: Rules,
        issuers: Issuers,
    ) -> (ApiClient, watch::Sender<Arc<Rules>>) {
        let (sender, receiver) = watch::channel(Arc::new(rules));
        let settings = ApiSettings {
            authentication: Authentication::On,
            ..settings
        };
        let shutdown = CancellationToken::new();
        let (targets, account) = targets_of(self);
        let api = api_of(targets, store, settings, shutdown.clone());
        let client = ApiClient {
            router: api::router(api.governed_by(receiver, issuers)),
            shutdown,
            account,
            token: None,
        };
        (client, sender)
    }
}
