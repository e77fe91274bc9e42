//! The journal of calls: who called what, with which outcome, bounded in memory.

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Calls that could change something are the evidence of tests, so many are kept; plain reads are mostly polling.
const MUTATING_KEPT: usize = 100_000;
const READS_KEPT: usize = 20_000;

/// One call as the sandbox saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Counts up by one with every call, also across restarts.
    pub sequence: u64,
    /// When it was carried out, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// The caller's ARN, or the access key where nobody was recognised.
    pub caller: String,
    /// `dax`, `iam`, `sts`, `ec2` or `dynamodb`.
    pub service: Cow<'static, str>,
    /// Service and operation, such as `iam:CreateRole`.
    pub operation: Cow<'static, str>,
    /// The name or ARN of what was acted on, where there is one.
    pub target: Option<String>,
    /// Whether the operation is one that can change something.
    pub mutating: bool,
    /// Whether this call did change something.
    pub effect: bool,
    /// `ok`, the error code of the answer, or the name of the fault that was injected.
    pub outcome: Cow<'static, str>,
}

/// The calls seen so far, oldest first.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    last_sequence: u64,
    mutating: VecDeque<CallRecord>,
    reads: VecDeque<CallRecord>,
}

impl CallLog {
    /// The sequence number for the next call.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.last_sequence + 1
    }

    /// Adds a call, forgetting the oldest of its sort when there are too many.
    pub(crate) fn push(&mut self, record: CallRecord) {
        self.last_sequence = self.last_sequence.max(record.sequence);
        let (calls, kept) = match record.mutating {
            true => (&mut self.mutating, MUTATING_KEPT),
            false => (&mut self.reads, READS_KEPT),
        };
        if calls.len() >= kept {
            calls.pop_front();
        }
        calls.push_back(record);
    }

    /// All calls by sequence number.
    pub(crate) fn all(&self) -> Vec<CallRecord> {
        let mut all: Vec<CallRecord> = self.mutating.iter().chain(&self.reads).cloned().collect();
        all.sort_by_key(|record| record.sequence);
        all
    }

    /// The newest `count` calls that changed something, oldest first: what a compacted journal keeps.
    pub(crate) fn newest_effects(&self, count: usize) -> Vec<&CallRecord> {
        let effects = self.mutating.iter().rev().filter(|record| record.effect);
        let mut newest: Vec<&CallRecord> = effects.take(count).collect();
        newest.reverse();
        newest
    }
}
