//! Tests of the settings: good ones as they are read, and many bad ones, each with its key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::domain::iam::policies::Access;

use super::*;

const URL: (&str, &str) = ("DATABASE_URL", "postgres://dax:CANARY@db/dax");

fn read<const N: usize>(
    line: &str,
    environment: [(&str, &str); N],
) -> Result<Invocation, InvocationError> {
    let arguments = std::iter::once("dax-provisioner")
        .chain(line.split_whitespace())
        .map(OsString::from);
    Invocation::read(arguments.collect(), &Environment::from(environment))
}

fn faults<const N: usize>(line: &str, environment: [(&str, &str); N]) -> Vec<String> {
    match read(line, environment) {
        Err(InvocationError::Configuration(bad)) => bad.faults,
        Err(InvocationError::Usage(error)) => panic!("{line}: {error}"),
        Ok(_) => panic!("{line}: nothing is wrong"),
    }
}

fn serve<const N: usize>(line: &str, environment: [(&str, &str); N]) -> Serve {
    match read(line, environment).unwrap().task {
        Task::Serve(serve) | Task::PrintConfig(serve) => *serve,
        other => panic!("{other:?}"),
    }
}

/// A file that goes with its test.
struct SecretFile(PathBuf);

impl SecretFile {
    fn new(name: &str, text: &str, mode: u32) -> Self {
        let path =
            std::env::temp_dir().join(format!("dax-provisioner-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn serve_has_sensible_defaults() {
    let serve = serve("serve", [URL]);
    assert_eq!(serve.role, Role::All);
    assert_eq!(
        serve.door,
        HttpConfig {
            listen: "127.0.0.1:8080".parse().unwrap(),
            authentication: true
        }
    );
    assert_eq!(
        (
            serve.work.loops,
            serve.work.notify,
            serve.work.sweep_every.as_secs()
        ),
        (4, true, 300)
    );
    assert!(matches!(serve.aws, AwsChoice::Real));
    assert!(matches!(&serve.database, Database::Url(url) if url.expose() == URL.1));
    assert_eq!(
        (serve.default_access, serve.permissions_boundary),
        (None, None)
    );
}

#[test]
fn the_sandbox_on_loopback_asks_for_no_token_and_brings_its_database() {
    let local = serve("serve --sandbox", []);
    assert!(!local.door.authentication);
    assert!(matches!(local.database, Database::Embedded));
    assert_eq!(local.default_access, Some(Access::ReadWrite));
    let AwsChoice::Sandbox(sandbox) = local.aws else {
        panic!("no sandbox")
    };
    assert_eq!(sandbox.settings.creating_seconds, 3.0);
    assert_eq!(
        sandbox.settings.journal,
        Some(local.embedded.data_dir.join("sandbox.journal"))
    );
    assert!(
        serve("serve --sandbox --listen 0.0.0.0:8080", [])
            .door
            .authentication
    );
    assert!(
        serve("serve --sandbox --authentication on", [])
            .door
            .authentication
    );
    assert!(
        serve("serve --aws-endpoint http://127.0.0.1:4566", [URL])
            .door
            .authentication
    );
    assert!(
        !serve("serve --authentication off --listen [::1]:80", [URL])
            .door
            .authentication
    );
}

#[test]
fn every_setting_is_a_variable_too_and_the_flag_wins() {
    let environment = [
        URL,
        ("DAX_PROVISIONER_LISTEN", "127.0.0.1:1"),
        ("DAX_PROVISIONER_WORKER_LOOPS", "7"),
        ("DAX_PROVISIONER_NO_NOTIFY", "true"),
        ("DAX_PROVISIONER_SANDBOX", "off"),
        ("DAX_PROVISIONER_QUOTA", "nodes=5,clusters=2"),
        ("DAX_PROVISIONER_ROLE", ""),
    ];
    let serve = serve("serve --listen 127.0.0.1:2", environment);
    assert_eq!(serve.door.listen.port(), 2);
    assert_eq!((serve.work.loops, serve.work.notify), (7, false));
    assert!(matches!(serve.aws, AwsChoice::Real));
    let Task::Sandbox(sandbox) = read("sandbox", environment).unwrap().task else {
        panic!("no sandbox")
    };
    assert_eq!(
        (
            sandbox.settings.quotas.nodes,
            sandbox.settings.quotas.clusters,
            sandbox.port
        ),
        (5, 2, 4566)
    );
}

#[test]
fn quickstart_is_quick_and_local() {
    let Task::Quickstart(quickstart) = read("quickstart --once --data-dir /x", [URL]).unwrap().task
    else {
        panic!("no quickstart")
    };
    assert!(quickstart.once && !quickstart.reset && !quickstart.serve.door.authentication);
    let AwsChoice::Sandbox(sandbox) = quickstart.serve.aws else {
        panic!("no sandbox")
    };
    assert_eq!(sandbox.settings.creating_seconds, 1.0);
    assert!(matches!(quickstart.serve.database, Database::Embedded));
}

#[test]
fn keys_of_a_separate_sandbox_come_from_the_environment() {
    let endpoint = |environment: [(&str, &str); 3]| match serve(
        "serve --aws-endpoint http://localhost:4566/",
        environment,
    )
    .aws
    {
        AwsChoice::Endpoint(endpoint) => endpoint,
        other => panic!("{other:?}"),
    };
    let given = endpoint([
        URL,
        ("AWS_ACCESS_KEY_ID", "K"),
        ("AWS_SECRET_ACCESS_KEY", "S"),
    ]);
    assert_eq!(
        (
            given.url.as_str(),
            given.access_key_id.as_str(),
            given.secret_access_key.expose()
        ),
        ("http://localhost:4566", "K", "S")
    );
    let usual = endpoint([URL, ("", ""), ("", "")]);
    assert_eq!(
        (
            usual.access_key_id.as_str(),
            usual.secret_access_key.expose()
        ),
        ("sandbox", "sandbox")
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table is read in one piece")]
fn bad_settings_are_told_by_key_and_without_their_value() {
    let boundary = "--permissions-boundary";
    let table: Vec<(&str, &str, &str)> = vec![
        ("--listen CANARY", "", "--listen: "),
        ("--listen localhost:80", "", "--listen: "),
        ("--listen 127.0.0.1", "", "--listen: "),
        ("--listen 127.0.0.1:65536", "", "--listen: "),
        (
            "",
            "DAX_PROVISIONER_LISTEN=CANARY",
            "DAX_PROVISIONER_LISTEN: ",
        ),
        ("--role CANARY", "", "--role: "),
        ("--role API", "", "--role: "),
        ("", "DAX_PROVISIONER_ROLE=CANARY", "DAX_PROVISIONER_ROLE: "),
        ("--authentication CANARY", "", "--authentication: "),
        (
            "--authentication off --listen 0.0.0.0:80",
            "",
            "--authentication: ",
        ),
        (
            "--authentication off --listen [::]:80",
            "",
            "--authentication: ",
        ),
        (
            "--authentication off --listen 192.0.2.1:80 --sandbox",
            "",
            "--authentication: ",
        ),
        (
            "--listen 0.0.0.0:80",
            "DAX_PROVISIONER_AUTHENTICATION=off",
            "DAX_PROVISIONER_AUTHENTICATION: ",
        ),
        ("--worker-loops 0", "", "--worker-loops: "),
        ("--worker-loops 65", "", "--worker-loops: "),
        ("--worker-loops=-1", "", "--worker-loops: "),
        ("--worker-loops 1.5", "", "--worker-loops: "),
        (
            "",
            "DAX_PROVISIONER_WORKER_LOOPS=CANARY",
            "DAX_PROVISIONER_WORKER_LOOPS: ",
        ),
        ("--sweep-seconds 0", "", "--sweep-seconds: "),
        ("--sweep-seconds 86401", "", "--sweep-seconds: "),
        ("--poll-seconds 0", "", "--poll-seconds: "),
        ("--poll-seconds NaN", "", "--poll-seconds: "),
        (
            "",
            "DAX_PROVISIONER_NO_NOTIFY=CANARY",
            "DAX_PROVISIONER_NO_NOTIFY: ",
        ),
        (
            "",
            "DAX_PROVISIONER_SANDBOX=perhaps",
            "DAX_PROVISIONER_SANDBOX: ",
        ),
        (
            "--aws-endpoint https://127.0.0.1:4566",
            "",
            "--aws-endpoint: ",
        ),
        ("--aws-endpoint http://example.com", "", "--aws-endpoint: "),
        ("--aws-endpoint http://0.0.0.0:4566", "", "--aws-endpoint: "),
        (
            "--aws-endpoint http://127.0.0.1.example.com",
            "",
            "--aws-endpoint: ",
        ),
        (
            "--aws-endpoint http://user:CANARY@127.0.0.1",
            "",
            "--aws-endpoint: ",
        ),
        (
            "--aws-endpoint http://127.0.0.1:4566/path",
            "",
            "--aws-endpoint: ",
        ),
        ("--aws-endpoint CANARY", "", "--aws-endpoint: "),
        (
            "--aws-endpoint http://127.0.0.1:1 --sandbox",
            "",
            "--aws-endpoint: ",
        ),
        (
            "--aws-endpoint http://127.0.0.1:1",
            "AWS_ACCESS_KEY_ID=CANARY",
            "AWS_SECRET_ACCESS_KEY: ",
        ),
        (
            "--aws-endpoint http://127.0.0.1:1",
            "AWS_SECRET_ACCESS_KEY=CANARY",
            "AWS_ACCESS_KEY_ID: ",
        ),
        (
            "",
            "AWS_ENDPOINT_URL=http://127.0.0.1:4566",
            "AWS_ENDPOINT_URL: ",
        ),
        (
            "",
            "AWS_ENDPOINT_URL_DAX=http://127.0.0.1:4566",
            "AWS_ENDPOINT_URL_DAX: ",
        ),
        (
            "",
            "AWS_ENDPOINT_URL_IAM=http://CANARY",
            "AWS_ENDPOINT_URL_IAM: ",
        ),
        ("--default-access write", "", "--default-access: "),
        (
            "",
            "DAX_PROVISIONER_DEFAULT_ACCESS=CANARY",
            "DAX_PROVISIONER_DEFAULT_ACCESS: ",
        ),
        (boundary, "CANARY", "--permissions-boundary: "),
        (
            boundary,
            "arn:aws:iam::123456789012:role/x",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam::12345678901:policy/x",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam::123456789012:policy/",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam::123456789012:policy/a*",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam:us-east-1:123456789012:policy/x",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:other:iam::123456789012:policy/x",
            "--permissions-boundary: ",
        ),
        (
            "--sandbox --creating-seconds=-1",
            "",
            "--creating-seconds: ",
        ),
        (
            "--sandbox --creating-seconds NaN",
            "",
            "--creating-seconds: ",
        ),
        (
            "--sandbox --deleting-seconds 86401",
            "",
            "--deleting-seconds: ",
        ),
        (
            "--sandbox --modifying-seconds CANARY",
            "",
            "--modifying-seconds: ",
        ),
        (
            "--sandbox --rebooting-seconds inf",
            "",
            "--rebooting-seconds: ",
        ),
        (
            "--sandbox",
            "DAX_PROVISIONER_PROPAGATION_SECONDS=CANARY",
            "DAX_PROVISIONER_PROPAGATION_SECONDS: ",
        ),
        ("--sandbox --quota nodes", "", "--quota: "),
        ("--sandbox --quota nodes=-1", "", "--quota: "),
        (
            "--sandbox --quota CANARY=1",
            "",
            "--quota: must be one of nodes, ",
        ),
        ("--sandbox --sandbox-port 65536", "", "--sandbox-port: "),
        (
            "--database-max-connections 3",
            "",
            "--database-max-connections: ",
        ),
        (
            "--database-max-connections 1001",
            "",
            "--database-max-connections: ",
        ),
        ("--log =CANARY=", "", "--log: "),
        ("--log-format xml", "", "--log-format: "),
        (
            "",
            "DAX_PROVISIONER_LISTENN=CANARY",
            "DAX_PROVISIONER_LISTENN: there is no such setting",
        ),
        (
            "",
            "DAX_PROVISIONER_ONCE=1",
            "DAX_PROVISIONER_ONCE: there is no such setting",
        ),
        (
            "",
            "DATABASE_URL_FILE=/nowhere/CANARY",
            "DATABASE_URL_FILE: ",
        ),
    ];
    assert!(table.len() >= 60, "{}", table.len());
    for (line, variable, key) in table {
        let (line, variable) = match line {
            line if line == boundary => (format!("serve {boundary} {variable}"), ("", "")),
            line => (
                format!("serve {line}"),
                variable.split_once('=').unwrap_or_default(),
            ),
        };
        let found = faults(&line, [URL, variable]);
        assert_eq!(found.len(), 1, "{line} {variable:?}: {found:?}");
        assert!(found[0].starts_with(key), "{line} {variable:?}: {found:?}");
        assert!(!found[0].contains("CANARY"), "{found:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(
        "serve --listen x --role y --worker-loops z --log-format w",
        [
            ("AWS_ENDPOINT_URL", "http://x"),
            ("DAX_PROVISIONER_NONSENSE", "1"),
        ],
    );
    let keys: Vec<&str> = found
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(
        keys,
        [
            "DAX_PROVISIONER_NONSENSE",
            "--log-format",
            "--listen",
            "--role",
            "--worker-loops",
            "AWS_ENDPOINT_URL",
            "DATABASE_URL"
        ]
    );
}

#[test]
fn a_database_is_needed_where_none_comes_with_the_command() {
    for line in [
        "serve",
        "serve --aws-endpoint http://127.0.0.1:4566",
        "migrate",
        "token list",
    ] {
        let found = faults(line, []);
        assert!(
            found.len() == 1 && found[0].starts_with("DATABASE_URL: is not set"),
            "{line}: {found:?}"
        );
        let found = faults(line, [("DATABASE_URL", "mysql://SECRET")]);
        assert!(
            found.len() == 1 && found[0].starts_with("DATABASE_URL: must be"),
            "{line}: {found:?}"
        );
    }
    assert!(matches!(
        serve("serve --allow-embedded-db", []).database,
        Database::Embedded
    ));
    assert!(read("doctor", []).is_ok());
    assert!(read("openapi", []).is_ok());
}

#[test]
fn a_secret_may_be_a_file_that_others_cannot_read() {
    let private = SecretFile::new("private", "postgres://from-file\n", 0o600);
    let serve = serve("serve", [("DATABASE_URL_FILE", private.path())]);
    assert!(matches!(serve.database, Database::Url(url) if url.expose() == "postgres://from-file"));
    let both = faults("serve", [URL, ("DATABASE_URL_FILE", private.path())]);
    assert_eq!(
        both,
        ["DATABASE_URL_FILE: DATABASE_URL is set too; set one of them"]
    );
    let open = SecretFile::new("open", "postgres://SECRET", 0o644);
    assert!(
        faults("serve", [("DATABASE_URL_FILE", open.path())])[0]
            .contains("everybody on this machine can read")
    );
    let empty = SecretFile::new("empty", "\n", 0o600);
    assert_eq!(
        faults("serve", [("DATABASE_URL_FILE", empty.path())]),
        ["DATABASE_URL_FILE: the file is empty"]
    );
}

#[test]
fn quickstart_stays_on_loopback_and_policy_checks_its_arguments() {
    assert!(faults("quickstart --listen 0.0.0.0:0", [])[0].starts_with("--listen: "));
    let found = faults(
        "policy --account-id 1 --region * --partition x --service-role-arn y",
        [],
    );
    let keys: Vec<&str> = found
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(
        keys,
        [
            "--account-id",
            "--region",
            "--partition",
            "--service-role-arn"
        ]
    );
}

#[test]
fn printed_settings_hold_no_secret() {
    let line = "serve --print-config --aws-endpoint http://127.0.0.1:4566";
    let environment = [
        URL,
        ("AWS_ACCESS_KEY_ID", "K"),
        ("AWS_SECRET_ACCESS_KEY", "CANARY"),
    ];
    let logging = read(line, environment).unwrap().logging;
    let text = printed(&serve(line, environment), &logging);
    assert!(!text.contains("CANARY"), "{text}");
    assert!(
        text.contains("database = postgres://***@db/dax\n"),
        "{text}"
    );
    let debugged = format!("{:?}", serve(line, environment));
    assert!(!debugged.contains("CANARY"), "{debugged}");
}

#[test]
fn wrong_usage_is_clap_s_business() {
    for line in [
        "",
        "nonsense",
        "serve --nonsense",
        "token",
        "serve extra",
        "policy --account-id",
    ] {
        let Err(InvocationError::Usage(error)) = read(line, []) else {
            panic!("{line}")
        };
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    let Err(InvocationError::Usage(help)) = read("serve --help", []) else {
        panic!("no help")
    };
    assert_eq!(help.exit_code(), 0);
    assert!(
        help.to_string().contains("[env: DAX_PROVISIONER_LISTEN]"),
        "{help}"
    );
}

#[test]
fn the_command_line_is_sound() {
    variables::command().debug_assert();
}
