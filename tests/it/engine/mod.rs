//! The engine: turns, crashes, takeovers, polls, the sweep, and processes.

pub mod conflicts;
pub mod crashes;
pub mod create_and_delete;
pub mod foreign_changes;
pub mod lost_answers;
pub mod polls;
pub mod process_crashes;
pub mod processes;
pub mod sweep;
pub mod takeover;
pub mod transactions;
