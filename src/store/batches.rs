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
