//! An endpoint in the AWS profile, which would send signed requests elsewhere, is rejected.

use std::path::Path;
use std::process::{Command, Output};

use crate::engine::processes::BINARY;
use crate::support::test_env::TestEnv;

/// Runs a command with this file as the only AWS configuration, against real AWS.
fn run(arguments: &[&str], profile: Option<&str>, file: &Path) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear();
    command.env("AWS_CONFIG_FILE", file);
    command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("DATABASE_URL", "postgres://user@127.0.0.1:1/database");
    if let Some(profile) = profile {
        command.env("AWS_PROFILE", profile);
    }
    command.output().unwrap()
}

/// Profiles that redirect calls, and the name of the one to select. `ENDPOINT` is the sandbox's.
const REDIRECTED: [(&str, Option<&str>); 6] = [
    ("[default]\nKEYS\nendpoint_url = ENDPOINT\n", None),
    (
        "[profile portal]\nKEYS\nendpoint_url = ENDPOINT\n",
        Some("portal"),
    ),
    (
        "[default]\nKEYS\nservices = local\n[services local]\nsts =\n  endpoint_url = ENDPOINT\n",
        None,
    ),
    (
        "[default]\nKEYS\nservices = local\n[services local]\niam =\n  endpoint_url = ENDPOINT\n",
        None,
    ),
    (
        "[default]\nKEYS\nendpoint_url = https://evil.example\n",
        None,
    ),
    // The SDK ignores it for the service's calls, and uses it to assume the role.
    (
        "[default]\nKEYS\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n\
         ignore_configured_endpoint_urls = true\nendpoint_url = ENDPOINT\n",
        None,
    ),
];

const KEYS: &str =
    "aws_access_key_id = sandbox\naws_secret_access_key = sandbox\nregion = us-east-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_in_the_profile_is_rejected() {
    let env = TestEnv::new().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    for (text, profile) in REDIRECTED {
        let text = text
            .replace("KEYS", KEYS)
            .replace("ENDPOINT", &env.endpoint);
        std::fs::write(&file, &text).unwrap();
        for arguments in [
            &["policy", "--permissions-boundary", BOUNDARY][..],
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--permissions-boundary",
                BOUNDARY,
            ],
        ] {
            let output = run(arguments, profile, &file);
            assert_eq!(
                output.status.code(),
                Some(78),
                "{arguments:?} {text}: {output:?}"
            );
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(
                errors.contains("`endpoint_url` in the AWS profile"),
                "{errors}"
            );
        }
        let doctor = run(
            &["doctor", "--permissions-boundary", BOUNDARY],
            profile,
            &file,
        );
        let report = String::from_utf8(doctor.stdout).unwrap();
        assert_eq!(doctor.status.code(), Some(1), "{report}");
        assert!(
            report.contains("fail         AWS identity: `endpoint_url` in the AWS profile"),
            "{report}"
        );
    }
}

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";

#[tokio::test]
async fn an_endpoint_in_a_profile_that_is_not_selected_is_no_concern() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let text = "[default]\nregion = us-east-1\n\
                [profile local]\nendpoint_url = http://127.0.0.1:4566\nservices = local\n\
                [services local]\ndax =\n  endpoint_url = http://127.0.0.1:4566\n";
    std::fs::write(&file, text).unwrap();
    let output = run(&["doctor", "--permissions-boundary", BOUNDARY], None, &file);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("fail         AWS identity"), "{report}");
    assert!(!report.contains("endpoint_url"), "{report}");
}
