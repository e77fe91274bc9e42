//! The AWS CLI and boto3 against the sandbox, with coverage of botocore's models.

use std::process::Command;

use aws_sandbox::{Sandbox, Settings};

use crate::packages::{packages, script};
use crate::test_env::TestEnv;

/// Runs a script of `tests/python` against a new sandbox, and shows its output if it fails.
async fn run(name: &'static str, settings: Settings) {
    let env = TestEnv::serve(Sandbox::open(settings).unwrap()).await;
    let url = env.url.clone();
    let output = tokio::task::spawn_blocking(move || {
        let mut python = Command::new("python3");
        python
            .arg(script(name))
            .arg(url)
            .env("PYTHONPATH", packages("clients"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        python
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        for credential in [
            "AWS_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
        ] {
            python.env_remove(credential);
        }
        python.output().expect("python3 starts")
    });
    let output = output.await.unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{out}");
    assert!(output.status.success(), "{name}\n{out}\n{err}");
}

/// Settings with durations that end only when a script moves the clock.
fn slow() -> Settings {
    Settings {
        creating_seconds: 60.0,
        deleting_seconds: 60.0,
        modifying_seconds: 60.0,
        rebooting_seconds: 60.0,
        propagation_seconds: 5.0,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_runs_the_procedure_of_the_guide() {
    run("cli_procedure.py", slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_opens_finds_and_closes_security_group_rules() {
    run("security_group_rules.py", slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_terraform_are_answered_as_its_provider_expects() {
    run("terraform_calls.py", slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_operations_and_modelled_errors_of_botocore_are_covered() {
    let mut settings = slow();
    settings.quotas.set("nodes", 30).unwrap();
    settings.quotas.set("clusters", 12).unwrap();
    settings.quotas.set("certificates", 2).unwrap();
    settings.quotas.set("parameter_groups", 5).unwrap();
    settings.quotas.set("subnet_groups", 5).unwrap();
    settings.quotas.set("subnets_per_group", 3).unwrap();
    run("model_walk.py", settings).await;
}
