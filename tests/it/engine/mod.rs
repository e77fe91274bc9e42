//! The engine: turns, takeovers, polls, the sweep, and processes.

pub mod batches;
pub mod claims;
pub mod condition;
pub mod conflicts;
pub mod create_and_delete;
pub mod database_roles;
pub mod environment;
pub mod event_numbering;
pub mod figures;
pub mod foreign_changes;
pub mod frozen_database;
pub mod history;
pub mod list_indexes;
pub mod patience;
pub mod polls;
pub mod precedence;
pub mod process_crashes;
pub mod processes;
pub mod query_cache;
pub mod records;
pub mod round_trips;
pub mod sweep;
pub mod takeover;
mod tls;
pub mod transactions;
pub mod undo_requests;
