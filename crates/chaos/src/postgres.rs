//! One PostgreSQL server on a loopback port, in a file system of its own if this user may mount one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_postgres::{LocalPostgres, Settings, children_of};
use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::process::{self, Process};

/// The superuser of the servers.
const SUPERUSER: &str = "chaos";
const SETTINGS: [&str; 10] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "wal_keep_size=64MB",
    "wal_log_hints=on",
    "wal_retrieve_retry_interval=200ms",
    "wal_sender_timeout=5s",
    "wal_receiver_timeout=5s",
    "timezone=UTC",
    "logging_collector=off",
];
/// Settings for a disk that is soon full.
pub(crate) const SMALL: &[&str] = &[
    "shared_buffers=32MB",
    "max_wal_size=96MB",
    "min_wal_size=32MB",
];
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The programs of PostgreSQL, and the account that runs them: PostgreSQL refuses root.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    directory: PathBuf,
    account: Option<(u32, u32)>,
}

impl Programs {
    /// Finds or downloads PostgreSQL.
    pub(crate) fn find() -> Result<Self> {
        let server = LocalPostgres::start(&Settings::for_tests("dax-provisioner-chaos"))?;
        let owner = fs::metadata(server.data_dir().join("cluster"))?;
        let is_root = rustix::process::geteuid().is_root();
        let programs = Self {
            directory: server.bin_dir().to_owned(),
            account: is_root.then(|| (owner.uid(), owner.gid())),
        };
        for program in ["pg_basebackup", "pg_rewind", "pg_ctl"] {
            let path = programs.directory.join(program);
            anyhow::ensure!(path.exists(), "{} is missing", path.display());
        }
        Ok(programs)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        command.env_clear().env("LANG", "C.UTF-8").current_dir("/");
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// One server. Its data directory is `data` in `directory`.
#[derive(Debug)]
pub(crate) struct Server {
    programs: Programs,
    directory: PathBuf,
    log: PathBuf,
    pub(crate) port: u16,
    process: Option<Process>,
    is_mounted: bool,
    settings: &'static [&'static str],
}

impl Server {
    /// Creates the directory, on a file system of `megabytes` if this user may mount one. The server has
    /// PostgreSQL's defaults, but for these `settings` and those of every server here.
    pub(crate) fn new(
        programs: &Programs,
        root: &Path,
        name: &str,
        megabytes: u64,
        settings: &'static [&'static str],
    ) -> Result<Self> {
        let directory = root.join(name);
        fs::create_dir_all(&directory)?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&directory)
            .output();
        let is_mounted = mount.is_ok_and(|output| output.status.success());
        if let Some((uid, gid)) = programs.account {
            std::os::unix::fs::chown(&directory, Some(uid), Some(gid))?;
        }
        Ok(Self {
            programs: programs.clone(),
            log: root.join(format!("{name}.log")),
            directory,
            port: process::free_port()?,
            process: None,
            is_mounted,
            settings,
        })
    }

    /// Whether the disk can be filled.
    pub(crate) fn has_own_disk(&self) -> bool {
        self.is_mounted
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!(
            "postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.url(SUPERUSER, database)
    }

    pub(crate) async fn initialise(&self) -> Result<()> {
        let mut initdb = self.programs.command("initdb");
        initdb.arg("-D").arg(self.data());
        initdb.args([
            "-U",
            SUPERUSER,
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        process::run(initdb).await?;
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let mut postgres = self.programs.command("postgres");
        postgres.arg("-D").arg(self.data());
        postgres.arg("-p").arg(self.port.to_string());
        for setting in SETTINGS.iter().chain(self.settings) {
            postgres.args(["-c", setting]);
        }
        self.process = Some(Process::start(postgres, &self.log)?);
        let began = Instant::now();
        loop {
            if self.connect("postgres").await.is_ok() {
                return Ok(());
            }
            if !self.is_running() || began.elapsed() > START_TIMEOUT {
                bail!("PostgreSQL did not start; see {}", self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// Stops the server: `INT` is its fast shutdown, `QUIT` its immediate one, `KILL` a crash.
    pub(crate) async fn stop(&mut self, signal: Signal) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let children = children_of(process.pid());
        if signal == Signal::KILL {
            process.signal(Signal::STOP);
            children
                .iter()
                .for_each(|pid| signal_pid(*pid, Signal::KILL));
        }
        process.signal(signal);
        if process.wait(Duration::from_secs(20)).await.is_none() {
            process.signal(Signal::QUIT);
            process.wait(Duration::from_secs(5)).await;
        }
        drop(process);
        // Backends of a killed server end soon after it; a new one refuses to start before.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Freezes or continues every process of the server.
    pub(crate) fn freeze(&mut self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        if let Some(process) = &mut self.process {
            process.signal(signal);
            let children = children_of(process.pid());
            children.iter().for_each(|pid| signal_pid(*pid, signal));
        }
    }

    pub(crate) async fn promote(&self) -> Result<()> {
        let mut promote = self.programs.command("pg_ctl");
        promote.arg("promote").arg("-w").arg("-D").arg(self.data());
        process::run(promote).await?;
        Ok(())
    }

    /// Makes this server a copy of `primary`, ready to start as its standby: what differs is
    /// rewound, or everything is copied.
    pub(crate) async fn follow(&mut self, primary: &Server, rewind: bool) -> Result<&'static str> {
        if rewind && self.data().exists() {
            let mut command = self.programs.command("pg_rewind");
            command.arg("-D").arg(self.data());
            let source = format!("{} dbname=postgres", primary.connection_info());
            command.args(["-R", "--source-server", &source]);
            if process::run(command).await.is_ok() {
                return Ok("pg_rewind");
            }
        }
        let _ = fs::remove_dir_all(self.data());
        let mut backup = self.programs.command("pg_basebackup");
        backup.arg("-D").arg(self.data());
        backup.args(["-d", &primary.connection_info()]);
        backup.args(["-X", "stream", "-R", "-c", "fast", "--no-sync"]);
        process::run(backup).await.context("copying the primary")?;
        Ok("pg_basebackup")
    }

    fn connection_info(&self) -> String {
        format!("host=127.0.0.1 port={} user={SUPERUSER}", self.port)
    }

    /// A connection of the superuser.
    pub(crate) async fn connect(&self, database: &str) -> Result<PgConnection> {
        let url = self.superuser_url(database);
        let connecting = PgConnection::connect(&url);
        Ok(tokio::time::timeout(Duration::from_secs(3), connecting).await??)
    }

    /// Runs statements of the superuser, each in a transaction of its own.
    pub(crate) async fn execute(&self, database: &str, statements: &[&str]) -> Result<()> {
        let mut connection = self.connect(database).await?;
        for statement in statements {
            let text = AssertSqlSafe((*statement).to_owned());
            let run = sqlx::raw_sql(text).execute(&mut connection);
            tokio::time::timeout(Duration::from_secs(10), run).await??;
        }
        Ok(())
    }

    /// Fills the disk until nothing can be written.
    pub(crate) fn fill_disk(&self) {
        let mut dd = Command::new("dd");
        dd.args(["if=/dev/zero", "bs=64k"]);
        dd.arg(format!("of={}", self.directory.join("filler").display()));
        // It ends with an error when the disk is full.
        let _ = dd.output();
    }

    pub(crate) fn empty_disk(&self) {
        let _ = fs::remove_file(self.directory.join("filler"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            children_of(process.pid())
                .iter()
                .for_each(|pid| signal_pid(*pid, Signal::CONT));
            process.signal(Signal::CONT);
            process.signal(Signal::QUIT);
            let began = Instant::now();
            while process.ended().is_none() && began.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.process = None;
        if self.is_mounted {
            let _ = Command::new("umount")
                .arg("-l")
                .arg(&self.directory)
                .output();
        }
    }
}

fn signal_pid(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
