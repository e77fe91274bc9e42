//! The AWS CLI and boto3 against the sandbox, and the walk over botocore's own model.
//!
//! The tools come by `pip install --target` into the target folder, once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use aws_sandbox::{Sandbox, Settings};

use crate::world::World;

const TOOLS: [&str; 2] = ["boto3==1.44.5", "awscli==1.46.3"];

/// The folder with the tools, filled on first use.
fn tools() -> PathBuf {
    static FILLING: Mutex<()> = Mutex::new(());
    let _guard = FILLING.lock().unwrap();
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

/// Runs a script of `tests/python` against a fresh sandbox; what it prints is shown where it fails.
async fn run(script: &'static str, settings: Settings) {
    let world = World::serve(Sandbox::open(settings).unwrap()).await;
    let url = world.url.clone();
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

/// Everything takes so long that no script sees it end before it moves the clock.
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
async fn the_aws_cli_runs_the_guides_procedure_unchanged() {
    run("cli_procedure.py", slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_security_groups_are_opened_found_and_closed_by_boto3() {
    run("security_group_rules.py", slow()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_and_every_modelled_error_of_botocore_is_walked() {
    let mut settings = slow();
    settings.quotas.set("nodes", 30).unwrap();
    settings.quotas.set("clusters", 12).unwrap();
    settings.quotas.set("certificates", 2).unwrap();
    settings.quotas.set("parameter_groups", 5).unwrap();
    settings.quotas.set("subnet_groups", 5).unwrap();
    settings.quotas.set("subnets_per_group", 3).unwrap();
    run("model_walk.py", settings).await;
}
