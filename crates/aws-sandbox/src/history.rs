//! Earlier states of the account, kept while a `lag` rule needs them.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock;
use crate::state::State;

/// The state after each change and its time, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<(DateTime<Utc>, State)>);

impl History {
    /// Keeps the state as of `now`, and drops the states that no read with this lag can return.
    pub(crate) fn keep(&mut self, state: &State, now: DateTime<Utc>, longest_lag: Duration) {
        self.0.push_back((now, state.clone()));
        let oldest = clock::before(now, longest_lag);
        while self.0.get(1).is_some_and(|(kept_at, _)| *kept_at <= oldest) {
            self.0.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The state as it was at `time`, or the oldest one kept, with its time.
    pub(crate) fn state_at(&self, time: DateTime<Utc>) -> Option<(State, DateTime<Utc>)> {
        let mut newest_first = self.0.iter().rev();
        let (kept_at, state) = newest_first
            .find(|(kept_at, _)| *kept_at <= time)
            .or_else(|| self.0.front())?;
        let time = time.max(*kept_at);
        let mut state = state.clone();
        state.settle(time);
        Some((state, time))
    }
}
