//! The errors, each with what to do about it.

use std::io;
use std::path::PathBuf;

/// Why the private server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LocalPostgresError {
    /// No usable binaries are installed, cached or available for download.
    #[error(
        "no PostgreSQL found to run the private database\n  searched:   {searched}\n  download:   {download}\n  fix one of: {fixes}"
    )]
    NoBinaries {
        /// Each searched location with the result.
        searched: String,
        /// Why the download failed or was not tried.
        download: String,
        /// The possible fixes.
        fixes: String,
    },
    /// The binaries in `Settings::bin_dir` do not work.
    #[error("the PostgreSQL binaries in {} are unusable: {reason}", dir.display())]
    BadBinaries {
        /// Their directory.
        dir: PathBuf,
        /// Why they cannot be used.
        reason: String,
    },
    /// The data was created by another major version than the binaries found.
    #[error("{} was created by PostgreSQL {created}, the binaries found are {found}; set {bin_label} or use another {data_label}", dir.display())]
    OtherMajor {
        /// The data directory.
        dir: PathBuf,
        /// The major version that created it.
        created: u32,
        /// The versions found, each with its directory.
        found: String,
        /// The setting of the binaries, from `Labels`.
        bin_label: String,
        /// The setting of the data directory, from `Labels`.
        data_label: String,
    },
    /// Another process has locked the data directory.
    #[error("data directory {} is used by process {pid} (for {seconds} s); stop it, or pass another {data_label} for a second instance", dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The process that has locked it.
        pid: u32,
        /// The age of the lock.
        seconds: u64,
        /// The setting of the data directory, from `Labels`.
        data_label: String,
    },
    /// This process is root, and the account that must run PostgreSQL does not exist.
    #[error("PostgreSQL cannot run as root, and there is no user {wanted}; create one")]
    NoAccount {
        /// The accounts that were searched for.
        wanted: String,
    },
    /// The server's account cannot enter the data directory.
    #[error("user \"{user}\", which runs PostgreSQL instead of root, cannot enter {}; run chmod o+x on each directory above it", dir.display())]
    Unreachable {
        /// The directory.
        dir: PathBuf,
        /// The account.
        user: String,
    },
    /// A PostgreSQL program failed.
    #[error("{program} failed with {status}: {output} (full log: {})", log.display())]
    Stopped {
        /// `initdb` or `PostgreSQL`.
        program: &'static str,
        /// The exit status.
        status: String,
        /// The relevant lines of its log.
        output: String,
        /// The path of its log.
        log: PathBuf,
    },
    /// The server runs but does not accept connections.
    #[error("PostgreSQL was not ready after {seconds} s (full log: {})", log.display())]
    NotReady {
        /// The timeout.
        seconds: u64,
        /// The path of its log.
        log: PathBuf,
    },
    /// A call to the operating system failed.
    #[error("{doing}")]
    Io {
        /// What the call was for.
        doing: String,
        /// The operating system's error.
        source: io::Error,
    },
}

impl LocalPostgresError {
    /// Wraps an error of the operating system, for `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> LocalPostgresError {
        let doing = doing.into();
        move |source| LocalPostgresError::Io { doing, source }
    }
}
