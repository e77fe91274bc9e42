//! The commands of the binary, and what its processes log, write and store.

pub mod aws_profile;
pub mod database_log;
pub mod health;
pub mod private_files;
pub mod process_log;
pub mod tokens;
