//! History: what happened to an operation, entry by entry.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// One entry of an operation's history.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the operation's history, from 1 without gaps.
    pub sequence: i64,
    /// What happened, as a stable word such as `step_succeeded`.
    pub kind: String,
    /// The same in a sentence.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Details for programs.
    pub data: Value,
}
