//! Verdict: the result of a turn, which the store commits.

use std::time::Duration;

use super::inventory::Item;
use super::observed::{Details, Observed};
use super::spec::ClusterSpec;
use super::waiting::WaitingFor;
use crate::domain::problems::fault::Fault;

/// The facts that a turn found, to be committed together with its verdict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Inventory rows to write.
    pub inventory: Vec<Item>,
    /// The cluster as AWS reports it.
    pub observed: Option<Observed>,
    /// The cluster's tags and parameter values as AWS reports them.
    pub details: Option<Details>,
    /// New desired settings, adjusted to what AWS reports.
    pub desired: Option<Box<ClusterSpec>>,
    /// IDs of the intents whose outcome is now known.
    pub settled_intents: Vec<i64>,
}

impl Findings {
    /// Findings with an observation of the cluster.
    pub fn observed(observed: Observed) -> Self {
        Self {
            observed: Some(observed),
            ..Self::default()
        }
    }

    /// Findings with one inventory row.
    pub fn of(item: Item) -> Self {
        Self {
            inventory: vec![item],
            ..Self::default()
        }
    }
}

/// What the operation does next. Recording it ends the turn and releases the lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The step is done; the next step starts at once.
    Next {
        /// Whether the step was not needed.
        skipped: bool,
    },
    /// The same step runs again after a delay.
    Again {
        /// Delay before the next turn.
        after: Duration,
        /// What the operation waits for; `None` if a call succeeded and the step continues.
        waiting_for: Option<WaitingFor>,
        /// The fault that occurred, to record in the history.
        fault: Option<Fault>,
    },
    /// The operation blocks.
    Block {
        /// Why it blocks.
        fault: Fault,
        /// Delay before it is re-checked automatically; `None` waits for a `retry` request.
        recheck_after: Option<Duration>,
        /// What it waits for.
        waiting_for: WaitingFor,
    },
    /// The operation undoes what it created, then ends `failed`.
    RollBack {
        /// Why it fails.
        fault: Fault,
    },
}

impl Verdict {
    /// The fault that the turn met.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Next { .. } => None,
            Self::Again { fault, .. } => fault.as_ref(),
            Self::Block { fault, .. } | Self::RollBack { fault } => Some(fault),
        }
    }
}
