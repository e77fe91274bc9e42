//! Statements for several callers: those that come while enough statements run wait for one to end, and
//! the next statement serves all of them. A caller that comes while fewer run waits for none. One whose
//! statement would begin too late, because another one hangs, gets a second statement.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::StoreError;
use super::pool::Pool;

/// A caller waits for the statement of others for its time limit divided by this, because the connection of
/// that statement may be frozen.
pub(super) const PATIENCE: u32 = 8;

/// How many times a statement that gathers callers first yields to the tasks that can run: a turn without a
/// call passes through several tasks before its record. It sets no timer, so an idle service loses no time.
const GATHERING_YIELDS: u32 = 4;

/// What one statement can do for several callers, each with its own outcome.
pub(super) trait Batched: Send + Sync + Sized + 'static {
    type Outcome: Send;

    /// Most callers of one statement.
    const LARGEST_BATCH: usize = 16;
    /// Whether a part is executed although its caller has gone.
    const OUTLIVES_CALLER: bool = true;
    /// Whether callers that come back soon are served together. It costs time when many come anyway.
    const GATHERS: bool = false;

    /// Whether one statement can serve both.
    fn fits(&self, other: &Self) -> bool;

    /// The statement. Returns the outcomes, in the same order. `None`, only with others: it must be executed
    /// alone.
    fn execute(
        pool: &Pool,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Option<Self::Outcome>>, StoreError>> + Send;

    /// Undoes an outcome that its caller no longer waits for, if it would be lost.
    fn forget(_pool: &Pool, _outcome: Self::Outcome) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A caller that waits for a statement.
#[derive(Debug)]
pub(super) struct Waiting<B: Batched> {
    part: B,
    /// When the caller asked. No shared statement for it begins after half of its limit.
    asked_at: Instant,
    outcome: oneshot::Sender<Result<B::Outcome, StoreError>>,
}

impl<B: Batched> Waiting<B> {
    /// Returns an outcome that no caller waits for.
    fn answer(self, outcome: Result<B::Outcome, StoreError>) -> Option<B::Outcome> {
        self.outcome.send(outcome).err()?.ok()
    }

    /// Whether a statement may begin, `within` this time after the caller has asked for it.
    fn is_wanted(&self, within: Duration) -> bool {
        self.asked_at.elapsed() < within && (B::OUTLIVES_CALLER || !self.outcome.is_closed())
    }

    /// Answers that no statement was sent in time.
    fn refuse(self) {
        self.answer(Err(StoreError::Database(sqlx::Error::PoolTimedOut)));
    }

    /// Executes the caller's part alone.
    async fn execute(self, pool: Pool) {
        if !self.is_wanted(pool.timeout()) {
            return self.refuse();
        }
        let outcome = B::execute(&pool, &[&self.part]).await;
        let outcome = outcome.and_then(|all| {
            let missing = || StoreError::Task("a statement has no outcome".to_owned());
            all.into_iter().next().flatten().ok_or_else(missing)
        });
        if let Some(outcome) = self.answer(outcome) {
            B::forget(&pool, outcome).await;
        }
    }
}

impl<B: Batched> Batches<Waiting<B>> {
    /// Executes a caller's part of a statement, together with those of the callers that come while another
    /// statement runs. A dropped caller does not stop it. Two statements at a time were slower, because
    /// fewer callers shared each; the second one is for callers that wait too long for the first.
    pub(super) async fn execute(
        self: &Arc<Self>,
        pool: &Pool,
        part: B,
    ) -> Result<B::Outcome, StoreError> {
        let (outcome, mut receiver) = oneshot::channel();
        let (asked_at, limit) = (Instant::now(), pool.timeout());
        let waiting = Waiting {
            part,
            asked_at,
            outcome,
        };
        let mut run = self.push(waiting, 1);
        loop {
            run = run.or_else(|| self.relieve(pool));
            if let Some(run) = run.take() {
                tokio::spawn(run.execute_all(pool.clone()));
            }
            let left = limit.saturating_sub(asked_at.elapsed());
            if left.is_zero() {
                break;
            }
            if let Ok(answered) = timeout(left.min(limit / PATIENCE), &mut receiver).await {
                let unsent = || Err(StoreError::Task("a statement was not sent".to_owned()));
                return answered.unwrap_or_else(|_| unsent());
            }
        }
        // An answer that comes after this is forgotten.
        receiver.close();
        receiver
            .try_recv()
            .unwrap_or(Err(StoreError::Database(sqlx::Error::PoolTimedOut)))
    }

    /// A second run, if callers wait for a late one. Idle connections may be frozen as well.
    fn relieve(self: &Arc<Self>, pool: &Pool) -> Option<Run<Waiting<B>>> {
        let run = self.second_run(pool.timeout() / PATIENCE)?;
        pool.suspect_idle();
        Some(run)
    }
}

impl<B: Batched> Run<Waiting<B>> {
    /// The callers of the next statement, with those of the last one that come back at once.
    async fn next_batch(&mut self, limit: Duration) -> Option<Vec<Waiting<B>>> {
        if B::GATHERS {
            for _ in 0..GATHERING_YIELDS {
                yield_now().await;
            }
        }
        self.next(|waiting| split(waiting, limit))
    }

    /// Serves callers until none waits, or another run serves them.
    async fn execute_all(mut self, pool: Pool) {
        let limit = pool.timeout() / 2;
        while let Some(batch) = self.next_batch(limit).await {
            let parts: Vec<&B> = batch.iter().map(|waiting| &waiting.part).collect();
            let outcomes = B::execute(&pool, &parts).await;
            let (alone, forgotten) = answer_all(batch, outcomes);
            // Not awaited: one that waits for a lock delays none of the callers that come now.
            for waiting in alone {
                tokio::spawn(waiting.execute(pool.clone()));
            }
            if !forgotten.is_empty() {
                let pool = pool.clone();
                tokio::spawn(async move {
                    for one in forgotten {
                        B::forget(&pool, one).await;
                    }
                });
            }
        }
    }
}

/// Answers the callers of a statement. Returns those whose parts must be executed alone, and the outcomes
/// that no caller waits for.
fn answer_all<B: Batched>(
    batch: Vec<Waiting<B>>,
    outcomes: Result<Vec<Option<B::Outcome>>, StoreError>,
) -> (Vec<Waiting<B>>, Vec<B::Outcome>) {
    let (mut alone, mut forgotten) = (Vec::new(), Vec::new());
    match outcomes {
        Ok(outcomes) => {
            for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                match outcome {
                    Some(outcome) => forgotten.extend(waiting.answer(Ok(outcome))),
                    None => alone.push(waiting),
                }
            }
        }
        // One conflicts with a write of another process, waits for a lock, or cannot be stored. It
        // delays the others, but fails none of them.
        Err(error) if batch.len() > 1 && error.is_rejection() => alone = batch,
        Err(error) => {
            let mut batch = batch.into_iter();
            let first = batch.next();
            for waiting in batch {
                waiting.answer(Err(error.repeated()));
            }
            if let Some(first) = first {
                first.answer(Err(error));
            }
        }
    }
    (alone, forgotten)
}

