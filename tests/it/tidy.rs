//! The house rules that a test can check: who may import whom, how long a file may be, how it opens.

use std::path::{Path, PathBuf};

/// Rules of absence: a word, and the only places where it may stand.
const ABSENCES: [(&str, &[&str]); 7] = [
    ("sqlx", &["src/store/"]),
    ("aws_sdk_", &["src/aws/"]),
    ("aws_config", &["src/aws/"]),
    ("axum::", &["src/api/", "src/app.rs", "src/app/"]),
    ("utoipa", &["src/api/", "src/app.rs", "src/app/"]),
    // How the program was built is known in one room.
    ("(feature =", &["src/aws/"]),
    ("std::env", &["src/config.rs", "src/config/"]),
];

/// The floors: a room, and the rooms it may not see.
const FLOORS: [(&str, &[&str]); 7] = [
    (
        "src/domain/",
        &[
            "store",
            "aws",
            "operations",
            "inspections",
            "api",
            "worker",
            "app",
            "commands",
            "config",
        ],
    ),
    (
        "src/store/",
        &[
            "aws",
            "operations",
            "inspections",
            "api",
            "worker",
            "app",
            "commands",
            "config",
        ],
    ),
    (
        "src/aws/",
        &[
            "store",
            "operations",
            "inspections",
            "api",
            "worker",
            "app",
            "commands",
            "config",
        ],
    ),
    (
        "src/operations/",
        &[
            "store",
            "inspections",
            "api",
            "worker",
            "app",
            "commands",
            "config",
        ],
    ),
    (
        "src/inspections/",
        &[
            "store",
            "operations",
            "api",
            "worker",
            "app",
            "commands",
            "config",
        ],
    ),
    ("src/api/", &["aws", "worker", "app", "commands", "config"]),
    ("src/worker/", &["aws", "api", "app", "commands", "config"]),
];

const LINES: usize = 300;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} holds no Rust file");
    found
}

/// The lines of a file that are code: comments speak of what they like.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

/// A line without what stands between quotation marks.
fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

#[test]
fn every_file_opens_with_its_purpose_and_is_short() {
    let mut faults = Vec::new();
    for (name, text) in ["src", "tests", "crates"].into_iter().flat_map(rust_files) {
        if !text.starts_with("//! ") && !name.contains("/examples/") {
            faults.push(format!("{name} does not open with a //! line"));
        }
        let lines = text.lines().count();
        if lines > LINES {
            faults.push(format!("{name} has {lines} lines"));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn frameworks_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for (name, text) in rust_files("src") {
        for (word, rooms) in ABSENCES {
            if rooms.iter().any(|room| name.starts_with(room)) {
                continue;
            }
            for (at, line) in code(&text).filter(|(_, line)| without_strings(line).contains(word)) {
                faults.push(format!(
                    "{name}:{at}: {word} does not belong here: {}",
                    line.trim()
                ));
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn imports_point_downward() {
    let mut faults = Vec::new();
    for (name, text) in rust_files("src") {
        for (floor, forbidden) in FLOORS
            .into_iter()
            .filter(|(floor, _)| name.starts_with(floor))
        {
            for room in forbidden {
                let word = format!("crate::{room}");
                for (at, _) in code(&text).filter(|(_, line)| {
                    line.match_indices(&word).any(|(start, _)| {
                        !line[start + word.len()..]
                            .starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    })
                }) {
                    faults.push(format!("{name}:{at}: {floor} may not see {room}"));
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_sandbox_and_local_postgres_know_nothing_of_the_product() {
    let mut faults = Vec::new();
    for (name, text) in rust_files("crates") {
        if text.contains("dax_provisioner") {
            faults.push(name);
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_worker_knows_no_step_by_name() {
    let names = dax_provisioner::operations::known_steps();
    for (name, text) in rust_files("src/worker") {
        for step in &names {
            assert!(
                !code(&text).any(|(_, line)| line.contains(&format!("\"{step}\""))),
                "{name} names {step}"
            );
        }
    }
}
