//! The append-only journal: a change is written to the file before its response is sent.
//!
//! Each line is JSON: the changes of one call and its record. At start the state is rebuilt from
//! the file, and a compacted file replaces it by rename. An incomplete last line belongs to a call
//! without a response and is dropped.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::call_log::{CallLog, CallRecord};
use crate::sandbox_error::SandboxError;
use crate::state::{Change, State};

/// How many calls with an effect a restart keeps.
const CALLS_KEPT: usize = 10_000;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    call: Option<CallRecord>,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct LineOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a CallRecord>,
    #[serde(skip_serializing_if = "<[Change]>::is_empty")]
    changes: &'a [Change],
}

/// An open journal, locked against a second process.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    _lock: File,
}

impl Journal {
    /// Opens the journal at `location` and replays it into `state` and `calls`, which stay empty if
    /// the journal is new.
    pub(crate) fn open(
        location: &Path,
        state: &mut State,
        calls: &mut CallLog,
    ) -> Result<Journal, SandboxError> {
        let path = file_of(location).map_err(|source| SandboxError::journal(location, source))?;
        let failed = |source: io::Error| SandboxError::journal(&path, source);
        let lock = create(&path.with_extension("lock")).map_err(failed)?;
        lock.try_lock()
            .map_err(|_| SandboxError::JournalInUse(path.clone()))?;
        replay(&path, state, calls)?;
        write_compacted(&path, state, calls).map_err(failed)?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .map_err(failed)?;
        Ok(Journal {
            path,
            file,
            _lock: lock,
        })
    }

    /// Appends the changes of one call. After a failed write a partial line is truncated.
    pub(crate) fn append(
        &mut self,
        call: Option<&CallRecord>,
        changes: &[Change],
    ) -> io::Result<()> {
        let mut line = serde_json::to_vec(&LineOut { call, changes })?;
        line.push(b'\n');
        let length = self.file.metadata()?.len();
        self.file.write_all(&line).inspect_err(|_| {
            // If this fails as well, the next start drops or reports the line.
            let _ = self.file.set_len(length);
        })
    }

    /// Replaces the content of the journal by these changes.
    pub(crate) fn restart(&mut self, changes: &[Change]) -> io::Result<()> {
        let next = self.path.with_extension("new");
        let mut line = serde_json::to_vec(&LineOut {
            call: None,
            changes,
        })?;
        line.push(b'\n');
        create(&next)?.write_all(&line)?;
        fs::rename(&next, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

/// The journal's file. A directory, or a path without extension, contains `aws-sandbox.journal`.
fn file_of(location: &Path) -> io::Result<PathBuf> {
    let path = match location.is_dir() || (location.extension().is_none() && !location.is_file()) {
        true => location.join("aws-sandbox.journal"),
        false => location.to_owned(),
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    Ok(path)
}

/// Creates or truncates a file that only this account can read: the journal contains the secrets of
/// identities. A file of an earlier version gets the same mode.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn replay(path: &Path, state: &mut State, calls: &mut CallLog) -> Result<(), SandboxError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SandboxError::journal(path, error)),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|source| SandboxError::journal(path, source))?;
        if read == 0 || !line.ends_with(b"\n") {
            break;
        }
        let read: Line =
            serde_json::from_slice(&line).map_err(|source| SandboxError::JournalLine {
                path: path.to_owned(),
                number,
                source,
            })?;
        read.changes
            .into_iter()
            .for_each(|change| state.apply(change));
        if let Some(call) = read.call {
            calls.push(call);
        }
    }
    Ok(())
}

fn write_compacted(path: &Path, state: &State, calls: &CallLog) -> io::Result<()> {
    let next = path.with_extension("new");
    let mut file = BufWriter::new(create(&next)?);
    let mut write_line = |line: LineOut<'_>| -> io::Result<()> {
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")
    };
    if !state.id.is_empty() {
        for change in state.snapshot() {
            write_line(LineOut {
                call: None,
                changes: &[change],
            })?;
        }
    }
    for call in calls.newest_effects(CALLS_KEPT) {
        write_line(LineOut {
            call: Some(call),
            changes: &[],
        })?;
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(&next, path)
}
