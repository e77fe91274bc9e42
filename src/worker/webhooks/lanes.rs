//! Which attempts can begin. Receivers are in lanes by their last attempt, and each lane has its own
//! places, so slow and silent receivers delay no quick one.
//!
//! An attempt in the lane of quick receivers gives its place back when it turns out to be slow, and
//! its receiver gets no further attempt until it has ended. So any number of quick receivers that
//! fall silent together delay the others by about [`SLOW`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::Id;
use uuid::Uuid;

use crate::domain::webhooks::Responsiveness;
use crate::store::{ClaimLimits, RunningAttempts};

/// Duration of an attempt from which its receiver is not quick.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// Attempts of this process at a time, in each lane.
const LANE: usize = 64;
/// The same in all lanes, with those that gave their place back.
pub const ATTEMPTS_MAX: usize = 512;

/// A running attempt.
struct Running {
    webhook: Uuid,
    lane: Responsiveness,
    began: Instant,
}

/// The attempts that this process runs.
#[derive(Default)]
pub(super) struct InFlight(HashMap<Id, Running>);

impl InFlight {
    pub(super) fn begin(&mut self, id: Id, webhook: Uuid, lane: Responsiveness, began: Instant) {
        let running = Running {
            webhook,
            lane,
            began,
        };
        self.0.insert(id, running);
    }

    pub(super) fn end(&mut self, id: Id) {
        self.0.remove(&id);
    }

    /// How many deliveries can be claimed now.
    pub(super) fn limits(&self, now: Instant) -> ClaimLimits {
        let mut webhooks: HashMap<Uuid, RunningAttempts> = HashMap::new();
        let mut left = ClaimLimits {
            quick: LANE,
            slow: LANE,
            silent: LANE,
            running: Vec::new(),
        };
        for running in self.0.values() {
            let has_stalled = running.lane == Responsiveness::Quick && now - running.began >= SLOW;
            let lane = match running.lane {
                Responsiveness::Quick => &mut left.quick,
                Responsiveness::Slow => &mut left.slow,
                Responsiveness::Silent => &mut left.silent,
            };
            *lane = lane.saturating_sub(usize::from(!has_stalled));
            let webhook = webhooks.entry(running.webhook).or_insert(RunningAttempts {
                webhook: running.webhook,
                count: 0,
                has_stalled: false,
            });
            webhook.count += 1;
            webhook.has_stalled |= has_stalled;
        }
        let all = ATTEMPTS_MAX.saturating_sub(self.0.len());
        for lane in [&mut left.quick, &mut left.slow, &mut left.silent] {
            *lane = all.min(*lane);
        }
        left.running = webhooks.into_values().collect();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: Duration = Duration::from_secs(100);

    fn id() -> Id {
        tokio::spawn(std::future::ready(())).id()
    }

    /// The places left in each lane, and of each webhook the running attempts and whether one stalls.
    fn limits(in_flight: &InFlight, now: Instant) -> ([usize; 3], Vec<(u128, usize, bool)>) {
        let limits = in_flight.limits(now);
        let running = limits.running.iter();
        let mut running: Vec<(u128, usize, bool)> = running
            .map(|one| (one.webhook.as_u128(), one.count, one.has_stalled))
            .collect();
        running.sort_unstable();
        ([limits.quick, limits.slow, limits.silent], running)
    }

    #[tokio::test]
    async fn each_lane_has_its_own_places() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        assert_eq!(limits(&in_flight, now), ([64, 64, 64], vec![]));
        let ids = [id(), id(), id(), id()];
        let lanes = [
            (1, Responsiveness::Quick),
            (1, Responsiveness::Quick),
            (2, Responsiveness::Slow),
            (3, Responsiveness::Silent),
        ];
        for (id, (webhook, lane)) in ids.iter().zip(lanes) {
            in_flight.begin(*id, Uuid::from_u128(webhook), lane, now);
        }
        let running = vec![(1, 2, false), (2, 1, false), (3, 1, false)];
        assert_eq!(limits(&in_flight, now), ([62, 63, 63], running));
        for id in ids {
            in_flight.end(id);
        }
        assert_eq!(limits(&in_flight, now), ([64, 64, 64], vec![]));
    }

    #[tokio::test]
    async fn a_quick_receiver_that_stalls_gives_its_places_back() {
        let (mut in_flight, began) = (InFlight::default(), Instant::now() + BEGAN);
        for _ in 0..LANE {
            in_flight.begin(id(), Uuid::from_u128(1), Responsiveness::Quick, began);
        }
        in_flight.begin(id(), Uuid::from_u128(2), Responsiveness::Slow, began);
        let now = began + SLOW / 2;
        let running = vec![(1, 64, false), (2, 1, false)];
        assert_eq!(limits(&in_flight, now), ([0, 63, 64], running));
        let running = vec![(1, 64, true), (2, 1, false)];
        assert_eq!(limits(&in_flight, began + SLOW), ([64, 63, 64], running));
    }

    #[tokio::test]
    async fn all_lanes_together_are_limited() {
        let (mut in_flight, began) = (InFlight::default(), Instant::now() + BEGAN);
        for webhook in 0..500 {
            in_flight.begin(id(), Uuid::from_u128(webhook), Responsiveness::Quick, began);
        }
        assert_eq!(limits(&in_flight, began + SLOW).0, [12, 12, 12]);
    }
}
