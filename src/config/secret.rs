//! Secrets: text that must not appear in the log or in an error.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Size limit of a secret file, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// A secret. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text so that it is not printed by accident.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text. Every use is a place where the secret can leak.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret from a file, without the trailing newline. The error is the violated rule.
    pub(super) fn from_file(path: &Path) -> Result<Self, String> {
        let unreadable = |error: io::Error| format!("the file cannot be read ({})", error.kind());
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() || metadata.len() > FILE_MAX {
            return Err("must be the path of a file of at most 64 KiB".to_owned());
        }
        if metadata.permissions().mode() & 0o004 != 0 {
            return Err("the file is world-readable; run chmod o-r on it".to_owned());
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            Err("the file is empty".to_owned())
        } else {
            Ok(Self::new(text))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
