//! The quickstart as a person runs it: it ends well, finds what it made before, forgets on demand, and leaves nothing.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_dax-provisioner");

/// A data directory that goes with its test.
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
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(self.0.to_str().unwrap()) {
                found.push(line);
            }
        }
        found
    }

    async fn assert_deserted(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.processes().is_empty() {
            assert!(
                Instant::now() < until,
                "still there: {:?}",
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

/// The command, with a proxy in the environment that nobody may use for loopback.
fn quickstart(data_dir: &Path, wishes: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["quickstart", "--data-dir"])
        .arg(data_dir)
        .args(wishes);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    command.env_remove("DATABASE_URL").stdin(Stdio::null());
    command
}

fn told(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn it_finds_what_it_made_before_and_forgets_on_demand() {
    let data_dir = DataDir::new("again");
    let first = told(&quickstart(&data_dir.0, &["--once"]).output().unwrap());
    assert!(
        first.contains("demo-1 is available:") && first.contains("daxs://demo-1."),
        "{first}"
    );
    assert!(!first.contains("Earlier"), "{first}");
    let second = told(&quickstart(&data_dir.0, &["--once"]).output().unwrap());
    assert!(
        second.contains("in the database: demo-1 (available)\n            in AWS: demo-1\n"),
        "{second}"
    );
    assert!(second.contains("demo-2 is available:"), "{second}");
    let anew = told(
        &quickstart(&data_dir.0, &["--once", "--reset"])
            .output()
            .unwrap(),
    );
    assert!(
        anew.contains("demo-1 is available:") && !anew.contains("Earlier"),
        "{anew}"
    );
    data_dir.assert_deserted().await;
}

#[tokio::test]
async fn what_is_refused_is_explained_and_ends_with_one() {
    let data_dir = DataDir::new("refused");
    let output = quickstart(&data_dir.0, &["--once", "--quota", "nodes=0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("The operation is blocked.") && told.contains("NodeQuotaForCustomerExceeded"),
        "{told}"
    );
    data_dir.assert_deserted().await;
}

#[tokio::test]
async fn a_killed_one_leaves_no_process() {
    let data_dir = DataDir::new("killed");
    let mut child = quickstart(&data_dir.0, &[])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("Ctrl-C ends all of it")));
    assert!(
        data_dir.processes().len() > 1,
        "there is no server to be left behind"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    data_dir.assert_deserted().await;
}

#[test]
fn bad_settings_end_with_78_and_tell_everything() {
    let output = Command::new(BINARY)
        .args(["serve", "--listen", "nowhere", "--worker-loops", "0"])
        .env_remove("DATABASE_URL")
        .env("AWS_ENDPOINT_URL_DAX", "http://127.0.0.1:4566")
        .env("DAX_PROVISIONER_NONSENSE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    let keys: Vec<&str> = told
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    let expected = [
        "DAX_PROVISIONER_NONSENSE",
        "--listen",
        "--worker-loops",
        "AWS_ENDPOINT_URL_DAX",
        "DATABASE_URL",
    ];
    assert_eq!(keys, expected, "{told}");
}
