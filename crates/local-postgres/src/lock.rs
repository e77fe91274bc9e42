//! The lock on a data directory, and who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{LocalPostgresError, Settings};

/// How long a holder that was just killed may take to be gone; a supervisor starts its successor at once.
const HOLDER_PATIENCE: Duration = Duration::from_secs(2);

/// Holds a data directory until it is dropped or this process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock and leaves our process id for those who come second.
    pub(crate) fn take(directory: &Path, settings: &Settings) -> Result<Lock, LocalPostgresError> {
        let name = directory.join("lock");
        let doing = || LocalPostgresError::io(format!("locking {}", name.display()));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&name).map_err(doing())?;
        let deadline = Instant::now() + HOLDER_PATIENCE;
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
        // Closing is not enough: a child that another thread has forked and that has not yet become its program holds the file too.
        let _ = self.0.unlock();
    }
}

/// The refusal that names a holder and says since when, which is when it wrote `file`.
pub(crate) fn in_use(
    directory: &Path,
    pid: u32,
    file: &Path,
    settings: &Settings,
) -> LocalPostgresError {
    let written = fs::metadata(file).and_then(|found| found.modified()).ok();
    let age = written.and_then(|written| written.elapsed().ok());
    LocalPostgresError::InUse {
        dir: directory.to_owned(),
        pid,
        seconds: age.map_or(0, |age| age.as_secs()),
        data_label: settings.labels.data_dir.clone(),
    }
}
