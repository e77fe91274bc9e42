//! The schedule of faults: a list that seed and duration determine.

use std::fmt;
use std::time::Duration;

use crate::random::Random;

/// A fault and the time since the start at which it begins.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// What happens. Times are in seconds.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    Kill {
        replica: usize,
        pause: f64,
    },
    Terminate {
        replica: usize,
        pause: f64,
    },
    Freeze {
        replica: usize,
        seconds: f64,
    },
    /// More processes start at once, and are killed later.
    Storm {
        seconds: f64,
    },
    RestartDatabase {
        how: Restart,
        pause: f64,
    },
    FailOver {
        rewind: bool,
    },
    FreezeDatabase {
        seconds: f64,
    },
    FreezeStandby {
        seconds: f64,
    },
    FillDisk {
        seconds: f64,
    },
    FreezeConnections {
        link: Link,
        replica: usize,
        seconds: f64,
    },
    CutConnections {
        link: Link,
        replica: usize,
        seconds: f64,
    },
    Aws {
        call: &'static str,
        fault: &'static str,
        rate: f64,
        seconds: f64,
        lasts: f64,
        seed: u64,
    },
    Deny {
        action: &'static str,
        seconds: f64,
    },
    /// The database's clock jumps forward, for leases: each of them ends now.
    EndLeases,
    /// The database's clock jumps back, for leases: each of them ends this much later.
    ExtendLeases {
        seconds: f64,
    },
    AdvanceSandboxClock {
        seconds: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    Fast,
    Immediate,
    Crash,
}

/// The connections of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Clients,
    Database,
    Aws,
}

const LINKS: [Link; 3] = [Link::Clients, Link::Database, Link::Aws];
/// Faults of AWS with the calls that they hit and the greatest `seconds` of the fault. A late call
/// arrives before its absence is trusted, which is ten seconds with a sandbox.
const AWS_FAULTS: [(&str, &str, f64); 15] = [
    ("*", "throttle", 0.0),
    ("*", "error_before", 0.0),
    ("*", "error_after", 0.0),
    ("*", "lose_answer", 0.0),
    ("*", "cut_answer", 0.0),
    ("*", "garbage", 0.0),
    ("dax:*", "lose_answer", 0.0),
    ("iam:*", "error_after", 0.0),
    ("*", "slow", 2.0),
    ("*", "late", 4.0),
    ("*", "lag", 4.0),
    ("dax:*", "gap", 0.0),
    ("dax:*", "no_member", 0.0),
    ("iam:*", "gap", 0.0),
    ("dax:CreateCluster", "capacity", 0.0),
];
const ACTIONS: [&str; 8] = [
    "iam:CreateRole",
    "iam:CreatePolicy",
    "iam:AttachRolePolicy",
    "iam:PassRole",
    "iam:DeleteRole",
    "dax:CreateCluster",
    "dax:DeleteCluster",
    "dax:DescribeClusters",
];
/// A failover takes part in every run, and one every this many seconds.
const FAILOVER_SECONDS: f64 = 150.0;

/// The faults of a run, in order of time.
pub(crate) fn plan(seed: u64, duration: Duration, replicas: usize) -> Vec<Planned> {
    let mut random = Random::new(seed, 1);
    let end = duration.as_secs_f64();
    let mut planned = Vec::new();
    let mut add =
        |every: f64, first: f64, random: &mut Random, fault: &dyn Fn(&mut Random) -> Fault| {
            let mut at = first.min(end / 2.0);
            while at < end {
                planned.push(Planned {
                    at: Duration::from_secs_f64(at),
                    fault: fault(random),
                });
                at += random.between(0.6 * every, 1.4 * every);
            }
        };
    add(1.0, 2.0, &mut random, &aws_fault);
    add(9.0, 6.0, &mut random, &|random| Fault::Kill {
        replica: random.below(replicas),
        pause: random.between(0.0, 3.0),
    });
    add(14.0, 9.0, &mut random, &|random| Fault::Terminate {
        replica: random.below(replicas),
        pause: random.between(0.0, 2.0),
    });
    add(20.0, 12.0, &mut random, &|random| Fault::Freeze {
        replica: random.below(replicas),
        seconds: *random.pick(&[1.0, 6.0, 17.0, 20.0]),
    });
    add(4.0, 3.0, &mut random, &|random| {
        link_fault(random, replicas)
    });
    add(50.0, 35.0, &mut random, &|random| Fault::Storm {
        seconds: random.between(3.0, 8.0),
    });
    add(40.0, 20.0, &mut random, &|random| Fault::RestartDatabase {
        how: *random.pick(&[Restart::Fast, Restart::Immediate, Restart::Crash]),
        pause: random.between(0.0, 3.0),
    });
    add(FAILOVER_SECONDS, 55.0, &mut random, &|random| {
        Fault::FailOver {
            rewind: random.chance(0.5),
        }
    });
    add(90.0, 75.0, &mut random, &|random| Fault::FillDisk {
        seconds: random.between(1.0, 4.0),
    });
    add(18.0, 15.0, &mut random, &other_fault);
    planned.sort_by_key(|planned| planned.at);
    planned
}

fn aws_fault(random: &mut Random) -> Fault {
    let (call, fault, most) = *random.pick(&AWS_FAULTS);
    Fault::Aws {
        call,
        fault,
        rate: random.between(0.08, 0.4),
        seconds: random.between(0.2, 1.0) * most,
        lasts: random.between(1.0, 3.5),
        seed: random.next() >> 1,
    }
}

fn link_fault(random: &mut Random, replicas: usize) -> Fault {
    let (link, replica) = (*random.pick(&LINKS), random.below(replicas));
    let seconds = random.between(0.0, 5.0);
    match random.chance(0.4) {
        true => Fault::FreezeConnections {
            link,
            replica,
            seconds,
        },
        false => Fault::CutConnections {
            link,
            replica,
            seconds: seconds / 3.0,
        },
    }
}

fn other_fault(random: &mut Random) -> Fault {
    match random.below(7) {
        0 => Fault::FreezeDatabase {
            seconds: random.between(0.5, 5.0),
        },
        1 => Fault::FreezeStandby {
            seconds: random.between(0.5, 6.0),
        },
        2 => Fault::EndLeases,
        3 => Fault::ExtendLeases {
            seconds: random.between(60.0, 7_200.0),
        },
        4 => Fault::AdvanceSandboxClock {
            seconds: random.between(1.0, 20.0),
        },
        _ => Fault::Deny {
            action: ACTIONS[random.below(ACTIONS.len())],
            seconds: random.between(2.0, 8.0),
        },
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.1} s  {:?}", self.at.as_secs_f64(), self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_schedule() {
        let text = |seed| {
            let plan = plan(seed, Duration::from_secs(180), 3);
            plan.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }

    #[test]
    fn three_minutes_have_a_failover_and_a_full_disk() {
        for seed in 0..50 {
            let plan = plan(seed, Duration::from_secs(180), 3);
            let has =
                |wanted: fn(&Fault) -> bool| plan.iter().any(|planned| wanted(&planned.fault));
            assert!(has(|fault| matches!(fault, Fault::FailOver { .. })));
            assert!(has(|fault| matches!(fault, Fault::FillDisk { .. })));
        }
    }
}
