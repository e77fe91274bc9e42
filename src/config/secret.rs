//! Secrets: text that neither the log nor a fault may show.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest secret file; more is a wrong file.
const FILE_MAX: u64 = 64 * 1024;

/// A secret. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one who needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret from a file, without the line end. The error is the rule that the file breaks.
    pub(super) fn from_file(path: &Path) -> Result<Self, String> {
        let unreadable = |error: io::Error| format!("the file cannot be read ({})", error.kind());
        let about = fs::metadata(path).map_err(unreadable)?;
        if !about.is_file() || about.len() > FILE_MAX {
            return Err("must name a file of at most 64 KiB".to_owned());
        }
        if about.permissions().mode() & 0o004 != 0 {
            return Err("everybody on this machine can read the file; chmod o-r it".to_owned());
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
