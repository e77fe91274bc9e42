//! Counts: requests that are too many for a record each. They are kept in memory and recorded once a
//! minute, and when the process shuts down.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::caller::Identity;
use crate::store::{Actor, Entry};

use crate::api::Api;

/// How long counts are collected, and the time for which a caller's denials are limited.
const WINDOW: Duration = Duration::from_secs(60);
/// Denials of one caller within the window that have a record each.
const DENIALS_RECORDED: u32 = 10;
/// Counts that are kept apart; what exceeds them is counted without address and action.
const KINDS_MAX: usize = 1_000;

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Requests that were not authenticated: the reason, and the client.
    Failure(&'static str, Option<IpAddr>),
    /// Denials: the ID of the caller, and the action.
    Denial(String, Option<String>),
}

/// The counts of this process.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<Kind, (i64, Option<Arc<Identity>>)>,
    /// The denials of each caller, since the first one of the window.
    denials: HashMap<String, (Instant, u32)>,
    /// Whether a task waits to record the counts.
    is_waiting: bool,
}

impl Counts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a denial gets a record of its own.
    pub(super) fn admit_denial(&self, actor: &Actor) -> bool {
        let Some(caller) = actor.identity() else {
            return false;
        };
        let mut state = self.state();
        state
            .denials
            .retain(|_, (since, _)| since.elapsed() < WINDOW);
        let recorded = state.denials.entry(caller.id.clone());
        let (_, number) = recorded.or_insert_with(|| (Instant::now(), 0));
        *number += 1;
        *number <= DENIALS_RECORDED
    }

    /// Adds to a count. Returns whether the caller must start the task that records it.
    fn add(&self, kind: Kind, number: i64, identity: Option<Arc<Identity>>) -> bool {
        let mut state = self.state();
        let is_full = state.counts.len() >= KINDS_MAX && !state.counts.contains_key(&kind);
        let kind = match kind {
            Kind::Failure(reason, _) if is_full => Kind::Failure(reason, None),
            Kind::Denial(caller, _) if is_full => Kind::Denial(caller, None),
            kind => kind,
        };
        state.counts.entry(kind).or_insert((0, identity)).0 += number;
        !std::mem::replace(&mut state.is_waiting, true)
    }

    fn take(&self) -> BTreeMap<Kind, (i64, Option<Arc<Identity>>)> {
        let mut state = self.state();
        state.is_waiting = false;
        std::mem::take(&mut state.counts)
    }
}

impl Api {
    /// Counts a request that was not authenticated.
    pub(crate) fn count_failure(&self, reason: &'static str, client: Option<IpAddr>) {
        self.count(Kind::Failure(reason, client), 1, None);
    }

    /// Counts a request that was denied.
    pub(super) fn count_denial(&self, actor: &Actor) {
        if let Some(caller) = actor.identity() {
            let kind = Kind::Denial(caller.id.clone(), actor.action.clone());
            self.count(kind, 1, Some(Arc::clone(caller)));
        }
    }

    fn count(&self, kind: Kind, number: i64, identity: Option<Arc<Identity>>) {
        if self.counts.add(kind, number, identity) {
            tokio::spawn(self.clone().record_counts_later());
        }
    }

    /// Records the counts at the end of the window. What cannot be recorded is counted again.
    async fn record_counts_later(self) {
        let _ = tokio::time::timeout(WINDOW, self.shutdown.cancelled()).await;
        for (kind, (number, identity)) in self.counts.take() {
            let (actor, entry) = entry_of(&kind, number, identity.clone());
            if let Err(error) = self.store.record_entry(Arc::new(actor), entry).await {
                tracing::warn!(%error, "requests that were not permitted are counted, not recorded");
                if !self.shutdown.is_cancelled() {
                    self.count(kind, number, identity);
                }
            }
        }
    }
}

/// The record of a count.
fn entry_of(kind: &Kind, number: i64, identity: Option<Arc<Identity>>) -> (Actor, Entry) {
    let (action, address, decision, subject) = match kind {
        Kind::Failure(reason, address) => {
            ("authenticate".to_owned(), *address, "failed", Some(*reason))
        }
        Kind::Denial(_, action) => {
            let action = action.clone().unwrap_or_else(|| "any".to_owned());
            (action, None, "denied", None)
        }
    };
    let actor = Actor::new(Some(action), None, address);
    if let Some(identity) = identity {
        actor.identify(identity);
    }
    let entry = Entry {
        decision,
        subject: subject.map(str::to_owned),
        count: Some(number),
        ..Entry::default()
    };
    (actor, entry)
}
