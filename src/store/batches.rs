//! Statements for several callers: those that come while enough statements run wait for one to end, and
//! the next statement serves all of them. No timer is involved: a caller that comes while fewer run is
//! served at once.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::StoreError;
use super::pool::Pool;

/// What one statement can do for several callers, each with its own outcome.
pub(super) trait Batched: Send + Sync + Sized + 'static {
    type Outcome: Send;

    /// Most callers of one statement.
    const LARGEST_BATCH: usize = 16;

    /// Whether one statement can serve both.
    fn fits(&self, other: &Self) -> bool;

    /// The statement. Returns the outcomes, in the same order.
    fn execute(
        pool: &Pool,
        batch: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;

    /// Undoes an outcome that its caller no longer waits for, if it would be lost.
    fn forget(_pool: &Pool, _outcome: Self::Outcome) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A caller that waits for a statement.
#[derive(Debug)]
pub(super) struct Waiting<B: Batched> {
    part: B,
    /// When the caller stops waiting. No statement for it begins later, because it reports a failure.
    until: Instant,
    outcome: oneshot::Sender<Result<B::Outcome, StoreError>>,
}

impl<B: Batched> Waiting<B> {
    async fn answer(self, pool: &Pool, outcome: Result<B::Outcome, StoreError>) {
        if let Err(Ok(outcome)) = self.outcome.send(outcome) {
            B::forget(pool, outcome).await;
        }
    }

    /// Executes the caller's part alone.
    async fn execute(self, pool: &Pool) {
        if self.until > Instant::now() {
            let outcome = B::execute(pool, &[&self.part]).await;
            self.answer(pool, outcome.map(|mut all| all.remove(0)))
                .await;
        }
    }
}

impl<B: Batched> Batches<Waiting<B>> {
    /// Executes a caller's part of a statement, together with those of the callers that come while another
    /// statement runs. A dropped caller does not stop it. Two statements at a time were slower, because
    /// fewer callers shared each.
    pub(super) async fn execute(
        self: &Arc<Self>,
        pool: &Pool,
        part: B,
    ) -> Result<B::Outcome, StoreError> {
        let (outcome, mut receiver) = oneshot::channel();
        let waiting = Waiting {
            part,
            until: Instant::now() + pool.timeout(),
            outcome,
        };
        if let Some(run) = self.push(waiting, 1) {
            tokio::spawn(run.execute_all(pool.clone()));
        }
        if let Ok(answered) = tokio::time::timeout(pool.timeout(), &mut receiver).await {
            return answered
                .unwrap_or_else(|_| Err(StoreError::Task("a statement was not sent".to_owned())));
        }
        // An answer that comes after this is forgotten.
        receiver.close();
        receiver
            .try_recv()
            .unwrap_or(Err(StoreError::Database(sqlx::Error::PoolTimedOut)))
    }
}

impl<B: Batched> Run<Waiting<B>> {
    /// Serves callers until none waits.
    async fn execute_all(mut self, pool: Pool) {
        while let Some(batch) = self.next(split) {
            let parts: Vec<&B> = batch.iter().map(|waiting| &waiting.part).collect();
            match B::execute(&pool, &parts).await {
                Ok(outcomes) => {
                    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                        waiting.answer(&pool, Ok(outcome)).await;
                    }
                }
                // One conflicts with a write of another process, waits for a lock, or cannot be stored. It
                // delays the others, but fails none of them.
                Err(error) if batch.len() > 1 && error.is_rejection() => {
                    join_all(batch.into_iter().map(|waiting| waiting.execute(&pool))).await;
                }
                Err(error) => {
                    let mut batch = batch.into_iter();
                    let first = batch.next();
                    for waiting in batch {
                        waiting.answer(&pool, Err(error.repeated())).await;
                    }
                    if let Some(first) = first {
                        first.answer(&pool, Err(error)).await;
                    }
                }
            }
        }
    }
}

/// The callers of one statement, and the others. Those who have given up are left out.
fn split<B: Batched>(waiting: VecDeque<Waiting<B>>) -> (Vec<Waiting<B>>, VecDeque<Waiting<B>>) {
    let (mut batch, mut left) = (Vec::<Waiting<B>>::new(), VecDeque::new());
    let now = Instant::now();
    for waiting in waiting.into_iter().filter(|waiting| waiting.until > now) {
        let fits = |other: &Waiting<B>| other.part.fits(&waiting.part);
        if batch.len() < B::LARGEST_BATCH && batch.iter().all(fits) {
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
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: 0,
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
        (state.running < runs_max).then(|| {
            state.running += 1;
            Run {
                batches: Arc::clone(self),
                has_ended: false,
            }
        })
    }
}

/// A task that serves callers. If it is dropped early and no other one runs, those that wait are
/// dropped, so that the next one starts a new task.
#[derive(Debug)]
pub(super) struct Run<T> {
    batches: Arc<Batches<T>>,
    has_ended: bool,
}

impl<T> Run<T> {
    /// The callers of the next statement. `split` divides those that wait into the batch and those that
    /// are left. `None`: no caller waits, and the run has ended.
    pub(super) fn next(
        &mut self,
        split: impl FnOnce(VecDeque<T>) -> (Vec<T>, VecDeque<T>),
    ) -> Option<Vec<T>> {
        let mut state = self.batches.state();
        let (batch, left) = split(std::mem::take(&mut state.waiting));
        state.waiting = left;
        if batch.is_empty() {
            state.running -= 1;
            self.has_ended = true;
            return None;
        }
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
}
