//! The files of the directory, read together, so that what is validated is what is hashed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::faults::Faults;

/// The file with the tables.
pub(super) const ORGANISATION: &str = "organisation.toml";
/// The directory with the policies, `*.cedar`.
const POLICIES: &str = "policies";
/// The tests of the policies.
pub(super) const POLICY_TESTS: &str = "policies/tests.json";
/// The price list.
pub(super) const PRICES: &str = "prices.json";
/// The files that are read besides the policies. Others are ignored: a checkout has a README as well.
const NAMES: [&str; 3] = [ORGANISATION, POLICY_TESTS, PRICES];
/// Most bytes of one file. AWS's price list of DAX for all Regions is smaller.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most files of policies.
const POLICY_FILES_MAX: usize = 200;

/// The content of the files, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Reads every file of the directory that exists.
    pub(super) fn read(directory: &Path) -> Result<Self, Faults> {
        let (mut files, mut faults) = (BTreeMap::new(), Faults::default());
        let policies = policy_files(directory, &mut faults);
        for name in NAMES.map(str::to_owned).into_iter().chain(policies) {
            match read(&directory.join(&name)) {
                Ok(content) if content.len() as u64 > BYTES_MAX => {
                    faults.add(&name, "", format!("is larger than {BYTES_MAX} bytes"));
                }
                Ok(content) => {
                    files.insert(name, content);
                }
                // A file of policies was listed a moment ago: the directory is being changed.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && NAMES.contains(&&*name) => {}
                Err(error) => faults.add(&name, "", format!("cannot be read: {error}")),
            }
        }
        faults.or(Self(files))
    }

    /// Whether there are files of policies.
    pub(super) fn has_policies(&self) -> bool {
        self.0.keys().any(|name| name.ends_with(".cedar"))
    }

    /// The policies: each file with its text.
    pub(super) fn policies(&self, faults: &mut Faults) -> Vec<(&str, &str)> {
        let policies = self.0.iter().filter(|(name, _)| name.ends_with(".cedar"));
        let mut texts = Vec::new();
        for (name, content) in policies {
            match std::str::from_utf8(content) {
                Ok(text) => texts.push((name.as_str(), text)),
                Err(_) => faults.add(name, "", "must be UTF-8"),
            }
        }
        texts
    }

    /// The content of a file, if it exists.
    pub(super) fn content(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
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
    pub(super) fn text(&self, name: &str, faults: &mut Faults) -> Option<&str> {
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

/// The names of the files of policies.
fn policy_files(directory: &Path, faults: &mut Faults) -> Vec<String> {
    let entries = match directory.join(POLICIES).read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            faults.add(POLICIES, "", format!("cannot be read: {error}"));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map(|entry| entry.file_name().into_string());
        match name {
            Ok(Ok(name)) if name.starts_with("..") || name == "tests.json" => {}
            Ok(Ok(name)) if name.ends_with(".cedar") && !name.starts_with('.') => {
                names.push(format!("{POLICIES}/{name}"));
            }
            // A policy that is not read would be one that does not forbid.
            Ok(Ok(name)) if is_mistaken(directory, &name) => {
                let rule = "is not read; policies are files *.cedar of this directory itself";
                faults.add(&format!("{POLICIES}/{name}"), "", rule);
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) => faults.add(POLICIES, "", "has a file whose name is not UTF-8"),
            Err(error) => faults.add(POLICIES, "", format!("cannot be read: {error}")),
        }
    }
    if names.len() > POLICY_FILES_MAX {
        let rule = format!("has more than {POLICY_FILES_MAX} files of policies");
        faults.add(POLICIES, "", rule);
        names.clear();
    }
    names.sort();
    names
}

/// Whether an entry is meant as policies, and is not read as such.
fn is_mistaken(directory: &Path, name: &str) -> bool {
    let is_directory = directory.join(POLICIES).join(name).is_dir();
    is_directory || name.to_ascii_lowercase().ends_with(".cedar")
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}
