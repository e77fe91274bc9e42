//! Node.js packages for tests, installed once into the build folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

static INSTALLATION: Mutex<()> = Mutex::new(());

/// Copies a folder of `tests/clients/` and installs its packages. Returns the copy, or `None`, with a
/// message, on a machine without npm or without its registry.
pub fn installed(name: &str) -> Option<PathBuf> {
    if Command::new("npm").arg("--version").output().is_err() {
        println!("not checked: npm is not installed");
        return None;
    }
    let _one_at_a_time = INSTALLATION.lock().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("node-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    let read = |folder: &Path| std::fs::read(folder.join("package-lock.json")).unwrap_or_default();
    let is_installed = read(&folder) == read(&source) && folder.join("node_modules").exists();
    for file in std::fs::read_dir(&source).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    if is_installed {
        return Some(folder);
    }
    let options = "ci --silent --no-audit --no-fund --ignore-scripts";
    let installation = Command::new("npm")
        .args(options.split(' '))
        .current_dir(&folder)
        .status()
        .unwrap();
    if !installation.success() {
        std::fs::remove_file(folder.join("package-lock.json")).unwrap();
        println!("not checked: npm could not install the packages of {name}");
        return None;
    }
    Some(folder)
}
