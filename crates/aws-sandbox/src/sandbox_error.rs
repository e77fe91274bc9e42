//! What can go wrong with a sandbox itself.

use std::io;
use std::path::{Path, PathBuf};

use crate::settings::Quotas;

/// What can go wrong outside of AWS's own errors.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The journal cannot be read or written.
    #[error("using the sandbox's journal {}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line of the journal, other than a torn last one, does not read.
    #[error("reading line {number} of the sandbox's journal {}", path.display())]
    JournalLine {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another process has the journal open.
    #[error("the sandbox's journal {} is in use by another process", .0.display())]
    JournalInUse(PathBuf),
    /// The journal belongs to another account or Region than the settings ask for.
    #[error(
        "the sandbox's journal is of account {found}, not of {wanted}; reset it or change the settings"
    )]
    OtherAccount {
        /// Account and Region in the journal.
        found: String,
        /// Account and Region in the settings.
        wanted: String,
    },
    /// An identity came with a document that IAM would refuse.
    #[error("a policy of the identity is malformed: {0}")]
    MalformedPolicy(String),
    /// A subnet cannot be what it is asked to be.
    #[error("{0}")]
    InvalidSubnet(String),
    /// A security group cannot be what it is asked to be.
    #[error("{0}")]
    InvalidSecurityGroup(String),
    /// No quota has that name.
    #[error("no quota is called {0:?}; known are {names}", names = Quotas::NAMES.join(", "))]
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
