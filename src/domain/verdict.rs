//! Verdict: what follows a turn.

use std::time::Duration;

use super::inventory::Item;
use super::observed::{Details, Observed};
use super::spec::ClusterSpec;
use super::waiting::WaitingFor;
use crate::domain::problems::fault::Fault;

/// What a turn found out, to be committed together with its verdict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Things found, made, gone or left.
    pub inventory: Vec<Item>,
    /// What AWS says of the cluster.
    pub observed: Option<Observed>,
    /// What AWS says of its tags and parameter values.
    pub details: Option<Details>,
    /// The desired settings from now on: those that AWS reports.
    pub desired: Option<Box<ClusterSpec>>,
    /// Intents whose outcome is now known.
    pub settled_intents: Vec<i64>,
}

impl Findings {
    /// Findings of what AWS says of the cluster.
    pub fn seen(observed: Observed) -> Self {
        Self {
            observed: Some(observed),
            ..Self::default()
        }
    }

    /// Findings of one inventory row.
    pub fn of(item: Item) -> Self {
        Self {
            inventory: vec![item],
            ..Self::default()
        }
    }
}

/// What follows a turn. Recording it ends the turn and gives the lease back.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The step is done, or was not needed; the next one follows at once.
    Next {
        /// Whether it was not needed.
        skipped: bool,
    },
    /// The same step again, later.
    Again {
        /// How much later.
        after: Duration,
        /// What for; `None` when the call succeeded and only the step goes on.
        waiting_for: Option<WaitingFor>,
        /// The fault that was met, to be kept as history.
        fault: Option<Fault>,
    },
    /// Stop and explain.
    Block {
        /// Why.
        fault: Fault,
        /// When to look again by itself; `None` only on `retry`.
        recheck_after: Option<Duration>,
        /// What it waits for.
        waiting_for: WaitingFor,
    },
    /// Undo what was made, then end `failed` with this fault.
    RollBack {
        /// Why.
        fault: Fault,
    },
}
