//! Temporary servers that nobody drops: those in a `static`, and those of processes that were killed.
//!
//! A test binary keeps its server in a `static`, which Rust never drops. At the exit of the process we stop such servers and remove their
//! directories; what a killed process leaves, the next temporary server of the same name sweeps.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use crate::account::effective_uid;
use crate::places;

/// A directory younger than this may belong to a process that has not locked it yet.
const SWEEP_AGE: Duration = Duration::from_secs(60);

static REMEMBERED: Mutex<Vec<(u32, PathBuf)>> = Mutex::new(Vec::new());
static REGISTERED: Once = Once::new();

/// How the names of temporary directories begin.
pub(crate) fn prefix(name: &str) -> String {
    format!("{name}-temporary-")
}

/// Sees to it that this server ends and its directory goes when the process exits.
pub(crate) fn remember(pid: u32, directory: &Path) {
    REGISTERED.call_once(|| {
        // SAFETY: the function is 'static, takes nothing and does not unwind: it locks without panicking and ignores every error.
        unsafe { libc::atexit(at_exit) };
    });
    REMEMBERED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((pid, directory.to_owned()));
}

/// Takes back [`remember`], since the owner sees to it.
pub(crate) fn forget(pid: u32) {
    REMEMBERED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|(remembered, _)| *remembered != pid);
}

extern "C" fn at_exit() {
    for (pid, directory) in
        std::mem::take(&mut *REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner))
    {
        let mut status = 0;
        // SAFETY: kill takes two integers. The server is our child and, being remembered, was not waited for, so its id is not reused;
        // waitpid writes the status into a live integer of ours.
        unsafe {
            libc::kill(pid.cast_signed(), libc::SIGQUIT);
            libc::waitpid(pid.cast_signed(), &raw mut status, 0);
        }
        let _ = fs::remove_dir_all(directory);
    }
}

/// Removes the temporary directories of this name whose process is gone.
pub(crate) fn sweep(name: &str) {
    let prefix = prefix(name);
    for entry in fs::read_dir(places::temporary_parent())
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        let named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix));
        if named && is_abandoned(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_abandoned(directory: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(directory) else {
        return false;
    };
    let old = found
        .modified()
        .ok()
        .and_then(|made| made.elapsed().ok())
        .is_some_and(|age| age > SWEEP_AGE);
    let ours = found.is_dir() && found.uid() == effective_uid();
    old && ours && File::open(directory.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok())
}
