//! Shared by the tests: a scratch directory, `psql`, and the helper program in a separate process.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use local_postgres::{LocalPostgres, Settings};

/// The settings' name, which determines the cache of the download.
pub(crate) const NAME: &str = "local-postgres";

/// A directory that every user can enter, removed on drop.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let parent = if is_root() {
            PathBuf::from("/tmp")
        } else {
            env::temp_dir()
        };
        let path = parent.join(format!("{NAME}-it-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Scratch(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Fast and silent settings with a persistent directory.
pub(crate) fn kept_in(data_dir: PathBuf) -> Settings {
    Settings {
        data_dir: Some(data_dir),
        announce: |_| {},
        ..Settings::for_tests(NAME)
    }
}

/// Runs SQL with the server's own `psql` and returns its output.
pub(crate) fn sql(server: &LocalPostgres, database: &str, text: &str) -> String {
    psql(server.bin_dir(), &server.url(database), text)
}

pub(crate) fn psql(bin_dir: &Path, url: &str, text: &str) -> String {
    let output = Command::new(bin_dir.join("psql"))
        .args(["-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The helper program with its server, in a separate process.
pub(crate) struct Helper {
    pub(crate) process: Child,
    pub(crate) url: String,
    pub(crate) server_pid: u32,
}

impl Helper {
    pub(crate) fn start(command: &mut Command) -> Helper {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("the helper ended early").unwrap();
        let url = line();
        let server_pid = line().parse().unwrap();
        Helper {
            process,
            url,
            server_pid,
        }
    }

    /// Closes its standard input, after which it stops the server.
    pub(crate) fn finish(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

pub(crate) fn helper() -> Command {
    Command::new(env!("CARGO_BIN_EXE_private-postgres"))
}

/// Waits until another process fulfils a condition.
pub(crate) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_true() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    field(pid, 0).is_some_and(|state| state != "Z")
}

/// A field of `/proc/<pid>/stat` after the name: 0 is the state, 2 the process group.
pub(crate) fn field(pid: u32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(") ")?.1;
    fields.split(' ').nth(number).map(str::to_owned)
}

pub(crate) fn is_root() -> bool {
    owner_of("/proc/self") == 0
}

pub(crate) fn owner_of(path: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().uid()
}
