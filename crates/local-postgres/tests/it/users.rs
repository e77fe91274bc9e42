//! The server's account: the current one for a plain user, an unprivileged one for root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use local_postgres::{LocalPostgres, LocalPostgresError, Settings};

use crate::support::{Helper, NAME, Scratch, helper, is_root, kept_in, owner_of, psql, sql};

/// The id of the unprivileged user that every system has.
const NOBODY: u32 = 65534;

/// The helper program as a plain user with its own home, also if root runs the tests.
fn plain_helper(scratch: &Scratch) -> Command {
    if !is_root() {
        return helper();
    }
    // The build directory may be accessible to root only.
    let copy = scratch.join("private-postgres");
    fs::copy(env!("CARGO_BIN_EXE_private-postgres"), &copy).unwrap();
    let home = scratch.join("home");
    fs::create_dir_all(&home).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(copy);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    command.env("HOME", home).env_remove("XDG_DATA_HOME");
    // A version manager in root's home is not accessible to other users.
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

#[test]
fn root_runs_it_as_another_user_with_private_directories() {
    let server = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
    let owner = owner_of(format!("/proc/{}", server.pid()));
    assert_ne!(owner, 0);
    if !is_root() {
        assert_eq!(owner, owner_of("/proc/self"));
    }
    for name in ["cluster", "socket"] {
        let path = server.data_dir().join(name);
        assert_eq!(owner_of(&path), owner);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let groups = status.lines().find(|line| line.starts_with("Groups:"));
    if is_root() {
        assert_eq!(groups.unwrap().trim(), "Groups:", "root's groups are kept");
    }
}

#[test]
fn a_plain_user_runs_the_installed_and_the_downloaded_server() {
    let scratch = Scratch::new();
    for arguments in [&[][..], &["--ignore-host"]] {
        let mut command = plain_helper(&scratch);
        let plain = Helper::start(command.args(arguments));
        let owner = owner_of(format!("/proc/{}", plain.server_pid));
        assert_eq!(owner, owner_of(format!("/proc/{}", plain.process.id())));
        assert_ne!(owner, 0);
        let tools = LocalPostgres::start(&Settings::for_tests(NAME)).unwrap();
        let user = psql(tools.bin_dir(), &plain.url, "select current_user");
        assert_eq!(user, "app");
        plain.finish();
    }
}

#[test]
fn an_existing_directory_keeps_its_owner() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let settings = kept_in(scratch.join("data"));
    LocalPostgres::start(&settings).unwrap().stop();
    let change_owner = |path: &Path| {
        let owner = NOBODY.to_string();
        let status = Command::new("chown")
            .args(["-R", &owner])
            .arg(path)
            .status();
        assert!(status.unwrap().success());
    };
    change_owner(&scratch.join("data/cluster"));
    let server = LocalPostgres::start(&settings).unwrap();
    assert_eq!(owner_of(format!("/proc/{}", server.pid())), NOBODY);
    assert_eq!(sql(&server, "postgres", "select 1"), "1");
}

#[test]
fn a_directory_that_the_account_cannot_enter_is_reported() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let closed = scratch.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let error = LocalPostgres::start(&kept_in(closed.join("data"))).unwrap_err();
    assert!(
        matches!(&error, LocalPostgresError::Unreachable { dir, .. } if *dir == closed.join("data")),
        "{error}"
    );
}

#[test]
fn a_directory_of_another_user_in_a_shared_directory_is_rejected() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let shared = scratch.join("shared");
    fs::create_dir_all(shared.join("data")).unwrap();
    chown(shared.join("data"), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    let error = LocalPostgres::start(&kept_in(shared.join("data"))).unwrap_err();
    assert!(
        matches!(&error, LocalPostgresError::Io { source, .. } if source.to_string().contains("another user")),
        "{error}"
    );
}
