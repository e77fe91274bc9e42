//! History: the recorded events of an operation.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// One recorded event of an operation.
#[derive(Debug, Clone)]
pub struct Event {
    /// Position in the operation's history, from 1 without gaps.
    pub sequence: i64,
    /// Stable name of what happened, such as `step_succeeded`.
    pub kind: String,
    /// What happened, as a sentence.
    pub message: String,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// Machine-readable details, as a JSON object.
    pub data: Value,
}
