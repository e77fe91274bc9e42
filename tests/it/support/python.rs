//! Python packages for tests, installed once into the build folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// One installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The folder that holds the packages of a list in `tests/python/`.
pub fn packages(list: &str) -> PathBuf {
    let _alone = INSTALLING.lock().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{list}"));
    let requirements = script(&format!("{list}.txt"));
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let mark = folder.join("installed.txt");
    if std::fs::read_to_string(&mark).ok().as_ref() != Some(&wanted) {
        let status = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--upgrade",
                "--target",
            ])
            .arg(&folder)
            .arg("-r")
            .arg(&requirements)
            .status()
            .unwrap();
        assert!(status.success(), "pip could not install {list}");
        std::fs::write(&mark, &wanted).unwrap();
    }
    folder
}

/// A file in `tests/python/`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(name)
}
