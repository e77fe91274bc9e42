//! Python packages for tests, installed once into the build folder. The tests of the sandbox use this file too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

static INSTALLATION: Mutex<()> = Mutex::new(());

/// Installs the packages of a list in `tests/python/`. Returns the folder that contains them.
pub(crate) fn packages(list: &str) -> PathBuf {
    let _one_at_a_time = INSTALLATION.lock().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{list}"));
    let requirements = script(&format!("{list}.txt"));
    let required = std::fs::read_to_string(&requirements).unwrap();
    let installed = folder.join("installed.txt");
    if std::fs::read_to_string(&installed).ok().as_ref() != Some(&required) {
        // pyenv's hook on `-m pip` fails if a killed process left its lock; it does not know `-mpip`.
        let options = "-mpip install --quiet --disable-pip-version-check --upgrade --target";
        let status = Command::new("python3")
            .args(options.split(' '))
            .arg(&folder)
            .arg("-r")
            .arg(&requirements)
            .status()
            .unwrap();
        assert!(status.success(), "pip could not install {list}");
        std::fs::write(&installed, &required).unwrap();
    }
    folder
}

/// A file in `tests/python/`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}
