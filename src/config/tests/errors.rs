//! Errors of the settings. Each names its key and does not contain the value.

use crate::config::Database;

use super::{URL, errors, keys, read, serve};

#[test]
#[expect(clippy::too_many_lines, reason = "a single table")]
fn an_error_names_the_key_without_the_value() {
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
        (
            "--connections-per-address CANARY",
            "",
            "--connections-per-address: ",
        ),
        ("--metrics-listen CANARY", "", "--metrics-listen: "),
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
            boundary,
            "arn:aws:iam::123456789012:policy/dax-provisioner/dax-boundary",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam::123456789012:policy/DAX-Provisioner/deeper/x",
            "--permissions-boundary: ",
        ),
        (
            boundary,
            "arn:aws:iam::123456789012:policy//x",
            "--permissions-boundary: ",
        ),
        (boundary, "None", "--permissions-boundary: "),
        ("--ingress-sources 10.0.0.1/8", "", "--ingress-sources: "),
        (
            "",
            "DAX_PROVISIONER_INGRESS_SOURCES=10.0.0.0/8,CANARY",
            "DAX_PROVISIONER_INGRESS_SOURCES: ",
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
            "DAX_PROVISIONER_LISTENN: unknown setting",
        ),
        (
            "",
            "DAX_PROVISIONER_ONCE=1",
            "DAX_PROVISIONER_ONCE: unknown setting",
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
        let errors = errors(&line, [URL, variable]);
        assert_eq!(errors.len(), 1, "{line} {variable:?}: {errors:?}");
        assert!(
            errors[0].starts_with(key),
            "{line} {variable:?}: {errors:?}"
        );
        assert!(!errors[0].contains("CANARY"), "{errors:?}");
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let errors = errors(
        "serve --listen x --role y --worker-loops z --log-format w",
        [
            ("AWS_ENDPOINT_URL", "http://x"),
            ("DAX_PROVISIONER_NONSENSE", "1"),
        ],
    );
    assert_eq!(
        keys(&errors),
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
fn a_database_is_required_without_a_sandbox() {
    for line in [
        "serve",
        "serve --aws-endpoint http://127.0.0.1:4566",
        "migrate",
        "token list",
    ] {
        let unset = errors(line, []);
        assert!(
            unset.len() == 1 && unset[0].starts_with("DATABASE_URL: is not set"),
            "{line}: {unset:?}"
        );
        let invalid = errors(line, [("DATABASE_URL", "mysql://SECRET")]);
        assert!(
            invalid.len() == 1 && invalid[0].starts_with("DATABASE_URL: must be"),
            "{line}: {invalid:?}"
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
fn quickstart_rejects_other_interfaces_and_policy_validates_its_arguments() {
    assert!(errors("quickstart --listen 0.0.0.0:0", [])[0].starts_with("--listen: "));
    let errors = errors(
        "policy --account-id 1 --region * --partition x --service-role-arn y",
        [],
    );
    assert_eq!(
        keys(&errors),
        [
            "--account-id",
            "--region",
            "--partition",
            "--service-role-arn"
        ]
    );
}

#[test]
fn regions_are_validated() {
    for region in [
        "us-east-1",
        "us-gov-west-1",
        "eusc-de-east-1",
        "us-isob-east-1",
    ] {
        let line = format!("policy --permissions-boundary none --region {region}");
        assert!(read(&line, []).is_ok(), "{region}");
    }
    for partition in ["aws", "aws-eusc", "aws-iso-b"] {
        let line = format!("policy --permissions-boundary none --partition {partition}");
        assert!(read(&line, []).is_ok(), "{partition}");
    }
    for region in [
        "mars",
        "xx-east-1",
        "us-east",
        "us-east-10",
        "US-EAST-1",
        "us--1",
        "*",
    ] {
        let errors = errors(&format!("policy --region {region}"), []);
        assert!(errors[0].starts_with("--region: "), "{region}: {errors:?}");
    }
}

#[test]
fn a_collector_is_a_url_without_a_secret() {
    let line = |url: &str| format!("serve --sandbox --otlp-endpoint {url}");
    assert!(read(&line("https://collector.example:4318/otlp"), []).is_ok());
    for url in [
        "collector:4318",
        "ftp://collector",
        "http://user:SECRET@collector",
        "http://collector/?key=SECRET",
    ] {
        let errors = errors(&line(url), []);
        assert!(errors[0].starts_with("--otlp-endpoint: must be"), "{url}");
        assert!(!errors[0].contains("SECRET"), "{errors:?}");
    }
}
