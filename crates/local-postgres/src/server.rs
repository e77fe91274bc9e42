//! The running server: start, readiness, stop.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::child_process::{self, children_of};
use crate::directories::SocketDir;
use crate::{LocalPostgresError, cluster, directories};

/// Part of the socket's name; no TCP port is opened.
pub(crate) const PORT: u16 = 5432;

/// Timeout of a start on a busy disk, including recovery.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the last processes of a killed server may keep its shared memory in use.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Poll interval.
const PAUSE: Duration = Duration::from_millis(5);

/// Everything needed to start the server, and to restart it.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) cluster: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) socket: SocketDir,
    pub(crate) account: Option<Account>,
    pub(crate) durable: bool,
    pub(crate) max_connections: u16,
}

/// A server that has accepted connections.
#[derive(Debug)]
pub(crate) struct Server {
    launch: Launch,
    child: Child,
}

impl Server {
    pub(crate) fn start(launch: Launch) -> Result<Server, LocalPostgresError> {
        let child = launch.start()?;
        Ok(Server { launch, child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        &self.launch.socket.path
    }

    /// Shuts down cleanly, or `immediately`; escalates after a timeout.
    pub(crate) fn stop(&mut self, immediately: bool) {
        let clean = (libc::SIGINT, Duration::from_secs(20));
        let escalation = [
            (libc::SIGQUIT, Duration::from_secs(5)),
            (libc::SIGKILL, Duration::from_secs(5)),
        ];
        for (signal, timeout) in (!immediately)
            .then_some(clean)
            .into_iter()
            .chain(escalation)
        {
            if send(&mut self.child, signal) || wait(&mut self.child, timeout) {
                return;
            }
        }
    }

    /// Kills every process of the server, then restarts it. SIGSTOP first keeps the postmaster from
    /// starting new processes.
    pub(crate) fn crash_restart(&mut self) -> Result<(), LocalPostgresError> {
        send(&mut self.child, libc::SIGSTOP);
        for backend in children_of(self.child.id()) {
            // SAFETY: kill takes two integers and accesses no memory. A stopped parent reaps no
            // child, so the id is not reused.
            unsafe { libc::kill(backend.cast_signed(), libc::SIGKILL) };
        }
        send(&mut self.child, libc::SIGKILL);
        self.child
            .wait()
            .map_err(LocalPostgresError::io("waiting for the killed server"))?;
        self.child = self.launch.start()?;
        Ok(())
    }
}

impl Launch {
    /// Starts the server, retrying while a previous server still releases its resources.
    fn start(&self) -> Result<Child, LocalPostgresError> {
        let started = Instant::now();
        loop {
            let mut child = self.spawn()?;
            let Some(status) = self.wait_until_ready(&mut child)? else {
                return Ok(child);
            };
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let is_transient =
                log.contains("pre-existing shared memory block") || log.contains("lock file");
            if !is_transient || started.elapsed() > RELEASE_TIMEOUT {
                let status = status.to_string();
                return Err(LocalPostgresError::Stopped {
                    program: "PostgreSQL",
                    status,
                    output: relevant_lines(&log),
                    log: self.log.clone(),
                });
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn spawn(&self) -> Result<Child, LocalPostgresError> {
        let log = self.open_log().map_err(LocalPostgresError::io(format!(
            "opening {}",
            self.log.display()
        )))?;
        let errors = log.try_clone().map_err(LocalPostgresError::io(format!(
            "opening {}",
            self.log.display()
        )))?;
        let mut command = account::command(&self.program, self.account.as_ref());
        command
            .arg("-D")
            .arg(&self.cluster)
            .args(self.arguments())
            .current_dir(&self.cluster)
            .stdout(log)
            .stderr(errors);
        // SIGINT is PostgreSQL's fast shutdown.
        child_process::spawn(command, libc::SIGINT).map_err(|error| {
            let dir = self.cluster.parent().unwrap_or(&self.cluster);
            cluster::cannot_run("postgres", dir, self.account.as_ref(), error)
        })
    }

    /// Opens the log of this start and keeps the previous one as `server.log.1`.
    fn open_log(&self) -> io::Result<File> {
        if fs::metadata(&self.log).is_ok_and(|metadata| metadata.len() > 0) {
            let previous = self.log.with_extension("log.1");
            fs::rename(&self.log, &previous)?;
            directories::open_private(&previous)?;
        }
        directories::open_private(&self.log)
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            "-k".into(),
            self.socket.path.clone().into(),
            "-p".into(),
            PORT.to_string().into(),
        ];
        let mut set = |setting: &str| arguments.extend(["-c".into(), setting.into()]);
        set("listen_addresses=");
        set("unix_socket_permissions=0700");
        set("shared_buffers=32MB");
        set(&format!("max_connections={}", self.max_connections));
        set("logging_collector=off");
        set("timezone=UTC");
        set("log_timezone=UTC");
        if !self.durable {
            // synchronous_commit stays on: without fsync it costs only one write, and committed
            // data survives a killed server.
            set("fsync=off");
            set("full_page_writes=off");
        }
        arguments
    }

    /// Returns `None` when the server is ready, or its status if it has ended.
    ///
    /// The server writes "ready" to `postmaster.pid`. The process id there must be the child's, to
    /// exclude another server on the same directory.
    fn wait_until_ready(
        &self,
        child: &mut Child,
    ) -> Result<Option<ExitStatus>, LocalPostgresError> {
        let file = self.cluster.join("postmaster.pid");
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = child
                .try_wait()
                .map_err(LocalPostgresError::io("waiting for postgres"))?
            {
                return Ok(Some(status));
            }
            let content = fs::read_to_string(&file).unwrap_or_default();
            let mut lines = content.lines();
            let is_child = lines
                .next()
                .is_some_and(|pid| pid.trim() == child.id().to_string());
            // Lines 2 to 7 are the directory, start time, port, socket directory, address and shared memory.
            if is_child && lines.nth(6).is_some_and(|status| status.trim() == "ready") {
                return Ok(None);
            }
            sleep(PAUSE);
        }
        send(child, libc::SIGKILL);
        let _ = child.wait();
        Err(LocalPostgresError::NotReady {
            seconds: START_TIMEOUT.as_secs(),
            log: self.log.clone(),
        })
    }
}

/// Signals the child; returns whether it had already ended.
fn send(child: &mut Child, signal: libc::c_int) -> bool {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return true;
    }
    // SAFETY: kill takes two integers and accesses no memory. The child has not been waited for, so
    // its process id is not reused.
    unsafe { libc::kill(child.id().cast_signed(), signal) };
    false
}

/// Waits for the child; returns whether it ended within the timeout.
fn wait(child: &mut Child, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        sleep(PAUSE);
    }
    false
}

/// The lines of a log with an error or a hint, or else its last three lines.
fn relevant_lines(log: &str) -> String {
    let relevant: Vec<&str> = log
        .lines()
        .filter(|line| {
            ["FATAL:", "PANIC:", "HINT:"]
                .iter()
                .any(|level| line.contains(level))
        })
        .collect();
    let lines = if relevant.is_empty() {
        log.lines()
            .rev()
            .take(3)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    } else {
        relevant
    };
    lines.join("; ")
}
