//! The worker (layer 3): takes turns at operations, polls clusters, sweeps leftovers and delivers
//! webhooks. It must not depend on `api`, and uses AWS only through `operations` and `inspections`.
//!
//! A turn claims one operation, runs one step, decides what follows, and records the result under
//! the claim's epoch. The worker knows no step by name. A process can end at any point of a turn:
//! the next claim continues from what is recorded.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::operation::Status;
use crate::domain::problems::fault::Fault;
use crate::inspections::Inspector;
use crate::operations::{StepEnvironment, known_steps};
use crate::store::{Claimant, Claimed, Next, Recorded, Store, StoreError};

mod decide;
mod expiry;
mod numbering;
mod poll;
mod precedence;
mod quarantine;
mod sealing;
mod shared_jobs;
mod sweep;
mod telemetry;
mod turn;
mod webhooks;

pub use sealing::AuditSettings;
pub use shared_jobs::SharedJobs;
pub use turn::{Point, Probe, TurnResult};
pub use webhooks::ATTEMPTS_MAX;

use precedence::Precedence;

/// Longest pause of an idle loop: notifications only shorten it, and may be lost.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// How long a loop takes turns at one operation before it claims another one.
const HOLD: Duration = Duration::from_secs(1);
/// How long a turn waits for its permit: the rest of the lease must suffice to send a call.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a loop waits for a turn: a longer one has lost its lease, and perhaps its connection to
/// the database.
const TURN_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a process that shuts down waits for its turns.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Age at which finished operations are deleted.
const HISTORY_AGE: Duration = Duration::from_secs(400 * 24 * 3_600);

/// A worker: any number of loops that take turns, and the periodic jobs.
#[derive(Clone)]
pub struct Worker {
    store: Store,
    env: StepEnvironment,
    inspector: Inspector,
    claimant: Arc<Claimant>,
    probe: Option<Probe>,
    sweep_interval: Duration,
    history_age: Duration,
    permits: Arc<RwLock<()>>,
    /// Held by the idle loop that polls for all.
    polling: Arc<Mutex<()>>,
    /// Whether many requests run in this process.
    is_busy: watch::Receiver<bool>,
}

/// What ends or pauses a loop.
#[derive(Clone)]
struct LoopControl {
    stop: CancellationToken,
    precedence: Precedence,
}

impl LoopControl {
    fn must_end(&self) -> bool {
        self.stop.is_cancelled() || self.precedence.must_pause()
    }
}

/// How a loop continues after its turn, unless it must end then.
struct Continuing {
    control: LoopControl,
    /// Whether it keeps an operation whose next turn is due at once.
    holds: bool,
}

