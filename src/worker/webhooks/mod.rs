//! Webhooks: fan-out of new events to deliveries, and attempts to deliver.
//!
//! Every process with workers does both. A claim leases a delivery, and its result is recorded under
//! the epoch of the claim, so a delivery is sent again if the process dies in between. Receivers
//! cannot delay each other ([`lanes`]).

use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

use super::shared_jobs::SharedJobs;
use attempt::WebhookSender;
use lanes::InFlight;

pub(super) mod attempt;
mod lanes;

pub use lanes::ATTEMPTS_MAX;

/// Pause in which events and results collect.
const COLLECT: Duration = Duration::from_millis(20);
/// Longest pause: retries become due, and other processes number events and store deliveries.
const IDLE: Duration = Duration::from_secs(1);
/// Longest pause of the fan-out: another process can have numbered events.
const FAN_OUT_IDLE: Duration = Duration::from_secs(2);
/// Longest pause while attempts run: one that turns out to be slow frees its place.
const BUSY: Duration = Duration::from_millis(200);
/// How long a process that shuts down waits for running attempts.
const DRAIN: Duration = Duration::from_secs(5);
/// Interval between two deletions of old deliveries.
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);
/// How long one deletes; the next one continues.
const PRUNE_TIME: Duration = Duration::from_secs(10);

impl SharedJobs {
    /// Stores deliveries of new events until `stop` is cancelled.
    pub(super) async fn fan_out_events(self, stop: CancellationToken) {
        let due = || async {
            let _ = tokio::time::timeout(FAN_OUT_IDLE, self.numbered.notified()).await;
        };
        let mut window = i64::MAX;
        while stop.run_until_cancelled(due()).await.is_some() {
            let mut is_behind = true;
            while is_behind && !stop.is_cancelled() {
                match self.store.fan_out(window).await {
                    Ok(fanned_out) => {
                        window = fanned_out.next_window;
                        is_behind = fanned_out.is_behind;
                    }
                    Err(error) => {
                        tracing::debug!(%error, "events were not fanned out to webhooks");
                        is_behind = false;
                    }
                }
                self.fanned_out.notify_one();
            }
        }
    }

    /// Delivers what is due until `stop` is cancelled.
    pub(super) async fn deliver_webhooks(self, sender: WebhookSender, stop: CancellationToken) {
        let mut attempts = JoinSet::new();
        let mut in_flight = InFlight::default();
        while !stop.is_cancelled() {
            let began = self
                .begin_attempts(&sender, &mut attempts, &mut in_flight)
                .await;
            if let Err(error) = began {
                tracing::debug!(%error, "deliveries of webhooks were not claimed");
            }
            let longest = if attempts.is_empty() { IDLE } else { BUSY };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.fanned_out.notified() => {}
                () = tokio::time::sleep(longest) => {}
                Some(ended) = attempts.join_next_with_id() => end(&mut in_flight, ended),
            }
            tokio::time::sleep(COLLECT).await;
            while let Some(ended) = attempts.try_join_next_with_id() {
                end(&mut in_flight, ended);
            }
        }
        // Attempts that are still running then are repeated when their leases end.
        let drain = async { while attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(DRAIN, drain).await;
    }

    /// Begins attempts of deliveries that are due.
    async fn begin_attempts(
        &self,
        sender: &WebhookSender,
        attempts: &mut JoinSet<()>,
        in_flight: &mut InFlight,
    ) -> Result<(), StoreError> {
        let limits = in_flight.limits(Instant::now());
        for delivery in self.store.claim_deliveries(&limits).await? {
            let (webhook, lane) = (delivery.webhook_id, delivery.lane);
            let attempt = attempt::attempt(self.store.clone(), sender.clone(), delivery);
            let id = attempts.spawn(attempt).id();
            in_flight.begin(id, webhook, lane, Instant::now());
        }
        Ok(())
    }

    /// Deletes old deliveries at intervals, until `stop` is cancelled.
    pub(super) async fn prune_deliveries(self, stop: CancellationToken) {
        let due = || tokio::time::sleep(PRUNE_INTERVAL);
        while stop.run_until_cancelled(due()).await.is_some() {
            let began = Instant::now();
            let mut is_more = true;
            while is_more && began.elapsed() < PRUNE_TIME {
                let pruned = self.store.prune_deliveries().await;
                is_more = pruned.is_ok_and(|deleted| deleted > 0);
            }
        }
    }
}

fn end(in_flight: &mut InFlight, ended: Result<(Id, ()), JoinError>) {
    match ended {
        Ok((id, ())) => in_flight.end(id),
        Err(error) => {
            tracing::error!(%error, "an attempt of a webhook panicked");
            in_flight.end(error.id());
        }
    }
}
