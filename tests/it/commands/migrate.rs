//! `migrate` without a database.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::engine::processes::BINARY;

#[test]
fn a_database_that_is_away_is_reported_at_once() {
    let started = Instant::now();
    let output = Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", "postgres://unknown@127.0.0.1:1/x")
        .output()
        .unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains("Connection refused"),
        "{errors}"
    );
}