/// Permit for a turn: shared, or exclusive after a crash.
enum TurnPermit {
    Shared(#[expect(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>),
    Exclusive(#[expect(dead_code, reason = "held, not read")] OwnedRwLockWriteGuard<()>),
}

/// Why a periodic job ended early. Its next run starts afresh.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// AWS rejected a call or did not respond.
    #[error("AWS: {}", .0.problem_code().as_str())]
    Aws(Fault),
    /// The database failed, or another process has taken the job over.
    #[error("the database")]
    Store(#[from] StoreError),
}

impl JobError {
    /// What AWS said, which names accounts and roles.
    fn detail(&self) -> Option<&str> {
        match self {
            Self::Aws(fault) => Some(&fault.detail),
            Self::Store(_) => None,
        }
    }
}

impl From<Fault> for JobError {
    fn from(fault: Fault) -> Self {
        Self::Aws(fault)
    }
}

impl Worker {
    /// A worker. `name` must be unique among all processes: claims are fenced by it.
    pub fn new(store: Store, env: StepEnvironment, inspector: Inspector, name: String) -> Self {
        let claimant = Claimant::new(name, known_steps());
        Self {
            store,
            env,
            inspector,
            claimant: Arc::new(claimant),
            probe: None,
            sweep_interval: sweep::INTERVAL,
            history_age: HISTORY_AGE,
            permits: Arc::default(),
            polling: Arc::default(),
            is_busy: watch::channel(false).1,
        }
    }

    /// The same worker with a probe, by which a test stops a turn at a point as a crash would.
    pub fn with_probe(mut self, probe: Probe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// The same worker with another interval between sweeps.
    pub fn with_sweep_every(mut self, interval: Duration) -> Self {
        self.sweep_interval = interval;
        self
    }

    /// The same worker, with another age at which finished operations are deleted.
    pub fn with_history_age(mut self, age: Duration) -> Self {
        self.history_age = age;
        self
    }

    /// The same worker, whose loops yield to requests: all but the first pause while this process
    /// `is_busy`.
    pub fn yielding_while(mut self, is_busy: watch::Receiver<bool>) -> Self {
        self.is_busy = is_busy;
        self
    }

    /// Runs `loops` loops and the periodic jobs until `stop` is cancelled. Then it waits for
    /// running turns and releases its claims. With `listen`, notifications of the database wake
    /// idle loops.
    pub async fn run(self, loops: usize, listen: bool, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        let (loops, is_busy) = (loops.max(1), self.is_busy.clone());
        let precedence = Precedence::start(is_busy, loops, stop.clone(), &mut tasks);
        for number in 0..loops {
            let precedence = precedence.of_loop(number);
            tasks.spawn(self.clone().take_turns(precedence, stop.clone()));
        }
        let worker = self.clone();
        let sweep = move || worker.clone().sweep_job();
        tasks.spawn(run_periodically(
            "sweep",
            self.sweep_tick(),
            sweep,
            stop.clone(),
        ));
        let worker = self.clone();
        let poll = move || worker.clone().poll_job();
        tasks.spawn(run_periodically(
            "poll",
            self.poll_tick(),
            poll,
            stop.clone(),
        ));
        if listen {
            let (worker, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(relay_notifications(worker.store))
                    .await
                    .unwrap_or_default()
            });
        }
        stop.cancelled().await;
        let drained = tokio::time::timeout(DRAIN_TIMEOUT, async {
            while tasks.join_next().await.is_some() {}
        })
        .await;
        if drained.is_err() {
            // Their calls may still be in flight, so the claims stay until the leases expire.
            tracing::warn!(
                "turns were still running after {} s; their leases will expire",
                DRAIN_TIMEOUT.as_secs()
            );
            tasks.abort_all();
            return;
        }
        if let Err(error) = self.store.release_all(&self.claimant.owner).await {
            tracing::warn!(%error, "could not release claims; their leases will expire");
        }
    }

    /// Waits for a permit, for a limited time.
    async fn permit(&self, exclusive: bool) -> Option<TurnPermit> {
        let lock = Arc::clone(&self.permits);
        let permit = async {
            if exclusive {
                TurnPermit::Exclusive(lock.write_owned().await)
            } else {
                TurnPermit::Shared(lock.read_owned().await)
            }
        };
        tokio::time::timeout(PERMIT_TIMEOUT, permit).await.ok()
    }

    /// One loop: takes turns, and pauses when no operation is due or requests have precedence.
    async fn take_turns(self, mut precedence: Precedence, stop: CancellationToken) {
        let mut is_idle = false;
        while !stop.is_cancelled() {
            if precedence.must_pause() {
                // This loop may have been woken instead of one that works.
                self.store.wake_worker();
                let resumed = stop.run_until_cancelled(precedence.pause()).await;
                if resumed.is_none() {
                    break;
                }
            }
            let control = LoopControl {
                stop: stop.clone(),
                precedence: precedence.clone(),
            };
            is_idle = match self.take_turns_in_row(control, is_idle).await {
                Ok(TurnResult::Idle) => true,
                Ok(TurnResult::Worked(_)) => false,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a turn failed");
                    true
                }
            };
            if is_idle {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.store.work_announced() => {}
                    () = self.poll_pause() => {}
                }
            }
        }
    }

