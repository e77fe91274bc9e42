//! The `quickstart` command: it reuses its data directory, resets it on request, and leaves no
//! process behind.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_dax-provisioner");

/// A data directory that is removed when this is dropped.
struct DataDir(PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("dax-quickstart-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Processes whose command line names this directory.
    fn processes(&self) -> Vec<String> {
        let mut processes = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(self.0.to_str().unwrap()) {
                processes.push(line);
            }
        }
        processes
    }

    async fn assert_no_processes(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.processes().is_empty() {
            assert!(
                Instant::now() < until,
                "still running: {:?}",
                self.processes()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command, with proxy variables that must not be used for loopback addresses.
fn quickstart(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["quickstart", "--data-dir"])
        .arg(data_dir)
        .args(arguments);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env_remove("DATABASE_URL").stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn it_reuses_its_data_until_a_reset() {
    let data_dir = DataDir::new("reuse");
    let first = stdout(&quickstart(&data_dir.0, &["--once"]).output().unwrap());
    assert!(
        first.contains("demo-1 is available:") && first.contains("daxs://demo-1."),
        "{first}"
    );
    assert!(!first.contains("Earlier"), "{first}");
    assert!(
        first.contains("to continue: dax-provisioner serve --sandbox --data-dir ")
            && !first.contains("curl"),
        "{first}"
    );
    let second = stdout(&quickstart(&data_dir.0, &["--once"]).output().unwrap());
    assert!(
        second.contains("in the database: demo-1 (available)\n            in AWS: demo-1\n"),
        "{second}"
    );
    assert!(second.contains("demo-2 is available:"), "{second}");
    let after_reset = stdout(
        &quickstart(&data_dir.0, &["--once", "--reset"])
            .output()
            .unwrap(),
    );
    assert!(
        after_reset.contains("demo-1 is available:") && !after_reset.contains("Earlier"),
        "{after_reset}"
    );
    data_dir.assert_no_processes().await;
}

#[tokio::test]
async fn a_blocked_operation_is_explained_and_the_exit_code_is_1() {
    let data_dir = DataDir::new("blocked");
    let output = quickstart(&data_dir.0, &["--once", "--quota", "nodes=0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("The operation is blocked.") && text.contains("NodeQuotaForCustomerExceeded"),
        "{text}"
    );
    data_dir.assert_no_processes().await;
}

#[tokio::test]
async fn a_killed_quickstart_leaves_no_process() {
    let data_dir = DataDir::new("killed");
    let mut child = quickstart(&data_dir.0, &[])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("Press Ctrl-C to stop")));
    assert!(
        data_dir.processes().len() > 1,
        "no server process is running"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    data_dir.assert_no_processes().await;
}

#[test]
fn invalid_settings_are_all_reported_and_the_exit_code_is_78() {
    let output = Command::new(BINARY)
        .args(["serve", "--listen", "nowhere", "--worker-loops", "0"])
        .env_remove("DATABASE_URL")
        .env("AWS_ENDPOINT_URL_DAX", "http://127.0.0.1:4566")
        .env("DAX_PROVISIONER_NONSENSE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    let keys: Vec<&str> = text
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    let expected = [
        "DAX_PROVISIONER_NONSENSE",
        "--listen",
        "--worker-loops",
        "AWS_ENDPOINT_URL_DAX",
        "--permissions-boundary",
        "DATABASE_URL",
    ];
    assert_eq!(keys, expected, "{text}");
}

#[test]
fn migrate_reports_an_unreachable_database_at_once() {
    let start = Instant::now();
    let output = Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", "postgres://user@127.0.0.1:1/database")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with("error: cannot connect to the database: ")
            && errors.contains("Connection refused"),
        "{errors}"
    );
}
