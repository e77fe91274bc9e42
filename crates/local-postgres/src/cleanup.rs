//! Cleans up temporary servers that are never dropped: those in a `static`, and those of killed
//! processes.
//!
//! A test binary keeps its server in a `static`, which Rust never drops. An exit handler stops such
//! servers and removes their directories. The next temporary server of the same name sweeps the
//! directories of killed processes.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use crate::account::effective_uid;
use crate::directories;

/// A newer directory may belong to a process that has not locked it yet.
const SWEEP_AGE: Duration = Duration::from_secs(60);

static REGISTERED: Mutex<Vec<(u32, PathBuf)>> = Mutex::new(Vec::new());
static EXIT_HANDLER: Once = Once::new();

/// Prefix of the names of temporary directories.
pub(crate) fn prefix(name: &str) -> String {
    format!("{name}-temporary-")
}

/// Stops this server and removes its directory when the process exits.
pub(crate) fn register(pid: u32, directory: &Path) {
    EXIT_HANDLER.call_once(|| {
        // SAFETY: the function is 'static and takes no argument. It does not unwind: it locks
        // without panicking and ignores every error.
        unsafe { libc::atexit(at_exit) };
    });
    REGISTERED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((pid, directory.to_owned()));
}

/// Reverts [`register`]: the owner stops the server itself.
pub(crate) fn unregister(pid: u32) {
    REGISTERED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|(registered, _)| *registered != pid);
}

extern "C" fn at_exit() {
    for (pid, directory) in
        std::mem::take(&mut *REGISTERED.lock().unwrap_or_else(PoisonError::into_inner))
    {
        let mut status = 0;
        // SAFETY: kill takes two integers. The server is a child of this process and was not waited
        // for, so its id is not reused. waitpid writes the status to a live local variable.
        unsafe {
            libc::kill(pid.cast_signed(), libc::SIGQUIT);
            libc::waitpid(pid.cast_signed(), &raw mut status, 0);
        }
        let _ = fs::remove_dir_all(directory);
    }
}

/// Removes the temporary directories of this name whose process has ended.
pub(crate) fn sweep(name: &str) {
    let prefix = prefix(name);
    let parents = [true, false].map(directories::temporary_parent);
    for entry in parents.iter().flat_map(fs::read_dir).flatten().flatten() {
        let path = entry.path();
        let is_temporary = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix));
        if is_temporary && is_abandoned(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_abandoned(directory: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(directory) else {
        return false;
    };
    let is_old = metadata
        .modified()
        .ok()
        .and_then(|modified| modified.elapsed().ok())
        .is_some_and(|age| age > SWEEP_AGE);
    let is_own = metadata.is_dir() && metadata.uid() == effective_uid();
    is_old && is_own && File::open(directory.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok())
}
