//! Why there is no private server, in words that say what to do about it.

use std::io;
use std::path::PathBuf;

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub enum LocalPostgresError {
    /// Nothing usable is installed, cached or to be had.
    #[error(
        "no PostgreSQL to run the embedded database\n  looked at: {looked_at}\n  download:  {download}\n  fix one of: {fixes}"
    )]
    NoBinaries {
        /// Each place with what was found there.
        looked_at: String,
        /// Why the download did not help.
        download: String,
        /// What a person can do about it.
        fixes: String,
    },
    /// The binaries that were asked for do not work.
    #[error("the PostgreSQL binaries in {} are unusable: {reason}", dir.display())]
    BadBinaries {
        /// Where they are.
        dir: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
    /// The data was written by another major version than the binaries found.
    #[error("{} was created by PostgreSQL {created}, the binaries found are {found}; set {bin_label} or use another {data_label}", dir.display())]
    OtherMajor {
        /// The data directory.
        dir: PathBuf,
        /// The major version that wrote it.
        created: u32,
        /// The versions and places found.
        found: String,
        /// What sets the binaries.
        bin_label: String,
        /// What sets the data directory.
        data_label: String,
    },
    /// Another process holds the data directory.
    #[error("data directory {} is used by process {pid} (for {seconds} s); stop it, or pass another {data_label} for a second instance", dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// Who holds it.
        pid: u32,
        /// Since when.
        seconds: u64,
        /// What sets the data directory.
        data_label: String,
    },
    /// We are root, and the account that PostgreSQL must run as does not exist.
    #[error(
        "running as root, and PostgreSQL refuses root, but there is no user {wanted} to run it as"
    )]
    NoAccount {
        /// The accounts that were looked for.
        wanted: String,
    },
    /// The server's account cannot enter the data directory.
    #[error("user \"{user}\", who runs PostgreSQL because we are root, cannot enter {}; each directory above it must allow that (chmod o+x)", dir.display())]
    Unreachable {
        /// The directory.
        dir: PathBuf,
        /// The account.
        user: String,
    },
    /// A program of PostgreSQL ended when it should not have.
    #[error("{program} stopped with {status}: {said} (full log: {})", log.display())]
    Stopped {
        /// Which program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The telling lines of its log.
        said: String,
        /// Where the log is.
        log: PathBuf,
    },
    /// The server runs but does not accept connections.
    #[error("PostgreSQL was not ready after {seconds} s (full log: {})", log.display())]
    NotReady {
        /// How long we waited.
        seconds: u64,
        /// Where the log is.
        log: PathBuf,
    },
    /// The operating system refused something.
    #[error("{doing}")]
    Io {
        /// What we were doing.
        doing: String,
        /// What it said.
        source: io::Error,
    },
}

impl LocalPostgresError {
    /// Turns an operating system's refusal into ours, for `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> LocalPostgresError {
        let doing = doing.into();
        move |source| LocalPostgresError::Io { doing, source }
    }
}
