//! Finds new versions of the directory. A checkout is not atomic, so a version counts when two reads
//! in a row agree. One with faults is not taken, and is reported once.

use std::path::PathBuf;
use std::time::Duration;

use super::Organisation;
use super::faults::Faults;
use super::files::Files;

/// Interval between two reads.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// The same with a sandbox, in which everything is faster.
pub const SANDBOX_INTERVAL: Duration = Duration::from_millis(500);

/// What the directory had at the last read, and what was decided about.
#[derive(Debug)]
pub struct Reload {
    directory: PathBuf,
    seen: Option<Result<Files, Faults>>,
    decided: Option<Result<Files, Faults>>,
}

impl Reload {
    /// Begins to watch a directory, of which the version with this hash was taken.
    pub fn new(directory: PathBuf, taken: &str) -> Self {
        let now = Files::read(&directory);
        let is_taken = now.as_ref().is_ok_and(|files| files.hash() == taken);
        Self {
            directory,
            seen: Some(now.clone()),
            decided: is_taken.then_some(now),
        }
    }

    /// Reads once. Returns a version that was not decided about, when this read and the one before it
    /// agree: what it says, or its faults.
    pub fn read_again(&mut self) -> Option<Result<Organisation, Faults>> {
        let now = Files::read(&self.directory);
        let agrees = self.seen.as_ref() == Some(&now);
        self.seen = Some(now.clone());
        if !agrees || self.decided.as_ref() == Some(&now) {
            return None;
        }
        self.decided = Some(now.clone());
        Some(now.and_then(|files| Organisation::of(&files)))
    }
}
