//! Which directories are used, and who may enter them.

use std::env;
use std::ffi::{CString, OsStr};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use crate::LocalPostgresError;
use crate::account::{Account, effective_uid, is_root};

/// A socket's whole path may have 107 bytes; its name takes 19 of them and its lock file five more.
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

/// The directory for servers that do not last; root's must be one that an unprivileged server can reach.
pub(crate) fn temporary_parent() -> PathBuf {
    if is_root() {
        PathBuf::from("/tmp")
    } else {
        env::temp_dir()
    }
}

/// A new directory of ours in `parent`, under a name that starts with `prefix`.
pub(crate) fn fresh_dir(parent: &Path, prefix: &str) -> Result<PathBuf, LocalPostgresError> {
    loop {
        let path = parent.join(format!(
            "{prefix}{:016x}",
            RandomState::new().hash_one(prefix)
        ));
        match DirBuilder::new().mode(own_mode()).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                return made
                    .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(own_mode())))
                    .map(|()| path)
                    .map_err(LocalPostgresError::io(format!(
                        "making a directory in {}",
                        parent.display()
                    )));
            }
        }
    }
}

/// Makes a directory of ours and what is missing above it, whatever the umask says, or accepts one that is there.
pub(crate) fn make_own(path: &Path) -> Result<(), LocalPostgresError> {
    let doing = || LocalPostgresError::io(format!("making the directory {}", path.display()));
    if let Ok(found) = fs::symlink_metadata(path) {
        return if is_planted(path, &found) {
            Err(doing()(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it lies in a shared directory and belongs to somebody else",
            )))
        } else {
            Ok(())
        };
    }
    if let Some(parent) = path.parent() {
        make_own(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(own_mode())))
            .map_err(doing()),
    }
}

/// Makes a directory that only the server's account may enter.
pub(crate) fn make_servers(
    path: &Path,
    account: Option<&Account>,
) -> Result<(), LocalPostgresError> {
    let made = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    };
    made.and_then(|()| {
        account.map_or(Ok(()), |account| {
            lchown(path, Some(account.uid), Some(account.gid))
        })
    })
    .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
    .map_err(LocalPostgresError::io(format!(
        "making the directory {}",
        path.display()
    )))
}

/// The directory of the server's socket; one that was made because the usual path is too long goes with it.
#[derive(Debug)]
pub(crate) struct SocketDir {
    pub(crate) path: PathBuf,
    made_apart: bool,
}

impl SocketDir {
    /// `socket` in the data directory, or a short private directory when that path does not fit.
    pub(crate) fn make(
        data_dir: &Path,
        name: &str,
        account: Option<&Account>,
    ) -> Result<SocketDir, LocalPostgresError> {
        let usual = data_dir.join("socket");
        let made_apart = usual.as_os_str().len() > LONGEST_SOCKET_DIR
            || usual
                .as_os_str()
                .as_bytes()
                .iter()
                .any(|byte| b",\"".contains(byte));
        let path = if made_apart {
            fresh_dir(Path::new("/tmp"), &format!("{name:.32}-"))?
        } else {
            usual
        };
        make_servers(&path, account)?;
        for leftover in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            // The data directory's lock is ours, so whoever made these is gone; PostgreSQL would mistake a reused process id for it.
            let _ = fs::remove_file(path.join(leftover));
        }
        Ok(SocketDir { path, made_apart })
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if self.made_apart {
            // A directory that cannot be removed is empty, private and in /tmp: nothing to tell anybody.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Everything but unreserved characters as `%XX`; also `+`, which sqlx would read as a space.
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

/// Root's directories let the server's account through, but not look; a plain user's let nobody in.
fn own_mode() -> u32 {
    if is_root() { 0o711 } else { 0o700 }
}

/// Whether somebody else may have put this here for us to trust.
fn is_planted(path: &Path, found: &fs::Metadata) -> bool {
    let shared = path
        .parent()
        .and_then(|parent| fs::metadata(parent).ok())
        .is_some_and(|parent| parent.mode() & 0o002 != 0);
    shared && (found.uid() != effective_uid() && found.uid() != 0 || found.is_symlink())
}

/// Whether we can make this directory, or write in it if it is there.
fn is_writable(path: &Path) -> bool {
    let Some(existing) = path.ancestors().find(|ancestor| ancestor.exists()) else {
        return false;
    };
    let Ok(existing) = CString::new(existing.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: access reads the string up to its terminating zero, which CString guarantees, and keeps nothing of it.
    unsafe { libc::access(existing.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_a_url_would_misread() {
        assert_eq!(
            percent_encode(OsStr::new("/a b+c&d/é")),
            "%2Fa%20b%2Bc%26d%2F%C3%A9"
        );
    }
}