/// The callers of one statement, and the others. Those who have waited for `limit` or are gone are refused.
fn split<B: Batched>(
    waiting: VecDeque<Waiting<B>>,
    limit: Duration,
) -> (Vec<Waiting<B>>, VecDeque<Waiting<B>>) {
    let (mut batch, mut left) = (Vec::<Waiting<B>>::new(), VecDeque::new());
    for waiting in waiting {
        let fits = |other: &Waiting<B>| other.part.fits(&waiting.part);
        if !waiting.is_wanted(limit) {
            waiting.refuse();
        } else if batch.len() < B::LARGEST_BATCH && batch.iter().all(fits) {
            batch.push(waiting);
        } else {
            left.push_back(waiting);
        }
    }
    (batch, left)
}

/// The callers that wait, and how many tasks serve them.
#[derive(Debug)]
pub(super) struct Batches<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    running: usize,
    /// When the last statement began.
    began_at: Option<Instant>,
    /// The number of the last run.
    newest: usize,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: 0,
            began_at: None,
            newest: 0,
        }
    }
}

impl<T> Default for Batches<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Batches<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a caller. Returns the run that must serve it, unless `runs_max` tasks do.
    pub(super) fn push(self: &Arc<Self>, waiting: T, runs_max: usize) -> Option<Run<T>> {
        let mut state = self.state();
        state.waiting.push_back(waiting);
        (state.running < runs_max).then(|| self.run(&mut state, runs_max))
    }

    /// A second run, if callers wait and no statement has begun for so long.
    fn second_run(self: &Arc<Self>, patience: Duration) -> Option<Run<T>> {
        let mut state = self.state();
        let is_late = state.began_at.is_none_or(|at| at.elapsed() >= patience)
            && !crate::sabotage::is("late_statement_awaited");
        let is_needed = is_late && state.running == 1 && !state.waiting.is_empty();
        is_needed.then(|| self.run(&mut state, 1))
    }

    fn run(self: &Arc<Self>, state: &mut State<T>, runs_max: usize) -> Run<T> {
        state.running += 1;
        state.newest += 1;
        state.began_at = Some(Instant::now());
        Run {
            batches: Arc::clone(self),
            number: state.newest,
            runs_max,
            has_ended: false,
        }
    }
}

