//! The keys of one issuer: kept, refreshed, and asked for again when a token has an unknown one.
//!
//! One fetch runs at a time, in a task of its own, so a dropped request does not end it; others wait
//! for it. A fetch takes five seconds at most (`fetch.rs`), and so does a wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::watch;

use crate::domain::issuer::IssuerUrl;

use super::Refusal;
use super::fetch;
use super::keys::Key;

/// Age of keys from which a request has them fetched in the background.
const REFRESH_AGE: Duration = Duration::from_secs(50 * 60);
/// Age of keys from which a request waits for the fetch. So a key that an issuer withdraws is
/// refused an hour later, unless the issuer is away.
const WAIT_AGE: Duration = Duration::from_secs(60 * 60);
/// Age of keys from which they are not used, however long the issuer is away.
const USE_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Shortest time between the starts of two fetches.
const FETCH_INTERVAL: Duration = Duration::from_secs(10);
/// How long after a failed fetch requests with a known key do not wait for another one.
const AWAY_INTERVAL: Duration = Duration::from_secs(60);

/// The keys of an issuer.
pub(super) struct KeyCache {
    issuer: IssuerUrl,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Vec<Key>,
    /// When the fetch of the keys started.
    fetched_at: Option<Instant>,
    /// When the last fetch started.
    asked_at: Option<Instant>,
    /// When the last fetch started and why it failed, if it did.
    failed: Option<(Instant, String)>,
    /// Closes when the running fetch ends.
    running: Option<watch::Receiver<()>>,
}

/// What a request does next.
enum Next {
    Use(DecodingKey),
    Wait(watch::Receiver<()>),
    Refuse(Refusal),
}

impl KeyCache {
    /// No keys yet.
    pub(super) fn new(issuer: IssuerUrl) -> Self {
        let state = Mutex::default();
        Self { issuer, state }
    }

    /// The key with this name and algorithm. The reason of `Unavailable` is a phrase that follows the
    /// issuer's name.
    pub(super) async fn find(
        self: &Arc<Self>,
        kid: &str,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<DecodingKey, Refusal> {
        let mut has_waited = false;
        loop {
            match self.next(kid, algorithm, now, has_waited) {
                Next::Use(key) => return Ok(key),
                Next::Refuse(refusal) => return Err(refusal),
                Next::Wait(mut running) => {
                    // An error: the sender was dropped, because the fetch has ended.
                    let _ended = running.changed().await;
                    has_waited = true;
                }
            }
        }
    }

    fn next(
        self: &Arc<Self>,
        kid: &str,
        algorithm: Algorithm,
        now: Instant,
        has_waited: bool,
    ) -> Next {
        let mut state = self.state();
        let age = state.fetched_at.map(|at| now.saturating_duration_since(at));
        let find = |key: &Key| key.of(kid, algorithm).cloned();
        let known = age
            .filter(|age| *age < USE_AGE)
            .and_then(|age| Some((age, state.keys.iter().find_map(find)?)));
        match known {
            Some((age, key)) => {
                let fetch = (age >= REFRESH_AGE && !has_waited)
                    .then(|| self.fetch(&mut state, now))
                    .flatten();
                match fetch.filter(|_| age >= WAIT_AGE && !state.is_away(now)) {
                    Some(running) => Next::Wait(running),
                    None => Next::Use(key),
                }
            }
            None if has_waited => Next::Refuse(state.refusal()),
            None => match self.fetch(&mut state, now) {
                Some(running) => Next::Wait(running),
                None => Next::Refuse(state.refusal()),
            },
        }
    }

    /// The running fetch, or a new one if the last one is long enough ago.
    fn fetch(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<watch::Receiver<()>> {
        let is_running = |running: &&watch::Receiver<()>| running.has_changed().is_ok();
        if let Some(running) = state.running.as_ref().filter(is_running) {
            return Some(running.clone());
        }
        let is_recent = |at| now.saturating_duration_since(at) < FETCH_INTERVAL;
        if state.asked_at.is_some_and(is_recent) {
            return None;
        }
        let (sender, running) = watch::channel(());
        state.asked_at = Some(now);
        state.running = Some(running.clone());
        let cache = self.clone();
        tokio::spawn(async move {
            let keys = fetch::keys(&cache.issuer).await;
            cache.record(keys, now);
            drop(sender);
        });
        Some(running)
    }

    fn record(&self, keys: Result<Vec<Key>, String>, now: Instant) {
        let mut state = self.state();
        match keys {
            Ok(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
                state.failed = None;
            }
            Err(reason) => {
                tracing::warn!(issuer = %self.issuer, reason, "cannot read the keys of an identity provider");
                state.failed = Some((now, reason));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a fetch failed so recently that a known key is used without another one.
    fn is_away(&self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < AWAY_INTERVAL;
        self.failed.as_ref().is_some_and(|(at, _)| is_recent(*at))
    }

    /// Why a key that is not known is refused: as invalid only if the issuer has just been asked.
    fn refusal(&self) -> Refusal {
        match &self.failed {
            Some((_, reason)) => Refusal::Unavailable(reason.clone()),
            None if self.fetched_at == self.asked_at && self.fetched_at.is_some() => {
                Refusal::Invalid(
                    "the token's issuer has no usable key with its `kid` for its algorithm"
                        .to_owned(),
                )
            }
            None => Refusal::Unavailable("has not answered yet".to_owned()),
        }
    }
}
