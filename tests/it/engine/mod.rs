//! The engine: turns, takeovers, polls, the sweep, and processes.

pub mod claims;
pub mod conflicts;
pub mod create_and_delete;
pub mod create_batches;
pub mod environment;
pub mod foreign_changes;
pub mod frozen_database;
pub mod polls;
pub mod process_crashes;
pub mod processes;
pub mod round_trips;
pub mod sweep;
pub mod takeover;
pub mod transactions;
pub mod undo_requests;
