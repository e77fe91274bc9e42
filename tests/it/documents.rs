//! The commands of README and of pages in `docs/`, run as written against a fresh sandbox, with their output compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;

use crate::engine::processes::{BINARY, RunningProcess, free_address, start_database};
use crate::support::node;
use crate::support::python::packages;

/// Addresses of the documents; the test replaces them by free ports.
const API: &str = "127.0.0.1:8080";
const SANDBOX: &str = "127.0.0.1:4566";
const RECEIVER: &str = "127.0.0.1:8000";
/// The database of documents that name one.
const DATABASE: &str = "postgres://dax_app@127.0.0.1:5432/dax";

/// Parts of an output that differ on each run, each as a pattern.
const VARIABLE: &str = concat!(
    r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    r"|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)",
    r"|cache-(?P<suffix>[a-z2-7]{10})",
    r"|cache\.(?P<endpoint>[a-z0-9]{6})\.",
);

/// A command with the output that the document shows.
#[derive(Debug, Default)]
struct Example {
    command: String,
    output: String,
}

/// The examples of the ```console blocks of a document.
fn examples(document: &str) -> Vec<Example> {
    let mut examples = Vec::<Example>::new();
    let mut in_block = false;
    let mut in_command = false;
    for line in document.lines() {
        if line.starts_with("```") {
            in_block = line == "```console";
            in_command = false;
        } else if in_block && let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example {
                command: command.to_owned(),
                output: String::new(),
            });
            in_command = !is_complete(command);
        } else if in_block && let Some(example) = examples.last_mut() {
            let text = if in_command {
                &mut example.command
            } else {
                &mut example.output
            };
            text.push('\n');
            text.push_str(line);
            in_command = in_command && !is_complete(&example.command);
        }
    }
    examples
}

