//! Dependencies: where a framework may be used, and which layer may import which.

use super::rust_files;

/// Frameworks, and the only paths that may use them.
const FRAMEWORKS: [(&str, &[&str]); 11] = [
    ("opentelemetry", &["src/traces.rs", "src/telemetry/"]),
    ("cedar_policy", &["src/authorization/"]),
    ("sqlx", &["src/store/"]),
    ("jsonwebtoken", &["src/oidc/"]),
    ("aws_sdk_", &["src/aws/"]),
    ("aws_config", &["src/aws/"]),
    ("axum::", &["src/api/", "src/app.rs", "src/app/"]),
    ("utoipa", &["src/api/", "src/app.rs", "src/app/"]),
    (
        "anyhow",
        &[
            "src/app.rs",
            "src/app/",
            "src/commands/",
            "src/main.rs",
            "src/telemetry",
        ],
    ),
    // The features that the program was built with are known in one module.
    ("(feature =", &["src/aws/"]),
    (
        "std::env",
        &["src/config.rs", "src/config/", "src/sabotage.rs"],
    ),
];

/// The layers, and the modules that each may use besides itself.
const LAYERS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("authorization", &["domain"]),
    ("store", &["domain"]),
    ("aws", &["domain"]),
    ("outgoing", &["domain"]),
    ("oidc", &["domain"]),
    ("organisation", &["domain", "authorization"]),
    ("operations", &["domain", "aws"]),
    ("inspections", &["domain", "aws"]),
    (
        "api",
        &[
            "domain",
            "store",
            "authorization",
            "oidc",
            "outgoing",
            "operations",
            "inspections",
            "traces",
        ],
    ),
    (
        "worker",
        &[
            "domain",
            "store",
            "outgoing",
            "operations",
            "inspections",
            "traces",
        ],
    ),
];

/// Parts of layers, and the modules that they must not use.
const PARTS: [(&str, &[&str]); 6] = [
    // The protocol layer of the API depends on no resource.
    (
        "src/api/http/",
        &[
            "api::clusters",
            "api::operations",
            "api::inventory",
            "api::permissions",
            "api::service",
            "domain::spec",
            "domain::change",
            "operations",
            "inspections",
        ],
    ),
    (
        "src/api/service/",
        &[
            "api::clusters",
            "api::operations",
            "api::inventory",
            "api::permissions",
        ],
    ),
    ("src/api/inventory/", &["api::clusters", "api::operations"]),
    (
        "src/domain/iam/",
        &["domain::task", "domain::verdict", "domain::spec"],
    ),
    (
        "src/domain/validation/",
        &["domain::task", "domain::verdict"],
    ),
    ("src/domain/problems/", &["domain::task", "domain::verdict"]),
];

/// The lines of a file that are code, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

/// A line without its string literals.
fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

#[test]
fn frameworks_stay_in_their_modules() {
    let mut violations = Vec::new();
    for (name, text) in rust_files("src") {
        for (word, paths) in FRAMEWORKS {
            if paths.iter().any(|path| name.starts_with(path)) {
                continue;
            }
            for (at, line) in code(&text).filter(|(_, line)| without_strings(line).contains(word)) {
                violations.push(format!(
                    "{name}:{at}: {word} is not allowed here: {}",
                    line.trim()
                ));
            }
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn imports_point_downward() {
    let mut violations = Vec::new();
    for (name, text) in rust_files("src") {
        let layer = name.trim_start_matches("src/").split(['/', '.']).next();
        let layer = LAYERS.into_iter().find(|(of, _)| Some(*of) == layer);
        for (at, line) in code(&text) {
            let in_name = |next: char| next.is_alphanumeric() || next == '_';
            for path in line.split("crate::").skip(1) {
                let end = path.find(|next| !in_name(next)).unwrap_or(path.len());
                let module = &path[..end];
                if let Some((layer, used)) = layer
                    && !used.contains(&module)
                    // Deliberate bugs, which are constants in a release build.
                    && ![layer, "sabotage"].contains(&module)
                {
                    violations.push(format!("{name}:{at}: {layer} must not depend on {module}"));
                }
                let parts = PARTS.iter().filter(|(folder, _)| name.starts_with(folder));
                for (folder, forbidden) in parts {
                    let is_below = |module: &&&str| {
                        let rest = path.strip_prefix(**module);
                        rest.is_some_and(|rest| !rest.starts_with(in_name))
                    };
                    let found = forbidden.iter().filter(is_below);
                    violations.extend(found.map(|module| {
                        format!("{name}:{at}: {folder} must not depend on {module}")
                    }));
                }
            }
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn paths_climb_one_level_at_most() {
    let climbs = |text: &str| code(text).any(|(_, line)| line.contains("super::super"));
    let violations: Vec<String> = rust_files("src")
        .into_iter()
        .filter(|(_, text)| climbs(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(violations, Vec::<String>::new(), "use crate:: paths");
}

#[test]
fn the_sandbox_and_local_postgres_do_not_know_the_product() {
    let knows = |text: &str| text.contains("dax_provisioner");
    let violations: Vec<String> = rust_files("crates")
        .into_iter()
        .filter(|(_, text)| knows(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn the_worker_knows_no_step_by_name() {
    let names = dax_provisioner::operations::known_steps();
    for (name, text) in rust_files("src/worker") {
        for step in &names {
            let literal = format!("\"{step}\"");
            assert!(
                !code(&text).any(|(_, line)| line.contains(&literal)),
                "{name} names {step}"
            );
        }
    }
}
