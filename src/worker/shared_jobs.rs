//! The jobs that a process with workers runs once, whatever targets it has, and also while none can be
//! used: numbering of events, their fan-out to webhooks, deliveries, seals of audit records, and the expiry of
//! clusters.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::outgoing::secrets::SecretsKey;
use crate::outgoing::webhooks::WebhookClient;
use crate::store::Store;

use super::sealing::AuditSettings;
use super::webhooks::attempt::WebhookSender;

/// The jobs of a process that belong to no target.
#[derive(Debug, Clone)]
pub struct SharedJobs {
    pub(super) store: Store,
    pub(super) sender: Option<WebhookSender>,
    audit: Option<AuditSettings>,
    /// Wakes the fan-out when events were numbered.
    pub(super) numbered: Arc<Notify>,
    /// Wakes the deliveries when new ones were stored.
    pub(super) fanned_out: Arc<Notify>,
}

impl SharedJobs {
    /// Jobs that send no deliveries and seal nothing.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            sender: None,
            audit: None,
            numbered: Arc::default(),
            fanned_out: Arc::default(),
        }
    }

    /// The same jobs, which also send deliveries.
    pub fn with_webhooks(mut self, client: WebhookClient, key: SecretsKey) -> Self {
        self.sender = Some(WebhookSender { client, key });
        self
    }

    /// The same jobs, which also seal audit records.
    pub fn with_audit(mut self, settings: AuditSettings) -> Self {
        self.audit = Some(settings);
        self
    }

    /// Runs until `stop` is cancelled, then waits for running attempts for a limited time.
    pub async fn run(self, stop: CancellationToken) {
        let mut jobs = JoinSet::new();
        jobs.spawn(self.clone().number_events(stop.clone()));
        jobs.spawn(self.clone().fan_out_events(stop.clone()));
        jobs.spawn(self.clone().prune_deliveries(stop.clone()));
        jobs.spawn(self.clone().expire_clusters(stop.clone()));
        if let Some(settings) = self.audit.clone() {
            jobs.spawn(self.clone().seal_periodically(settings, stop.clone()));
        }
        if let Some(sender) = self.sender.clone() {
            jobs.spawn(self.deliver_webhooks(sender, stop));
        }
        while let Some(ended) = jobs.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a shared job ended early");
            }
        }
    }
}
