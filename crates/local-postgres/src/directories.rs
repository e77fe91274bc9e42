//! Default directories, their creation and their permissions.

use std::env;
use std::ffi::{CString, OsStr};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use crate::LocalPostgresError;
use crate::account::{Account, effective_uid, is_root};

/// A socket's path is limited to 107 bytes; its name takes 19 of them and its lock file five more.
const LONGEST_SOCKET_DIR: usize = 83;

/// See [`crate::default_data_dir`].
pub(crate) fn default_data_dir(name: &str) -> PathBuf {
    let shared = Path::new("/var/tmp");
    let (candidates, last) = if is_root() {
        (vec![Path::new("/var/lib").join(name)], shared.join(name))
    } else {
        let absolute = |variable| {
            env::var_os(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let homes = [
            absolute("XDG_DATA_HOME"),
            absolute("HOME").map(|home| home.join(".local/share")),
        ];
        (
            homes
                .into_iter()
                .flatten()
                .map(|home| home.join(name))
                .collect(),
            shared.join(format!("{name}-{}", effective_uid())),
        )
    };
    candidates
        .into_iter()
        .find(|path| is_writable(path))
        .unwrap_or(last)
}

/// A file system in memory. The files of a database are created there many times faster than on a
/// disk.
const MEMORY: &str = "/dev/shm";
/// Free bytes that a file system in memory must have. Containers often have 64 MiB.
const MEMORY_NEEDED: u64 = 4 << 30;

/// The parent of temporary directories. For root, an unprivileged server must be able to reach it.
pub(crate) fn temporary_parent(durable: bool) -> PathBuf {
    let memory = Path::new(MEMORY);
    if !durable
        && free_bytes(memory).is_some_and(|free| free >= MEMORY_NEEDED)
        && is_writable(memory)
    {
        memory.to_owned()
    } else if is_root() {
        PathBuf::from("/tmp")
    } else {
        env::temp_dir()
    }
}

/// The bytes of a file system that this account can still write.
fn free_bytes(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut answer = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the answer is read only if the call filled it.
    let answer = unsafe {
        if libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) != 0 {
            return None;
        }
        answer.assume_init()
    };
    Some(answer.f_bavail.saturating_mul(answer.f_frsize))
}

/// Creates a directory in `parent` with a random name that starts with `prefix`.
pub(crate) fn fresh_dir(parent: &Path, prefix: &str) -> Result<PathBuf, LocalPostgresError> {
    loop {
        let path = parent.join(format!(
            "{prefix}{:016x}",
            RandomState::new().hash_one(prefix)
        ));
        match DirBuilder::new().mode(own_mode()).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => {
                return created
                    .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(own_mode())))
                    .map(|()| path)
                    .map_err(LocalPostgresError::io(format!(
                        "creating a directory in {}",
                        parent.display()
                    )));
            }
        }
    }
}

/// Creates a directory and its missing parents with a fixed mode, independent of the umask, or
/// accepts an existing one.
pub(crate) fn create_own(path: &Path) -> Result<(), LocalPostgresError> {
    let doing = || LocalPostgresError::io(format!("creating the directory {}", path.display()));
    if let Ok(metadata) = fs::symlink_metadata(path) {
        return if is_planted(path, &metadata) {
            Err(doing()(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is in a shared directory and belongs to another user",
            )))
        } else {
            Ok(())
        };
    }
    if let Some(parent) = path.parent() {
        create_own(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(own_mode())))
            .map_err(doing()),
    }
}

/// Opens a file for appending that only this account can read: a log contains statements. A file of
/// an earlier version gets the same mode.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Creates a directory that only the server's account can enter.
pub(crate) fn create_for_server(
    path: &Path,
    account: Option<&Account>,
) -> Result<(), LocalPostgresError> {
    let created = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    };
    created
        .and_then(|()| {
            account.map_or(Ok(()), |account| {
                lchown(path, Some(account.uid), Some(account.gid))
            })
        })
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(LocalPostgresError::io(format!(
            "creating the directory {}",
            path.display()
        )))
}

/// The directory of the server's socket. A separate directory is removed on drop.
#[derive(Debug)]
pub(crate) struct SocketDir {
    pub(crate) path: PathBuf,
    /// Not in the data directory, because that path cannot be used for a socket.
    is_separate: bool,
}

impl SocketDir {
    /// Creates `socket` in the data directory, or a short private directory if that path is too
    /// long or contains a comma or a quotation mark.
    pub(crate) fn create(
        data_dir: &Path,
        name: &str,
        account: Option<&Account>,
    ) -> Result<SocketDir, LocalPostgresError> {
        let usual = data_dir.join("socket");
        let is_separate = usual.as_os_str().len() > LONGEST_SOCKET_DIR
            || usual
                .as_os_str()
                .as_bytes()
                .iter()
                .any(|byte| b",\"".contains(byte));
        let path = if is_separate {
            fresh_dir(Path::new("/tmp"), &format!("{name:.32}-"))?
        } else {
            usual
        };
        create_for_server(&path, account)?;
        for leftover in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            // This process holds the lock of the data directory, so these files are stale.
            // PostgreSQL would take a reused process id in them for a running server.
            let _ = fs::remove_file(path.join(leftover));
        }
        Ok(SocketDir { path, is_separate })
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if self.is_separate {
            // A directory that remains in /tmp is empty and private, so a failure is harmless.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Encodes everything except unreserved characters as `%XX`, including `+`, which sqlx would read
/// as a space.
pub(crate) fn percent_encode(text: &OsStr) -> String {
    let mut encoded = String::new();
    for byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Root's directories can be traversed by the server's account but not listed; a plain user's are
/// private.
fn own_mode() -> u32 {
    if is_root() { 0o711 } else { 0o700 }
}

/// Whether another user may have created this in a shared directory.
fn is_planted(path: &Path, metadata: &fs::Metadata) -> bool {
    let shared = path
        .parent()
        .and_then(|parent| fs::metadata(parent).ok())
        .is_some_and(|parent| parent.mode() & 0o002 != 0);
    shared && (metadata.uid() != effective_uid() && metadata.uid() != 0 || metadata.is_symlink())
}

/// Whether this process can create this directory, or write to it if it exists.
fn is_writable(path: &Path) -> bool {
    let Some(existing) = path.ancestors().find(|ancestor| ancestor.exists()) else {
        return false;
    };
    let Ok(existing) = CString::new(existing.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: access reads the string up to its terminating zero, which CString guarantees, and
    // does not keep the pointer.
    unsafe { libc::access(existing.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_characters_that_are_special_in_a_url() {
        assert_eq!(
            percent_encode(OsStr::new("/a b+c&d/é")),
            "%2Fa%20b%2Bc%26d%2F%C3%A9"
        );
    }
}
