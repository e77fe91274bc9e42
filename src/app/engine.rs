//! The engine: runs every target when the database is ready, and takes new versions of the
//! organisation.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::authorization::Rules;
use crate::config::Serve;
use crate::domain::condition::Condition;
use crate::domain::waiting::WaitingFor;
use crate::oidc::Issuers;
use crate::organisation::Organisation;
use crate::organisation::reload::{self, Reload};
use crate::outgoing::webhooks::WebhookClient;
use crate::store::{Actor, Entry, Store};
use crate::worker::{AuditSettings, SharedJobs, relay_notifications};

use super::target::Shared;
use super::targets::{self, TargetSet};
use super::{metrics, startup};

/// Pause before a change of the organisation is recorded again, if the database does not answer.
const RECORD_RETRY: Duration = Duration::from_secs(5);

/// The background tasks, which start when the database is ready.
pub(super) struct Engine {
    pub(super) serve: Serve,
    pub(super) store: Store,
    pub(super) targets: TargetSet,
    pub(super) reload: Option<Reload>,
    pub(super) rules: watch::Sender<Arc<Rules>>,
    pub(super) issuers: Issuers,
    pub(super) condition: watch::Sender<Condition>,
    /// Whether many requests run in this process.
    pub(super) is_busy: watch::Receiver<bool>,
    pub(super) stop: CancellationToken,
}

impl Engine {
    /// Waits for the database, then runs every target until `stop`.
    pub(super) async fn run(mut self) -> Result<()> {
        let wants_sandbox = self.serve.aws.is_sandbox();
        let connect = startup::await_database(&self.store, wants_sandbox);
        let Some(bound) = self.stop.run_until_cancelled(connect).await else {
            return Ok(());
        };
        self.targets.note_bound(bound?);
        tokio::spawn(metrics::refresh_periodically(
            self.store.clone(),
            self.targets.subscribe(),
            self.condition.clone(),
            self.stop.clone(),
        ));
        let works = self.serve.role.works();
        let jobs = self.shared_jobs()?;
        // Also while no target can be used.
        let jobs = works.then(|| tokio::spawn(jobs.run(self.stop.clone())));
        let relay = (works && self.serve.work.notify)
            .then(|| tokio::spawn(relay_notifications(self.store.clone())));
        let outcome = self.serve_targets().await;
        if let Some(relay) = relay {
            relay.abort();
        }
        if let (Some(jobs), true) = (jobs, self.stop.is_cancelled()) {
            let _ = jobs.await;
        }
        outcome
    }

    fn shared_jobs(&self) -> Result<SharedJobs> {
        let jobs = SharedJobs::new(self.store.clone()).with_audit(AuditSettings {
            key: self.serve.audit_key.clone(),
            kept: self.serve.work.history_age,
        });
        let webhooks = &self.serve.webhooks;
        let Some(key) = webhooks.key.clone() else {
            return Ok(jobs);
        };
        let client = WebhookClient::new(webhooks.networks.clone())
            .context("cannot prepare TLS for webhooks")?;
        Ok(jobs.with_webhooks(client, key))
    }

    async fn serve_targets(&mut self) -> Result<()> {
        let shared = Arc::new(Shared {
            serve: self.serve.clone(),
            store: self.store.clone(),
            has_organisation: self.reload.is_some(),
            is_busy: self.is_busy.clone(),
        });
        if self.reload.is_some() {
            report_validity(true);
            self.record_organisation("accepted", self.rules.borrow().hash.clone());
        }
        let interval = if self.serve.aws.is_sandbox() {
            reload::SANDBOX_INTERVAL
        } else {
            reload::INTERVAL
        };
        let (mut tasks, stop) = (JoinSet::new(), self.stop.clone());
        self.targets.start(&shared, &mut tasks, &stop);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = tasks.join_next() => match ended {
                    Ok(ended) => ended?,
                    Err(error) => return Err(error).context("the task of a target crashed"),
                },
                () = tokio::time::sleep(interval), if self.reload.is_some() => {
                    self.check_organisation().await;
                    self.targets.start(&shared, &mut tasks, &stop);
                }
            }
        }
        while tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Whether a new version has no policies of its own and the one in force has. A volume that is
    /// not mounted must not replace limits by the built-in policies.
    fn loses_its_policies(&self, organisation: &Organisation) -> bool {
        self.rules.borrow().has_own_policies && !organisation.rules.has_own_policies
    }

    /// Records that this process has taken a version of the organisation, or refused one. A version
    /// that cannot be read has no hash.
    fn record_organisation(&self, decision: &'static str, hash: Option<String>) {
        let (store, stop) = (self.store.clone(), self.stop.clone());
        let entry = Entry {
            action: Some("take_organisation"),
            decision,
            organisation: hash,
            ..Entry::default()
        };
        let record = async move {
            let service = Actor::named("service");
            while let Err(error) = store.record_entry(service.clone(), entry.clone()).await {
                tracing::warn!(%error, "a change of the organisation is not recorded yet");
                tokio::time::sleep(RECORD_RETRY).await;
            }
        };
        tokio::spawn(async move { stop.run_until_cancelled(record).await });
    }

    /// Takes a new version of the organisation. One with faults is not taken.
    async fn check_organisation(&mut self) {
        let found = self.reload.as_mut().and_then(Reload::read_again);
        match found {
            None => {}
            Some(Ok(organisation)) if self.loses_its_policies(&organisation) => {
                tracing::error!(
                    "organisation not taken: its policies are gone, and the built-in ones would be in \
                     force; restart the service if that is wanted"
                );
                report_validity(false);
                self.record_organisation("refused", Some(organisation.hash));
            }
            Some(Ok(organisation)) => {
                let settings = targets::settings(&self.serve, Some(&organisation));
                let taken = self.targets.replace(settings).await;
                report_validity(taken.is_ok());
                match taken {
                    Ok(()) => {
                        self.rules.send_replace(Arc::new(organisation.rules));
                        // After the rules: new groups meet the new policies only.
                        self.issuers.replace(&organisation.oidc);
                        tracing::info!(hash = organisation.hash, "organisation taken");
                        self.record_organisation("accepted", Some(organisation.hash));
                    }
                    Err(bad) => {
                        tracing::error!("organisation not taken: {bad}");
                        self.record_organisation("refused", Some(organisation.hash));
                    }
                }
                // What a target is bound to counts, whatever the file says.
                match self.store.targets().await {
                    Ok(bound) => self.targets.note_bound(bound),
                    Err(error) => {
                        tracing::warn!(%error, "the bindings of the targets were not read")
                    }
                }
            }
            Some(Err(faults)) => {
                tracing::error!(
                    "organisation not taken, the version before stays in force: {faults}"
                );
                report_validity(false);
                self.record_organisation("refused", None);
            }
        }
        for name in self.targets.removed() {
            let store = self.store.of_target(name);
            if let Err(error) = store.explain_held(WaitingFor::Operator).await {
                tracing::debug!(%error, "could not record the wait reason of operations");
            }
        }
    }
}

fn report_validity(is_valid: bool) {
    ::metrics::gauge!("dax_provisioner_organisation_valid").set(f64::from(u8::from(is_valid)));
}
