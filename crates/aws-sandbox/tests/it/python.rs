//! The AWS CLI and boto3 against the sandbox, with coverage of botocore's models.
//!
//! `pip install --target` installs the tools into the target folder on first use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use aws_sandbox::{Sandbox, Settings};

use crate::test_env::TestEnv;

const TOOLS: [&str; 2] = ["boto3==1.44.5", "awscli==1.46.3"];

/// The folder with the tools, which is created on first use.
fn tools() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _guard = INSTALLING.lock().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(TOOLS.join("-").replace("==", "-"));
    if !folder.join("ready").exists() {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--target",
        ]);
        let output = pip
            .arg(&folder)
            .args(TOOLS)
            .output()
            .expect("python3 starts");
        assert!(
            output.status.success(),
            "installing {TOOLS:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::write(folder.join("ready"), "").unwrap();
    }
    folder
}

/// Runs a script of `tests/python` against a new sandbox, and shows its output if it fails.
async fn run(script: &'static str, settings: Settings) {
    let env = TestEnv::serve(Sandbox::open(settings).unwrap()).await;
    let url = env.url.clone();
    let output = tokio::task::spawn_blocking(move || {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/python")
            .join(script);
        let mut python = Command::new("python3");
        python
            .arg(path)
            .arg(url)
            .env("PYTHONPATH", tools())
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
    assert!(output.status.success(), "{script}\n{out}\n{err}");
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
