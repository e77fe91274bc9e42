//! The lock on a data directory. The lock file contains the process id of its holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{LocalPostgresError, Settings};

/// How long a killed holder may take to end: a supervisor restarts the process immediately.
const HOLDER_TIMEOUT: Duration = Duration::from_secs(2);

/// A lock on a data directory, released when it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock and writes this process's id to the file.
    pub(crate) fn take(directory: &Path, settings: &Settings) -> Result<Lock, LocalPostgresError> {
        let name = directory.join("lock");
        let doing = || LocalPostgresError::io(format!("locking {}", name.display()));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&name).map_err(doing())?;
        let deadline = Instant::now() + HOLDER_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(doing()(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(doing())?;
                    let pid = holder.trim().parse().unwrap_or_default();
                    return Err(in_use(directory, pid, &name, settings));
                }
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map(|()| Lock(file)).map_err(doing())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked keeps the file open until
        // it calls exec.
        let _ = self.0.unlock();
    }
}

/// The error that reports the holder and the age of `file`.
pub(crate) fn in_use(
    directory: &Path,
    pid: u32,
    file: &Path,
    settings: &Settings,
) -> LocalPostgresError {
    let written = fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .ok();
    let age = written.and_then(|written| written.elapsed().ok());
    LocalPostgresError::InUse {
        dir: directory.to_owned(),
        pid,
        seconds: age.map_or(0, |age| age.as_secs()),
        data_label: settings.labels.data_dir.clone(),
    }
}