    /// Claims an operation and takes a turn at it, and further turns while the record of each returns the
    /// next operation. An operation is kept until it waits, or others had to wait for [`HOLD`]. `is_woken`:
    /// whether the loop was idle before.
    async fn take_turns_in_row(
        &self,
        control: LoopControl,
        is_woken: bool,
    ) -> Result<TurnResult, StoreError> {
        let Some(mut claimed) = limited(self.claim()).await? else {
            return Ok(TurnResult::Idle);
        };
        if is_woken {
            // More may be due. The loops wake one another until one finds nothing.
            self.store.wake_worker();
        }
        let mut began = Instant::now();
        loop {
            let (operation_id, epoch) = (claimed.claim.operation_id, claimed.claim.epoch);
            let continuing = Continuing {
                control: control.clone(),
                holds: began.elapsed() < HOLD,
            };
            let (result, next) = limited(self.take_turn(claimed, Some(continuing))).await?;
            claimed = match next {
                Next::Unknown => return Ok(result),
                Next::Held(claim) => Claimed {
                    task: self.store.task(&claim).await,
                    claim,
                },
                Next::Claimed(next) => next,
            };
            if control.must_end() {
                self.store.give_back_unused(&claimed.claim).await;
                return Ok(result);
            }
            if (claimed.claim.operation_id, claimed.claim.epoch) != (operation_id, epoch) {
                began = Instant::now();
            }
        }
    }

    /// Wakes an idle loop when the operation of a turn is claimable again, if that is before the next
    /// poll. At once, the loop of the turn claims it, unless it works on another one. Returns the
    /// operation's status.
    fn wake_after(&self, operation_id: Uuid, recorded: &Recorded) -> Status {
        let pause = recorded.wakes_after;
        let works_on = match &recorded.next {
            Next::Unknown => None,
            Next::Held(claim) | Next::Claimed(Claimed { claim, .. }) => Some(claim.operation_id),
        };
        if pause == Some(Duration::ZERO) && works_on.is_some_and(|other| other != operation_id) {
            self.store.wake_worker();
        }
        if let Some(pause) = pause.filter(|pause| !pause.is_zero() && *pause < IDLE_POLL) {
            let store = self.store.clone();
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                store.wake_worker();
            });
        }
        recorded.status
    }

    /// The pause between two polls for due operations. One loop polls for all idle ones; it wakes
    /// the others if it finds work.
    async fn poll_pause(&self) {
        let _polling = self.polling.lock().await;
        tokio::time::sleep(IDLE_POLL).await;
    }
}

/// Waits for a claim or a turn, for a limited time.
async fn limited<T>(turn: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let exceeded = || format!("a turn exceeded {} s", TURN_TIMEOUT.as_secs());
    tokio::time::timeout(TURN_TIMEOUT, turn)
        .await
        .unwrap_or_else(|_| Err(StoreError::Task(exceeded())))
}

/// Wakes an idle loop of a target in this process at each notification of the database.
pub async fn relay_notifications(store: Store) {
    loop {
        match store.wakeups().await {
            Ok(mut wakeups) => loop {
                wakeups.relay(IDLE_POLL * 10).await;
            },
            Err(error) => {
                tracing::debug!(%error, "cannot listen for notifications; polling instead");
                tokio::time::sleep(IDLE_POLL * 5).await;
            }
        }
    }
}

/// Runs `job` at every interval until `stop` is cancelled. Each run is a task of its own, so that a
/// panic ends only that run.
async fn run_periodically<Run>(
    name: &'static str,
    interval: Duration,
    job: impl Fn() -> Run,
    stop: CancellationToken,
) where
    Run: Future<Output = Result<Option<usize>, JobError>> + Send + 'static,
{
    while stop
        .run_until_cancelled(tokio::time::sleep(interval))
        .await
        .is_some()
    {
        match tokio::spawn(job()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    job = name,
                    error = &error as &dyn std::error::Error,
                    "a periodic job ended early"
                );
                tracing::debug!(job = name, error.detail = error.detail(), "periodic job");
            }
            Err(error) => tracing::error!(job = name, %error, "a periodic job panicked"),
        }
    }
}
