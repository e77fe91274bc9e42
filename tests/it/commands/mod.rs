//! The commands of the binary, and what its processes log, write and store.

pub mod aws_profile;
pub mod credential_sources;
pub mod credentials;
pub mod database_log;
pub mod health;
pub mod migrate;
pub mod private_files;
pub mod process_log;
pub mod tokens;
pub mod traces;
