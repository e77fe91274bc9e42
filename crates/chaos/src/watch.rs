//! Observers during a run: the journal of the sandbox, the event feed, and a receiver of webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::{Api, Request};
use crate::arena::Arena;
use crate::random::Random;
use crate::workload::text;

/// Outcomes in the journal that are injected faults.
const FAULTS: [&str; 13] = [
    "throttle",
    "error_before",
    "error_after",
    "lose_answer",
    "cut_answer",
    "garbage",
    "slow",
    "late",
    "lag",
    "gap",
    "no_member",
    "capacity",
    "deny",
];

/// What the observers saw.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The calls with an effect, oldest first.
    pub(crate) effects: Vec<Value>,
    /// How often each fault hit a call.
    pub(crate) faults: BTreeMap<String, usize>,
    /// The highest sequence number of the journal that was read.
    journal_end: u64,
    /// Cursor, operation and sequence of each event, in the order of the feed.
    pub(crate) feed: Vec<(String, String, i64)>,
    /// Deliveries of each operation and event.
    pub(crate) deliveries: BTreeMap<(String, String), usize>,
    /// Deliveries that the receiver rejected.
    pub(crate) rejected: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Observers(Arc<Mutex<Observed>>);

impl Observers {
    pub(crate) fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what the sandbox's journal has since the last time.
    pub(crate) async fn read_journal(&self, arena: &Arena) -> Result<()> {
        let after = self.observed().journal_end;
        let path = format!("journal?after={after}");
        let answer = arena.sandbox.control("GET", &path, None).await?;
        let mut observed = self.observed();
        for call in answer["calls"].as_array().into_iter().flatten() {
            observed.journal_end = call["sequence"].as_u64().unwrap_or(observed.journal_end);
            let outcome = text(call, "outcome").to_owned();
            if FAULTS.contains(&outcome.as_str()) {
                *observed.faults.entry(outcome).or_default() += 1;
            }
            if call["effect"] == json!(true) {
                observed.effects.push(call.clone());
            }
        }
        Ok(())
    }

    /// Reads the journal and the feed until `stop`.
    pub(crate) async fn run(self, arena: Arc<Arena>, api: Arc<Api>, stop: watch::Receiver<bool>) {
        let mut random = Random::new(0, 77);
        let mut rounds = 0;
        while !*stop.borrow() {
            self.read_feed(&api, &mut random).await;
            if rounds % 10 == 0 {
                // The next round reads what this one cannot.
                let _ = self.read_journal(&arena).await;
            }
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// Reads the feed from where it was read last, to its present end.
    pub(crate) async fn read_feed(&self, api: &Api, random: &mut Random) {
        loop {
            let last = self
                .observed()
                .feed
                .last()
                .map(|(cursor, ..)| cursor.clone());
            let after = last.map_or(String::new(), |cursor| format!("&after={cursor}"));
            let path = format!("/v1/events?limit=100{after}");
            let request = Request::new("GET", &path, None);
            let Some(answer) = api.send(random, 0, &request, None).await else {
                return;
            };
            let items = answer.body["items"].as_array().cloned().unwrap_or_default();
            let mut observed = self.observed();
            for item in &items {
                let sequence = item["event"]["sequence"].as_i64().unwrap_or(-1);
                let id = text(item, "operation_id").to_owned();
                observed
                    .feed
                    .push((text(item, "cursor").to_owned(), id, sequence));
            }
            if answer.body["has_more"] != json!(true) {
                return;
            }
        }
    }

    /// Starts a receiver that rejects some deliveries at first, and a webhook that posts to it.
    pub(crate) async fn receive(&self, api: &Api, seed: u64) -> Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (observers, random) = (self.clone(), Arc::new(Mutex::new(Random::new(seed, 3))));
        let receive = move |body: String| async move {
            let is_rejected = random
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .chance(0.05);
            let mut observed = observers.observed();
            if is_rejected {
                observed.rejected += 1;
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            let event: Value = serde_json::from_str(&body).unwrap_or_default();
            let id = text(&event["data"], "operation_id").to_owned();
            let key = (id, text(&event, "type").to_owned());
            *observed.deliveries.entry(key).or_default() += 1;
            StatusCode::NO_CONTENT
        };
        let router = Router::new().route("/", post(receive));
        tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let webhook = json!({"url": format!("http://127.0.0.1:{port}/"), "events": ["*"]});
        let request = Request::new("POST", "/v1/webhooks", Some(&webhook));
        let answer = api
            .send(&mut Random::new(seed, 4), 0, &request, None)
            .await
            .context("the webhook was not created")?;
        anyhow::ensure!(answer.status == 201, "the webhook: {}", answer.body);
        Ok(text(&answer.body, "id").to_owned())
    }
}
