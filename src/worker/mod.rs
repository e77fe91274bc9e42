//! Floor 3, the worker: takes turns at operations. It never sees the HTTP door, nor AWS except through a step.
//!
//! A turn claims one operation, runs one step of it, decides what follows, and records that under the fence. It knows
//! no step by name. Between a turn's parts a process may die at any place: the next claim goes on from what is recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::operation::Kind;
use crate::inspections::Inspector;
use crate::operations::{StepEnvironment, known_steps};
use crate::store::Store;

mod decide;
mod poll;
mod sweep;
mod turn;

pub use turn::{Point, Probe, TurnResult};

/// How often each process looks for work when nobody tells it that there is some.
const POLL: Duration = Duration::from_millis(500);
/// How long a turn waits for leave: what is left of the lease must suffice to send a call.
const COMPANY: Duration = Duration::from_secs(4);
/// Longest turn; one that takes longer has lost its lease, and perhaps its connection to the database.
const TURN: Duration = Duration::from_secs(40);
/// How long a process that ends waits for its turns.
const DRAIN: Duration = Duration::from_secs(10);

/// A worker: any number of loops that take turns.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    world: StepEnvironment,
    inspector: Inspector,
    name: String,
    kinds: Arc<[String]>,
    steps: Arc<[String]>,
    probe: Option<Probe>,
    sweep_every: Duration,
    company: Arc<RwLock<()>>,
}

/// Leave to take a turn: beside others, or alone.
enum TurnPermit {
    Shared(#[expect(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>),
    Alone(#[expect(dead_code, reason = "held, not read")] OwnedRwLockWriteGuard<()>),
}

impl Worker {
    /// A worker with a name of its own; the name is part of the fence.
    pub fn new(store: Store, world: StepEnvironment, inspector: Inspector, name: String) -> Self {
        Self {
            store,
            world,
            inspector,
            name,
            kinds: Kind::ALL
                .map(|kind| kind.as_str().to_owned())
                .to_vec()
                .into(),
            steps: known_steps().into(),
            probe: None,
            sweep_every: sweep::EVERY,
            company: Arc::default(),
        }
    }

    /// The same worker, stopped at points by a test that plays the death of the process.
    pub fn with_probe(mut self, probe: Probe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// The same worker, sweeping at another interval.
    pub fn with_sweep_every(mut self, interval: Duration) -> Self {
        self.sweep_every = interval;
        self
    }

    /// Runs loops until the token is cancelled, then lets running turns end and gives claims back.
    pub async fn run(self, loops: usize, listen: bool, stop: CancellationToken) {
        let news = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        for _ in 0..loops.max(1) {
            tasks.spawn(self.clone().take_turns(Arc::clone(&news), stop.clone()));
        }
        tasks.spawn(self.clone().sweep_now_and_then(stop.clone()));
        tasks.spawn(self.clone().poll_now_and_then(stop.clone()));
        if listen {
            let (worker, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(worker.spread_news(news))
                    .await
                    .unwrap_or_default()
            });
        }
        stop.cancelled().await;
        let drained =
            tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            // Their calls may still be under way: nobody takes over before their leases end.
            tracing::warn!(
                "turns were still running after {} s; their leases will expire",
                DRAIN.as_secs()
            );
            tasks.abort_all();
            return;
        }
        if let Err(error) = self.store.release_all(&self.name).await {
            tracing::warn!(%error, "claims could not be given back; their leases will expire");
        }
    }

    /// Waits a little for leave to take a turn.
    async fn company(&self, alone: bool) -> Option<TurnPermit> {
        let lock = Arc::clone(&self.company);
        let leave = async {
            if alone {
                TurnPermit::Alone(lock.write_owned().await)
            } else {
                TurnPermit::Shared(lock.read_owned().await)
            }
        };
        tokio::time::timeout(COMPANY, leave).await.ok()
    }

    async fn take_turns(self, news: Arc<Notify>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let idle = match tokio::time::timeout(TURN, self.turn()).await {
                Ok(Ok(TurnResult::Idle)) => true,
                Ok(Ok(TurnResult::Worked(_))) => false,
                Err(_) => {
                    tracing::warn!(
                        "a turn took over {} s and is left to itself",
                        TURN.as_secs()
                    );
                    true
                }
                Ok(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a turn failed; the next one goes on"
                    );
                    true
                }
            };
            if idle {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = news.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    /// Turns the database's notifications into a knock at one idle loop.
    async fn spread_news(self, news: Arc<Notify>) {
        loop {
            match self.store.wakeups().await {
                Ok(mut wakeups) => loop {
                    wakeups.wait(POLL * 20).await;
                    news.notify_waiters();
                },
                Err(error) => {
                    tracing::debug!(%error, "cannot listen for news of work; polling suffices");
                    tokio::time::sleep(POLL * 10).await;
                }
            }
        }
    }
}