/// A task that serves callers. If it is dropped early and no other one runs, those that wait are
/// dropped, so that the next one starts a new task.
#[derive(Debug)]
pub(super) struct Run<T> {
    batches: Arc<Batches<T>>,
    number: usize,
    runs_max: usize,
    has_ended: bool,
}

impl<T> Run<T> {
    /// The callers of the next statement. `split` divides those that wait into the batch and those that
    /// are left. `None`: no caller waits, or another run serves them, and the run has ended.
    pub(super) fn next(
        &mut self,
        split: impl FnOnce(VecDeque<T>) -> (Vec<T>, VecDeque<T>),
    ) -> Option<Vec<T>> {
        let mut state = self.batches.state();
        let is_relieved =
            state.running > self.runs_max && self.number + self.runs_max <= state.newest;
        let mut batch = Vec::new();
        if !is_relieved {
            (batch, state.waiting) = split(std::mem::take(&mut state.waiting));
        }
        if batch.is_empty() {
            state.running -= 1;
            self.has_ended = true;
            return None;
        }
        state.began_at = Some(Instant::now());
        Some(batch)
    }
}

impl<T> Drop for Run<T> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut state = self.batches.state();
        state.running -= 1;
        if state.running == 0 {
            state.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(waiting: VecDeque<u8>) -> (Vec<u8>, VecDeque<u8>) {
        (waiting.into(), VecDeque::new())
    }

    #[test]
    fn a_caller_that_comes_during_a_statement_is_served_by_the_next_one() {
        let batches = Arc::<Batches<u8>>::default();
        let mut run = batches.push(1, 1).unwrap();
        assert!(batches.push(2, 1).is_none());
        assert_eq!(run.next(all), Some(vec![1, 2]));
        assert!(batches.push(3, 1).is_none());
        assert_eq!(run.next(all), Some(vec![3]));
        assert_eq!(run.next(all), None);
        assert!(batches.push(4, 1).is_some());
    }

    #[test]
    fn a_run_that_is_dropped_early_leaves_its_callers_to_another_one() {
        let batches = Arc::<Batches<u8>>::default();
        let first = batches.push(1, 2).unwrap();
        let mut second = batches.push(2, 2).unwrap();
        drop(first);
        assert_eq!(second.next(all), Some(vec![1, 2]));
        assert!(batches.push(3, 1).is_none());
        drop(second);
        let mut third = batches.push(4, 1).unwrap();
        assert_eq!(third.next(all), Some(vec![4]));
    }
    #[test]
    fn callers_that_wait_too_long_get_a_second_run_that_replaces_the_late_one() {
        let batches = Arc::<Batches<u8>>::default();
        let mut late = batches.push(1, 1).unwrap();
        assert_eq!(late.next(all), Some(vec![1]));
        assert!(batches.second_run(Duration::ZERO).is_none(), "none waits");
        assert!(batches.push(2, 1).is_none());
        assert!(batches.second_run(Duration::from_secs(60)).is_none());
        let mut relief = batches.second_run(Duration::ZERO).unwrap();
        assert_eq!(relief.next(all), Some(vec![2]));
        assert!(batches.push(3, 1).is_none());
        assert!(batches.second_run(Duration::ZERO).is_none(), "not a third");
        assert_eq!(relief.next(all), Some(vec![3]));
        assert!(batches.push(4, 1).is_none());
        assert_eq!(late.next(all), None);
        assert_eq!(relief.next(all), Some(vec![4]));
        assert_eq!(relief.next(all), None);
        assert!(batches.push(5, 1).is_some());
    }
}
