//! Errors of the sandbox itself, as opposed to simulated AWS errors.

use std::io;
use std::path::{Path, PathBuf};

use crate::settings::Quotas;

/// An error of the sandbox itself, as opposed to a simulated AWS error.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The journal cannot be read or written.
    #[error("cannot use the sandbox's journal {}", path.display())]
    Journal {
        /// Path of the journal file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A complete line of the journal is malformed.
    #[error(
        "line {number} of the sandbox's journal {} is malformed; repair or delete the journal",
        path.display()
    )]
    JournalLine {
        /// Path of the journal file.
        path: PathBuf,
        /// Line number, starting at 1.
        number: usize,
        /// The JSON error of the line.
        source: serde_json::Error,
    },
    /// Another process has the journal open.
    #[error(
        "the sandbox's journal {} is in use by another process; stop it or use another journal",
        .0.display()
    )]
    JournalInUse(PathBuf),
    /// The journal belongs to another account or Region than the settings.
    #[error(
        "the sandbox's journal belongs to account {journal}, not {settings}; \
         delete the journal or change the settings"
    )]
    OtherAccount {
        /// Account and Region in the journal.
        journal: String,
        /// Account and Region in the settings.
        settings: String,
    },
    /// An identity has a policy document that IAM would reject.
    #[error("a policy of the identity is malformed: {0}")]
    MalformedPolicy(String),
    /// A subnet cannot be created or updated; the text names the invalid field.
    #[error("{0}")]
    InvalidSubnet(String),
    /// A security group cannot be created or renamed; the text names the invalid field.
    #[error("{0}")]
    InvalidSecurityGroup(String),
    /// No quota has this name.
    #[error("unknown quota {0:?}; use one of {names}", names = Quotas::NAMES.join(", "))]
    UnknownQuota(String),
}

impl SandboxError {
    pub(crate) fn journal(path: &Path, source: io::Error) -> SandboxError {
        SandboxError::Journal {
            path: path.to_owned(),
            source,
        }
    }
}
