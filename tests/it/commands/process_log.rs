//! The log of a process at its usual level names no account, no role and no ARN.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::engine::processes::{BINARY, RunningProcess, call, start_database};

/// Waits until the file contains a line with this text, and returns the rest of that line.
async fn wait_for(log: &std::path::Path, text: &str) -> String {
    for _ in 0..3_000 {
        let content = std::fs::read_to_string(log).unwrap();
        if let Some((_, rest)) = content.split_once(text) {
            return rest.lines().next().unwrap_or_default().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "{text} is missing: {}",
        std::fs::read_to_string(log).unwrap()
    );
}

async fn put_policy(client: &Client, sandbox: &str, statement: Value) {
    let identity = json!({
        "secret": "sandbox",
        "arn": "arn:aws:iam::123456789012:user/portal",
        "policies": [{"Version": "2012-10-17", "Statement": [statement]}],
    });
    let url = format!("{sandbox}/_sandbox/identities/sandbox");
    let response = client.put(url).json(&identity).send().await.unwrap();
    assert!(response.status().is_success());
}

async fn create(client: &Client, url: &str, name: &str) {
    let body = json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    });
    let operation = call(client.post(format!("{url}/v1/clusters")).json(&body)).await;
    assert_eq!(operation["kind"], "create_cluster", "{operation}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_at_info_names_no_account_role_or_arn() {
    let (_postgres, database) = start_database("dax-provisioner-log").await;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let child = Command::new(BINARY)
        .args(
            "serve --sandbox --listen 127.0.0.1:0 --creating-seconds 0.1 --propagation-seconds 0"
                .split(' '),
        )
        .args(["--sweep-seconds", "1", "--data-dir"])
        .arg(directory.path().join("data"))
        .env("DATABASE_URL", &database)
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let _process = RunningProcess(child);
    let url = wait_for(&log, "listening on ").await;
    let url = url.split(',').next().unwrap().to_owned();
    let sandbox = wait_for(&log, "AWS sandbox at ").await;
    let sandbox = sandbox.split(',').next().unwrap().to_owned();
    let client = Client::builder().no_proxy().build().unwrap();
    create(&client, &url, "c1").await;
    wait_for(&log, "operation ended").await;
    let healthy = std::fs::read_to_string(&log).unwrap();
    let is_earlier = |line: &&str| !line.contains("operation accepted");
    let healthy: Vec<&str> = healthy.lines().skip_while(is_earlier).collect();
    for line in &healthy {
        assert!(line.contains("INFO"), "{line}");
    }
    for part in ["create_cluster", "c1", "anonymous"] {
        assert!(healthy[0].contains(part), "{healthy:?}");
        assert!(healthy.last().unwrap().contains(part), "{healthy:?}");
    }
    // AWS's answer to the denied call names the identity, the account and the policy.
    let denied = json!({"Effect": "Allow", "NotAction": "iam:CreatePolicy", "Resource": "*"});
    put_policy(&client, &sandbox, denied).await;
    create(&client, &url, "c2").await;
    wait_for(&log, "blocked").await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("permission_missing"), "{text}");
    for canary in ["123456789012", "arn:", "dax-c1-", "dax-c2-", "user/portal"] {
        let lines: Vec<_> = text.lines().filter(|line| line.contains(canary)).collect();
        assert!(lines.is_empty(), "{canary}: {lines:#?}");
    }
}
