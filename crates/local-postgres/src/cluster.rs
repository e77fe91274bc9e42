//! The data directory: its first filling, and what a crash leaves in it.
//!
//! `lock` says which process of ours uses it, `cluster` is PostgreSQL's own directory, `server.log` its log, `socket` its socket.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf, absolute};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::binaries::Binaries;
use crate::lock::{self, Lock};
use crate::{LocalPostgresError, Settings, farewell, guardian, places};

/// The role that owns everything in the server.
pub(crate) const SUPERUSER: &str = "app";

/// How long a server whose parent has just died may take to stop.
const PREDECESSOR_PATIENCE: Duration = Duration::from_secs(20);

/// A process id that no system gives out (Linux stops at 2^22), so that PostgreSQL finds its owner dead.
const NO_SUCH_PID: &str = "1073741824";

/// A data directory that this process holds.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    temporary: bool,
    _lock: Lock,
}

impl DataDirectory {
    /// Makes the directory if it is new and locks it; the lock ends with this process, however it ends.
    pub(crate) fn open(settings: &Settings) -> Result<DataDirectory, LocalPostgresError> {
        let temporary = settings.temporary && settings.data_dir.is_none();
        let path = if temporary {
            farewell::sweep(&settings.name);
            places::fresh_dir(
                &places::temporary_parent(),
                &farewell::prefix(&settings.name),
            )?
        } else {
            let wanted = settings
                .data_dir
                .clone()
                .unwrap_or_else(|| places::default_data_dir(&settings.name));
            let path = absolute(&wanted).map_err(LocalPostgresError::io(format!(
                "finding the directory {}",
                wanted.display()
            )))?;
            places::make_own(&path)?;
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

    /// The major version that wrote the data, if there is any.
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

    /// Creates the database cluster if there is none, under another name until it is whole.
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
        let doing = || LocalPostgresError::io(format!("filling {}", self.path.display()));
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing()(error)),
            _ => {}
        }
        places::make_servers(&unfinished, account)?;
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
        let output = guardian::output(command)
            .map_err(|error| cannot_run("initdb", &self.path, account, error))?;
        if output.status.success() {
            return Ok(());
        }
        let log = self.path.join("initdb.log");
        let said = [output.stdout, output.stderr].concat();
        // The telling lines are in the error; a full log that cannot be written takes nothing from it.
        let _ = fs::write(&log, &said);
        let lines: Vec<_> = String::from_utf8_lossy(&said)
            .lines()
            .rev()
            .take(4)
            .map(str::to_owned)
            .collect();
        let said = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
        Err(LocalPostgresError::Stopped {
            program: "initdb",
            status: output.status.to_string(),
            said,
            log,
        })
    }

    /// Waits for a server that our predecessor left to stop, and makes a stale `postmaster.pid` harmless.
    ///
    /// The file survives a crash, and its process id may since belong to a zombie or to anybody: PostgreSQL would refuse to start. It is not
    /// removed, since PostgreSQL reads in it which shared memory to find unused before it goes on; only its process id is changed.
    pub(crate) fn settle_after_crash(&self, settings: &Settings) -> Result<(), LocalPostgresError> {
        let file = self.cluster().join("postmaster.pid");
        let deadline = Instant::now() + PREDECESSOR_PATIENCE;
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
            // What cannot be removed now is swept by the next temporary server.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Why a program of PostgreSQL did not even start: most often its account cannot enter the directory.
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

/// Whether a process is a server on this cluster that still runs.
fn is_server(pid: u32, cluster: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    if !Path::new("/proc/self").exists() {
        return true;
    }
    // PostgreSQL works in its data directory. A root without all of root's powers may not look there, but everybody may read the command.
    match fs::read_link(process.join("cwd")) {
        Ok(place) => fs::canonicalize(cluster).is_ok_and(|cluster| cluster == place),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let command = fs::read(process.join("cmdline")).unwrap_or_default();
            let wanted = cluster.as_os_str().as_encoded_bytes();
            command.windows(wanted.len()).any(|part| part == wanted)
        }
        Err(_) => false,
    }
}
