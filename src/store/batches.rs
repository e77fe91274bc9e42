//! Statements for several callers: those that come while enough statements run wait for one to end, and
//! the next statement serves all of them. No timer is involved: a caller that comes while fewer run is
//! served at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
            Run(Arc::clone(self))
        })
    }
}

/// A task that serves callers. If it ends early, those that wait are dropped, so that the next one
/// starts a new task.
#[derive(Debug)]
pub(super) struct Run<T>(Arc<Batches<T>>);

impl<T> Run<T> {
    /// The callers of the next statement. `split` takes those that wait, and returns the batch and
    /// those that wait further. `None`: no caller waits, and the run has ended.
    pub(super) fn next(
        &self,
        split: impl FnOnce(VecDeque<T>) -> (Vec<T>, VecDeque<T>),
    ) -> Option<Vec<T>> {
        let mut state = self.0.state();
        let (batch, left) = split(std::mem::take(&mut state.waiting));
        state.waiting = left;
        if batch.is_empty() {
            state.running -= 1;
            return None;
        }
        Some(batch)
    }
}

impl<T> Drop for Run<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.state();
            state.waiting.clear();
            state.running -= 1;
        }
    }
}
