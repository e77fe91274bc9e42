//! Condition of the installation: what an operator must know although every process is running.
//!
//! A fact beyond its limit is a warning of `/readyz` and a failed check of `doctor`. The metrics show
//! all facts.

use std::time::Duration;

/// An operation that is due is claimed within a second, so a longer wait means that no worker runs
/// or that none of them can work.
pub const OVERDUE_LIMIT: Duration = Duration::from_secs(60);
/// Three times the longest interval between two polls that can be set.
pub const POLL_LIMIT: Duration = Duration::from_secs(900);
/// An event gets its position within 200 ms, or when the transactions before it have ended.
pub const EVENTS_LAG_LIMIT: Duration = Duration::from_secs(60);
/// Number of intervals after which the sweep should have completed.
const SWEEP_INTERVALS: u32 = 3;
/// The same if the interval is short: a sweep of a large account takes minutes.
const SWEEP_LIMIT_MIN: Duration = Duration::from_secs(900);

/// Facts about all unfinished operations and periodic jobs, read from the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// How long the operation that is due longest has waited for a worker.
    pub overdue: Duration,
    /// How long the operation that is blocked longest has been blocked.
    pub blocked: Duration,
    /// Operations that only a newer version of this program can continue.
    pub newer_version: i64,
    /// Operations that are blocked because their step repeatedly ended its process.
    pub crashed: i64,
    /// Time since a poll of all clusters last completed; `None` if no operation waits for its
    /// cluster.
    pub poll_age: Option<Duration>,
    /// Time since the sweep last completed, or since the database was created.
    pub sweep_age: Duration,
    /// Age of the oldest event that has no position in the feed.
    pub events_lag: Duration,
    /// Whether the database was restored to a server that has seen fewer transactions, so that new
    /// events get no position.
    pub is_restored: bool,
}

impl Condition {
    /// A warning for each fact beyond its limit.
    pub fn warnings(&self, sweep_interval: Duration) -> Vec<Warning> {
        let sweep_limit = (sweep_interval * SWEEP_INTERVALS).max(SWEEP_LIMIT_MIN);
        let beyond = [
            (self.overdue > OVERDUE_LIMIT).then(|| Warning {
                problem: format!(
                    "an operation has been due for {} s and no worker has continued it",
                    self.overdue.as_secs()
                ),
                fix: "run a process with --role worker or all; its log states what fails",
            }),
            self.poll_age.filter(|age| *age > POLL_LIMIT).map(|age| Warning {
                problem: format!(
                    "operations wait for their clusters, which were last read {} s ago",
                    age.as_secs()
                ),
                fix: "check the permission dax:DescribeClusters and the log of the workers",
            }),
            (self.sweep_age > sweep_limit).then(|| Warning {
                problem: format!(
                    "the sweep last completed {} s ago, so leftovers may remain in AWS",
                    self.sweep_age.as_secs()
                ),
                fix: "the log of the workers states why it ended early",
            }),
            (self.events_lag > EVENTS_LAG_LIMIT).then(|| Warning {
                problem: format!(
                    "the newest events have been missing from the event feed for {} s",
                    self.events_lag.as_secs()
                ),
                fix: "end the oldest transaction in pg_stat_activity, and run a process with --role worker or all",
            }),
            self.is_restored.then(|| Warning {
                problem: "the database was restored, so new events are missing from the event feed".to_owned(),
                fix: "stop every process, run `dax-provisioner migrate --restored` and start them again",
            }),
            (self.newer_version > 0).then(|| Warning {
                problem: format!(
                    "operations that need a newer version of this program: {}",
                    self.newer_version
                ),
                fix: "complete the upgrade of the workers",
            }),
            (self.crashed > 0).then(|| Warning {
                problem: format!(
                    "operations that are blocked because their step repeatedly ended its process: {}",
                    self.crashed
                ),
                fix: "the log of the workers states what happened; report it",
            }),
        ];
        beyond.into_iter().flatten().collect()
    }
}

/// A fact beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The fact.
    pub problem: String,
    /// What to do about it.
    pub fix: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(600);

    #[test]
    fn a_healthy_installation_has_no_warning() {
        let busy = Condition {
            overdue: OVERDUE_LIMIT,
            blocked: Duration::from_secs(86_400),
            poll_age: Some(POLL_LIMIT),
            sweep_age: INTERVAL * 3,
            ..Condition::default()
        };
        assert_eq!(busy.warnings(INTERVAL), Vec::<Warning>::new());
    }

    #[test]
    fn each_fact_beyond_its_limit_is_a_warning() {
        let second = Duration::from_secs(1);
        let facts = [
            Condition {
                overdue: OVERDUE_LIMIT + second,
                ..Condition::default()
            },
            Condition {
                poll_age: Some(POLL_LIMIT + second),
                ..Condition::default()
            },
            Condition {
                sweep_age: INTERVAL * 3 + second,
                ..Condition::default()
            },
            Condition {
                newer_version: 1,
                ..Condition::default()
            },
            Condition {
                crashed: 1,
                ..Condition::default()
            },
            Condition {
                events_lag: EVENTS_LAG_LIMIT + second,
                ..Condition::default()
            },
            Condition {
                is_restored: true,
                ..Condition::default()
            },
        ];
        for fact in facts {
            assert_eq!(fact.warnings(INTERVAL).len(), 1, "{fact:?}");
        }
    }
}
