//! The files of the directory, read together, so that what is validated is what is hashed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::faults::Faults;

/// The file with the tables.
pub(super) const ORGANISATION: &str = "organisation.toml";
/// The files that are read. Others are ignored: a checkout has a README as well.
const NAMES: [&str; 1] = [ORGANISATION];
/// Most bytes of one file.
const BYTES_MAX: u64 = 1024 * 1024;

/// The content of the files, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<&'static str, Vec<u8>>);

impl Files {
    /// Reads every file of the directory that exists.
    pub(super) fn read(directory: &Path) -> Result<Self, Faults> {
        let (mut files, mut faults) = (BTreeMap::new(), Faults::default());
        for name in NAMES {
            match read(&directory.join(name)) {
                Ok(content) if content.len() as u64 > BYTES_MAX => {
                    faults.add(name, "", format!("is larger than {BYTES_MAX} bytes"));
                }
                Ok(content) => {
                    files.insert(name, content);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => faults.add(name, "", format!("cannot be read: {error}")),
            }
        }
        faults.or(Self(files))
    }

    /// SHA-256 over names and contents, in hexadecimal.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (name, content) in &self.0 {
            for part in [name.as_bytes(), content] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The text of a file that must exist.
    pub(super) fn text(&self, name: &'static str, faults: &mut Faults) -> Option<&str> {
        let Some(content) = self.0.get(name) else {
            faults.add(
                name,
                "",
                "does not exist; create it in the directory of --organisation",
            );
            return None;
        };
        let text = std::str::from_utf8(content);
        text.map_err(|_| faults.add(name, "", "must be UTF-8")).ok()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}
