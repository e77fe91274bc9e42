//! Credentials that do not work are reported with the reason and the remedy.

use std::process::Command;

use aws_sandbox::{FaultKind, FaultRule};

use crate::engine::processes::BINARY;
use crate::support::identity::SERVICE;
use crate::support::test_env::TestEnv;

/// A profile, and what the report of `doctor` must contain.
const PROFILES: [(&str, &[&str]); 3] = [
    (
        "[profile p]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
         [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://d-1.awsapps.com/start\n",
        &["token", "aws sso login --profile NAME"],
    ),
    (
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = missing\n",
        &["missing"],
    ),
    (
        "[profile p]\ncredential_process = /nonexistent/tool\n",
        &["no AWS credentials"],
    ),
];

#[test]
fn doctor_says_why_there_are_no_credentials() {
    for (profile, expected) in PROFILES {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::write(&config, profile).unwrap();
        let output = Command::new(BINARY)
            .args(["doctor", "--permissions-boundary", "none"])
            .env_clear()
            .env("HOME", home.path())
            .env("AWS_CONFIG_FILE", &config)
            .env(
                "AWS_SHARED_CREDENTIALS_FILE",
                home.path().join("credentials"),
            )
            .env("AWS_PROFILE", "p")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        for text in expected {
            assert!(report.contains(text), "{profile}: {text}: {report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_names_session_credentials_that_only_iam_rejects() {
    let env = TestEnv::new().await;
    let rejected = FaultKind::Error("InvalidClientTokenId".to_owned());
    env.sandbox
        .add_fault(FaultRule::new("iam:*", rejected).count(100));
    let mut doctor = Command::new(BINARY);
    doctor
        .args(["doctor", "--permissions-boundary", "none"])
        .args(["--aws-endpoint", &env.endpoint])
        .env("AWS_ACCESS_KEY_ID", SERVICE)
        .env("AWS_SECRET_ACCESS_KEY", SERVICE)
        .env("DATABASE_URL", env.database.url());
    let output = tokio::task::spawn_blocking(move || doctor.output().unwrap())
        .await
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        report.contains("session credentials without MFA cannot call IAM"),
        "{report}"
    );
}
