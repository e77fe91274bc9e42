//! The files of the private mode: other accounts of the machine cannot read them. And no core dumps.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::engine::processes::{BINARY, RunningProcess};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// The files and directories below `directory`, without the content of directories that only their
/// owner can enter.
fn reachable(directory: &Path, found: &mut Vec<(String, u32, bool)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let is_directory = path.is_dir();
        let mode = mode(&path);
        found.push((path.display().to_string(), mode, is_directory));
        if is_directory && mode & 0o077 != 0 {
            reachable(&path, found);
        }
    }
}

fn quickstart(data_dir: &Path) {
    let output = Command::new(BINARY)
        .args(["quickstart", "--once", "--data-dir"])
        .arg(data_dir)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn files_of_the_private_mode_are_readable_by_their_owner_only() {
    let parent = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .unwrap();
    let data_dir = parent.path().join("data");
    quickstart(&data_dir);
    // As root, PostgreSQL runs as another user and must pass through, but not list it.
    assert_eq!(mode(&data_dir) & 0o066, 0, "{:o}", mode(&data_dir));
    // Files of an earlier version are closed as well.
    for name in ["sandbox.journal", "server.log"] {
        fs::set_permissions(data_dir.join(name), Permissions::from_mode(0o644)).unwrap();
    }
    quickstart(&data_dir);
    let mut found = Vec::new();
    reachable(&data_dir, &mut found);
    let names: Vec<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
    for name in [
        "sandbox.journal",
        "server.log",
        "server.log.1",
        "lock",
        "cluster",
    ] {
        assert!(
            names.iter().any(|found| found.ends_with(name)),
            "{name}: {names:?}"
        );
    }
    for (name, mode, is_directory) in &found {
        let expected = if *is_directory { 0o700 } else { 0o600 };
        assert_eq!(*mode, expected, "{name}: {mode:o}");
    }
}

#[test]
fn core_dumps_are_off() {
    let mut child = Command::new(BINARY)
        .args(["sandbox", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0];
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut first).unwrap();
    let process = RunningProcess(child);
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.0.id())).unwrap();
    let core = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"))
        .unwrap();
    let core: Vec<_> = core.split_whitespace().take(2).collect();
    assert_eq!(core, ["0", "0"], "{limits}");
}
