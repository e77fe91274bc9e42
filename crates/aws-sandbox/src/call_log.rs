//! The log of calls, bounded in memory: caller, operation and outcome of each call.

use std::borrow::Cow;
use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Tests inspect mutating calls, so more of them are kept; reads are mostly polling.
const MUTATING_KEPT: usize = 100_000;
const READS_KEPT: usize = 20_000;

/// One call that the sandbox received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Increases by one with every call.
    pub sequence: u64,
    /// When the call was executed, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// ARN of the caller. If authentication failed, the access key ID, or `anonymous` without one.
    pub caller: String,
    /// `dax`, `iam`, `sts`, `ec2` or `dynamodb`.
    pub service: Cow<'static, str>,
    /// Service and operation, such as `iam:CreateRole`.
    pub operation: Cow<'static, str>,
    /// Name or ARN of the resource that a mutating call names.
    pub target: Option<String>,
    /// Whether the operation can change resources.
    pub mutating: bool,
    /// Whether this call changed a resource.
    pub effect: bool,
    /// `ok`, the error code of the response, or the name of the injected fault.
    pub outcome: Cow<'static, str>,
}

/// The newest calls, oldest first. Mutating calls and reads have separate limits.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    last_sequence: u64,
    mutating: VecDeque<CallRecord>,
    reads: VecDeque<CallRecord>,
}

impl CallLog {
    pub(crate) fn next_sequence(&self) -> u64 {
        self.last_sequence + 1
    }

    /// Adds a call and drops the oldest of its kind above the limit.
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

    /// All calls, ordered by sequence number.
    pub(crate) fn all(&self) -> Vec<CallRecord> {
        let mut all: Vec<CallRecord> = self.mutating.iter().chain(&self.reads).cloned().collect();
        all.sort_by_key(|record| record.sequence);
        all
    }

    /// The newest `count` calls with an effect, oldest first. A compacted journal keeps these.
    pub(crate) fn newest_effects(&self, count: usize) -> Vec<&CallRecord> {
        let effects = self.mutating.iter().rev().filter(|record| record.effect);
        let mut newest: Vec<&CallRecord> = effects.take(count).collect();
        newest.reverse();
        newest
    }
}