/// The programs of a document. The line before each begins with the name of its file.
fn programs(document: &str) -> Vec<(String, String)> {
    let program = r"(?m)^`(\w+\.(?:py|mts))` .*\n\n```(?:python|typescript)\n((?s:.*?))^```$";
    let program = Regex::new(program).unwrap();
    program
        .captures_iter(document)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

/// Whether a shell would run this, rather than wait for the end of a quotation or a continued line.
fn is_complete(command: &str) -> bool {
    command.matches('\'').count().is_multiple_of(2) && !command.ends_with('\\')
}

/// A pattern for an output of a document: `…` stands for any text, and white space does not count.
///
/// IDs that an earlier output bound must be the same again.
fn pattern(output: &str, bound: &BTreeMap<String, String>) -> (Regex, Vec<String>) {
    let variable = Regex::new(VARIABLE).unwrap();
    let mut ids = Vec::new();
    let parts: Vec<String> = output
        .split('…')
        .map(|part| {
            let part: String = part.chars().filter(|c| !c.is_whitespace()).collect();
            let (mut text, mut end) = (String::new(), 0);
            for found in variable.captures_iter(&part) {
                let all = found.get(0).unwrap();
                text.push_str(&regex::escape(&part[end..all.start()]));
                end = all.end();
                if let Some(id) = found.name("id") {
                    match bound.get(id.as_str()) {
                        Some(actual) => text.push_str(actual),
                        None => {
                            ids.push(id.as_str().to_owned());
                            text.push_str("([0-9a-f-]{36})");
                        }
                    }
                } else if found.name("time").is_some() {
                    text.push_str(r"\d{4}-\d\d-\d\dT[\d:.]+Z");
                } else if found.name("suffix").is_some() {
                    text.push_str("cache-[a-z2-7]{10}");
                } else {
                    text.push_str(r"cache\.[a-z0-9]{6}\.");
                }
            }
            text.push_str(&regex::escape(&part[end..]));
            text
        })
        .collect();
    (
        Regex::new(&format!("(?s)^{}$", parts.join(".*?"))).unwrap(),
        ids,
    )
}

#[test]
fn outputs_are_compared_by_their_fixed_parts() {
    let mut bound = BTreeMap::new();
    let shown = r#"{"id":"01a209df-2335-7656-8009-4a31d8333d68",…,"n":3}"#;
    let (regex, ids) = pattern(shown, &bound);
    let actual = r#"{"id":"01a209df-0000-7656-8009-4a31d8333d68","x":[1],"n":3}"#;
    assert_eq!(
        &regex.captures(actual).unwrap()[1],
        "01a209df-0000-7656-8009-4a31d8333d68"
    );
    assert!(!regex.is_match(&actual.replace('3', "4")));
    bound.insert(
        ids[0].clone(),
        "01a209df-0000-7656-8009-4a31d8333d68".to_owned(),
    );
    assert!(pattern(shown, &bound).0.is_match(actual));
    assert!(
        !pattern(shown, &bound)
            .0
            .is_match(&actual.replace("0000", "0001"))
    );
}

/// What a document's commands share: the addresses, the exported variables, the server.
struct Session {
    api: String,
    sandbox: String,
    receiver: String,
    /// The folder of the files that the commands write.
    folder: tempfile::TempDir,
    data: tempfile::TempDir,
    exports: String,
    /// A database of its own; without it, that of the service is private.
    database: Option<String>,
    server: Option<RunningProcess>,
}

impl Session {
    fn new() -> Self {
        Self {
            api: free_address().to_string(),
            sandbox: free_address().to_string(),
            receiver: free_address().to_string(),
            folder: tempfile::tempdir().unwrap(),
            data: tempfile::tempdir().unwrap(),
            exports: String::new(),
            database: None,
            server: None,
        }
    }

    /// Starts the service by the arguments of a `cargo run` command.
    fn serve(&mut self, arguments: &str) {
        let sandbox_port = self.sandbox.rsplit(':').next().unwrap();
        let arguments = arguments.replace("4566", sandbox_port);
        let mut server = Command::new(BINARY);
        if let Some(url) = &self.database {
            server.env("DATABASE_URL", url);
        } else {
            server.env_remove("DATABASE_URL");
        }
        let server = server
            .args(arguments.split_whitespace())
            .args(["--listen", &self.api, "--data-dir"])
            .arg(self.data.path())
            .current_dir(self.folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_ENDPOINT_URL")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.server = Some(RunningProcess(server));
        let ready = format!(
            "curl -sf --retry 120 --retry-delay 1 --retry-all-errors http://{}/readyz",
            self.api
        );
        self.run(&ready);
    }

    fn run(&mut self, command: &str) -> String {
        if let Some(arguments) = command.strip_prefix("cargo run -- ") {
            self.serve(arguments);
            return String::new();
        }
        let url = self.database.as_deref().unwrap_or(DATABASE);
        let command = &command.replace(DATABASE, &format!("'{url}'"));
        if command.starts_with("export ") {
            self.exports.push_str(command);
            self.exports.push('\n');
            return String::new();
        }
        let command = command
            .replace("cargo run -q --", BINARY)
            .replace(API, &self.api)
            .replace(SANDBOX, &self.sandbox)
            .replace(RECEIVER, &self.receiver);
        let lists = ["aws_cli", "webhooks", "requirements"];
        let paths = lists.map(|list| packages(list).to_str().unwrap().to_owned());
        let tools = paths.clone().map(|path| format!("{path}/bin")).join(":");
        let output = Command::new("bash")
            .args([
                "-euc",
                &format!("PATH=$TOOLS:$PATH\n{}{command}", self.exports),
            ])
            .current_dir(self.folder.path())
            .env("TOOLS", tools)
            .env("PYTHONPATH", paths.join(":"))
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Whether a command needs packages of npm.
fn is_of_node(command: &str) -> bool {
    command.starts_with("npx ") || command.starts_with("node ")
}

/// Runs every example of a document in order, and reports each output that differs from the document's.
/// Those of Node.js are left out on a machine without npm.
fn run_document(path: &str) {
    run_document_on(path, None);
}

/// The same on a migrated database.
fn run_document_on(path: &str, database: Option<String>) {
    let document =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (mut session, mut bound, mut differences) = (
        Session::new(),
        BTreeMap::<String, String>::new(),
        Vec::new(),
    );
    session.database = database;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    std::os::unix::fs::symlink(docs, session.folder.path().join("docs")).unwrap();
    if !document.contains("$ cargo run -- serve") {
        session.serve("serve --sandbox --sandbox-port 4566");
    }
    for (name, code) in programs(&document) {
        let port = session.receiver.rsplit(':').next().unwrap();
        let code = code.replace("8000", port);
        std::fs::write(session.folder.path().join(name), code).unwrap();
    }
    let mut examples = examples(&document);
    if examples.iter().any(|example| is_of_node(&example.command)) {
        match node::installed("typescript") {
            Some(folder) => {
                let packages = session.folder.path().join("node_modules");
                std::os::unix::fs::symlink(folder.join("node_modules"), packages).unwrap();
            }
            None => examples.retain(|example| !is_of_node(&example.command)),
        }
    }
    assert!(
        examples.len() > 3,
        "{path} has only {} examples",
        examples.len()
    );
    for example in examples {
        let mut command = example.command.clone();
        for (shown, actual) in &bound {
            command = command.replace(shown, actual);
        }
        let output = session.run(&command);
        let compact: String = output.chars().filter(|c| !c.is_whitespace()).collect();
        let (regex, ids) = pattern(&example.output, &bound);
        match regex.captures(&compact) {
            Some(found) => {
                for (shown, actual) in ids.into_iter().zip(found.iter().skip(1).flatten()) {
                    bound.insert(shown, actual.as_str().to_owned());
                }
            }
            None => differences.push(format!(
                "$ {}\nthe document shows:\n{}\nthe output is:\n{output}",
                example.command, example.output
            )),
        }
    }
    assert!(
        differences.is_empty(),
        "{path}:\n{}",
        differences.join("\n\n")
    );
}

#[test]
fn the_commands_of_the_readme_do_what_it_shows() {
    run_document("README.md");
}

#[test]
fn the_commands_of_the_usage_page_do_what_it_shows() {
    run_document("docs/usage.md");
}

#[test]
fn the_commands_of_the_webhooks_page_do_what_it_shows() {
    run_document("docs/webhooks.md");
}

#[test]
fn the_commands_of_the_organisation_page_do_what_it_shows() {
    run_document("docs/organisation.md");
}

/// Runs a document on a migrated database.
async fn run_on_database(path: &'static str, database: &str) {
    let (postgres, url) = start_database(database).await;
    let ran = tokio::task::spawn_blocking(|| run_document_on(path, Some(url))).await;
    drop(postgres);
    ran.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_audit_page_do_what_it_shows() {
    run_on_database("docs/audit.md", "dax-provisioner-audit-page").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_approvals_page_do_what_it_shows() {
    run_on_database("docs/approvals.md", "dax-provisioner-approvals-page").await;
}

#[test]
fn the_commands_of_the_portals_page_do_what_it_shows() {
    run_document("docs/portals.md");
}
