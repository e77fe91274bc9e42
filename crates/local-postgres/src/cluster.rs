//! The data directory: creation, and recovery after a crash.
//!
//! `lock` contains the id of the process that uses it. `cluster` is PostgreSQL's data directory,
//! `server.log` its log, and `socket` the directory of its socket.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::binaries::Binaries;
use crate::lock::{self, Lock};
use crate::{LocalPostgresError, Settings, child_process, cleanup, directories};

/// The role that owns everything in the server.
pub(crate) const SUPERUSER: &str = "app";

/// How long a server may take to stop after its parent ended.
const PREVIOUS_SERVER_TIMEOUT: Duration = Duration::from_secs(20);

/// A process id that cannot exist (Linux stops at 2^22), so PostgreSQL treats its owner as dead.
const NO_SUCH_PID: &str = "1073741824";

/// A data directory locked by this process.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    temporary: bool,
    _lock: Lock,
}

impl DataDirectory {
    /// Creates the directory if it is new and locks it. The lock ends with this process, even if
    /// the process is killed.
    pub(crate) fn open(settings: &Settings) -> Result<DataDirectory, LocalPostgresError> {
        let temporary = settings.temporary && settings.data_dir.is_none();
        let path = if temporary {
            cleanup::sweep(&settings.name);
            directories::fresh_dir(
                &directories::temporary_parent(settings.durable),
                &cleanup::prefix(&settings.name),
            )?
        } else {
            let wanted = settings
                .data_dir
                .clone()
                .unwrap_or_else(|| directories::default_data_dir(&settings.name));
            let path = absolute(&wanted).map_err(LocalPostgresError::io(format!(
                "resolving the directory {}",
                wanted.display()
            )))?;
            directories::create_own(&path)?;
            path
        };
        let lock = Lock::take(&path, settings)?;
        Ok(DataDirectory {
            path,
            temporary,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// The major version that created the data; `None` if there is no data.
    pub(crate) fn major(&self) -> Result<Option<u32>, LocalPostgresError> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(version.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LocalPostgresError::io(format!(
                "reading {}",
                path.display()
            ))(error)),
        }
    }

    /// Creates the database cluster if there is none. It has another name until it is complete.
    pub(crate) fn initialise(
        &self,
        settings: &Settings,
        account: Option<&Account>,
        binaries: &Binaries,
    ) -> Result<(), LocalPostgresError> {
        if self.cluster().exists() {
            return Ok(());
        }
        if !self.temporary {
            (settings.announce)("creating the database (first run only)");
        }
        let unfinished = self.path.join("cluster.new");
        let doing = || LocalPostgresError::io(format!("initialising {}", self.path.display()));
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing()(error)),
            _ => {}
        }
        directories::create_for_server(&unfinished, account)?;
        self.initdb(&unfinished, settings.durable, account, binaries)?;
        fs::rename(&unfinished, self.cluster()).map_err(doing())?;
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(doing())
    }

    fn initdb(
        &self,
        target: &Path,
        durable: bool,
        account: Option<&Account>,
        binaries: &Binaries,
    ) -> Result<(), LocalPostgresError> {
        let mut command = account::command(&binaries.dir.join("initdb"), account);
        command
            .args([
                "--no-locale",
                "-E",
                "UTF8",
                "-U",
                SUPERUSER,
                "--auth-local=trust",
                "--auth-host=reject",
                "-D",
            ])
            .arg(target)
            .current_dir(target);
        if !durable {
            command.arg("--no-sync");
        }
        let output = child_process::output(command)
            .map_err(|error| cannot_run("initdb", &self.path, account, error))?;
        if output.status.success() {
            return Ok(());
        }
        let log = self.path.join("initdb.log");
        let text = [output.stdout, output.stderr].concat();
        // The error contains the last lines, so it stays useful if the log cannot be written.
        let _ = directories::open_private(&log).and_then(|mut file| file.write_all(&text));
        let lines: Vec<_> = String::from_utf8_lossy(&text)
            .lines()
            .rev()
            .take(4)
            .map(str::to_owned)
            .collect();
        Err(LocalPostgresError::Stopped {
            program: "initdb",
            status: output.status.to_string(),
            output: lines.into_iter().rev().collect::<Vec<_>>().join("; "),
            log,
        })
    }

    /// Waits until the server of a previous process has stopped, and invalidates a stale
    /// `postmaster.pid`.
    ///
    /// The file survives a crash. Its process id can then belong to a zombie or to an unrelated
    /// process, and PostgreSQL would refuse to start. Only the process id is replaced: PostgreSQL
    /// reads from the file which shared memory must be unused before it starts.
    pub(crate) fn recover_from_crash(&self, settings: &Settings) -> Result<(), LocalPostgresError> {
        let file = self.cluster().join("postmaster.pid");
        let deadline = Instant::now() + PREVIOUS_SERVER_TIMEOUT;
        loop {
            let Ok(content) = fs::read_to_string(&file) else {
                return Ok(());
            };
            let Some((first, rest)) = content.split_once('\n') else {
                return Ok(());
            };
            let Ok(pid) = first.trim().parse::<u32>() else {
                return Ok(());
            };
            if !is_server(pid, &self.cluster()) {
                return OpenOptions::new()
                    .write(true)
                    .truncate(true)
                    .custom_flags(libc::O_NOFOLLOW)
                    .open(&file)
                    .and_then(|mut file| write!(file, "{NO_SUCH_PID}\n{rest}"))
                    .map_err(LocalPostgresError::io(format!(
                        "changing {}",
                        file.display()
                    )));
            }
            if Instant::now() > deadline {
                return Err(lock::in_use(&self.path, pid, &file, settings));
            }
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if self.temporary {
            // The next temporary server sweeps what cannot be removed now.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The error of a PostgreSQL program that did not start, usually because its account cannot enter
/// the directory.
pub(crate) fn cannot_run(
    program: &str,
    dir: &Path,
    account: Option<&Account>,
    error: io::Error,
) -> LocalPostgresError {
    match (error.kind(), account) {
        (io::ErrorKind::PermissionDenied, Some(account)) => LocalPostgresError::Unreachable {
            dir: dir.to_owned(),
            user: account.name.clone(),
        },
        _ => LocalPostgresError::io(format!("starting {program}"))(error),
    }
}

/// Whether this process is a running server on this cluster.
fn is_server(pid: u32, cluster: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    if !Path::new("/proc/self").exists() {
        return true;
    }
    // PostgreSQL's working directory is its data directory. Root without all capabilities cannot
    // read the link `cwd`, but every user can read `cmdline`.
    match fs::read_link(process.join("cwd")) {
        Ok(directory) => fs::canonicalize(cluster).is_ok_and(|cluster| cluster == directory),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let command = fs::read(process.join("cmdline")).unwrap_or_default();
            let wanted = cluster.as_os_str().as_encoded_bytes();
            command.windows(wanted.len()).any(|part| part == wanted)
        }
        Err(_) => false,
    }
}
