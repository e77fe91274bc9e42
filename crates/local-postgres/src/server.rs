//! The running server: start, readiness, stop.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::places::SocketDir;
use crate::{LocalPostgresError, cluster, guardian};

/// Only part of the socket's name: no TCP port is opened.
pub(crate) const PORT: u16 = 5432;

/// How long a start may take on a busy disk, recovery included.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How long the last processes of a killed server may hold its memory.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(10);

/// How often we look whether something has happened.
const PAUSE: Duration = Duration::from_millis(5);

/// All that is needed to start the server, and to start it again.
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

/// A server that accepted connections when we last looked.
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

    /// Stops in order, or at once; harsher when that takes too long.
    pub(crate) fn stop(&mut self, at_once: bool) {
        let orderly = (libc::SIGINT, Duration::from_secs(20));
        let harsher = [
            (libc::SIGQUIT, Duration::from_secs(5)),
            (libc::SIGKILL, Duration::from_secs(5)),
        ];
        for (signal, patience) in (!at_once).then_some(orderly).into_iter().chain(harsher) {
            if send(&mut self.child, signal) || wait(&mut self.child, patience) {
                return;
            }
        }
    }

    /// Ends every process of the server before it can do anything about it. The server is stopped first, so that it starts no more.
    pub(crate) fn crash_restart(&mut self) -> Result<(), LocalPostgresError> {
        send(&mut self.child, libc::SIGSTOP);
        for backend in children_of(self.child.id()) {
            // SAFETY: kill takes two integers and touches no memory. A stopped parent collects no child, so the id is not reused.
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
    /// Starts until it succeeds or fails for a reason that does not go away by itself.
    fn start(&self) -> Result<Child, LocalPostgresError> {
        let began = Instant::now();
        loop {
            let mut child = self.spawn()?;
            let Some(status) = self.wait_until_ready(&mut child)? else {
                return Ok(child);
            };
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let passing =
                log.contains("pre-existing shared memory block") || log.contains("lock file");
            if !passing || began.elapsed() > LEFTOVER_PATIENCE {
                let status = status.to_string();
                return Err(LocalPostgresError::Stopped {
                    program: "PostgreSQL",
                    status,
                    said: telling_lines(&log),
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
        // A fast shutdown: sessions end, the data is written out.
        guardian::spawn(command, libc::SIGINT).map_err(|error| {
            let dir = self.cluster.parent().unwrap_or(&self.cluster);
            cluster::cannot_run("postgres", dir, self.account.as_ref(), error)
        })
    }

    /// The log of this start; that of the one before is kept beside it.
    fn open_log(&self) -> io::Result<File> {
        if fs::metadata(&self.log).is_ok_and(|found| found.len() > 0) {
            fs::rename(&self.log, self.log.with_extension("log.1"))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.log)
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
            // Not synchronous_commit: without fsync a commit costs one write, and what was committed then survives a killed server.
            set("fsync=off");
            set("full_page_writes=off");
        }
        arguments
    }

    /// `None` when the server is ready, its status when it has ended.
    ///
    /// The server itself writes "ready" into `postmaster.pid`. The process id there must be our child's: another server on the same
    /// directory would otherwise pass for ours.
    fn wait_until_ready(
        &self,
        child: &mut Child,
    ) -> Result<Option<ExitStatus>, LocalPostgresError> {
        let file = self.cluster.join("postmaster.pid");
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = child
                .try_wait()
                .map_err(LocalPostgresError::io("waiting for postgres"))?
            {
                return Ok(Some(status));
            }
            let content = fs::read_to_string(&file).unwrap_or_default();
            let mut lines = content.lines();
            let ours = lines
                .next()
                .is_some_and(|pid| pid.trim() == child.id().to_string());
            // Lines 2 to 7 are the directory, start time, port, socket directory, address and shared memory.
            if ours && lines.nth(6).is_some_and(|status| status.trim() == "ready") {
                return Ok(None);
            }
            sleep(PAUSE);
        }
        send(child, libc::SIGKILL);
        let _ = child.wait();
        Err(LocalPostgresError::NotReady {
            seconds: START_PATIENCE.as_secs(),
            log: self.log.clone(),
        })
    }
}

/// Signals the child and says whether it had already ended.
fn send(child: &mut Child, signal: libc::c_int) -> bool {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return true;
    }
    // SAFETY: kill takes two integers and touches no memory. The child has not been waited for, so its process id is not reused.
    unsafe { libc::kill(child.id().cast_signed(), signal) };
    false
}

/// The process ids whose parent is this one, from `/proc/<pid>/stat`: id, name in brackets, state, parent and more.
fn children_of(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&parent))
    })
    .collect()
}

/// Waits for the child's end, for so long.
fn wait(child: &mut Child, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        sleep(PAUSE);
    }
    false
}

/// What a person needs of a log: why it ended and what to do, or its last lines.
fn telling_lines(log: &str) -> String {
    let telling: Vec<&str> = log
        .lines()
        .filter(|line| {
            ["FATAL:", "PANIC:", "HINT:"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    let lines = if telling.is_empty() {
        log.lines()
            .rev()
            .take(3)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    } else {
        telling
    };
    lines.join("; ")
}
