//! Signatures, verified by the public libraries of Standard Webhooks for Python and for JavaScript.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::receiver::{Received, Receiver};
use crate::support::node;
use crate::support::python;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// Verifies requests, each with its secret. Only one of several signatures must be valid.
async fn verify(requests: &[(&str, &Received)]) {
    let input: Vec<Value> = requests
        .iter()
        .map(|(secret, request)| {
            let header = |name: &str| (name.to_owned(), json!(request.header(name)));
            let headers: serde_json::Map<String, Value> =
                ["webhook-id", "webhook-timestamp", "webhook-signature"]
                    .map(header)
                    .into_iter()
                    .collect();
            json!({"secret": secret, "headers": headers, "body": request.text})
        })
        .collect();
    let (input, expected) = (json!(input).to_string(), requests.len());
    let verified = format!("verified {expected} requests");
    let outputs = tokio::task::spawn_blocking(move || {
        let mut verifier = Command::new("python3");
        verifier
            .arg(python::script("verify_webhooks.py"))
            .env("PYTHONPATH", python::packages("webhooks"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let by_node = node::installed("webhooks").map(|folder| {
            let mut verifier = Command::new("node");
            verifier.arg("verify.js").current_dir(folder);
            output(verifier, &input)
        });
        (output(verifier, &input), by_node)
    });
    let (by_python, by_node) = outputs.await.unwrap();
    assert_eq!(by_python, verified);
    if let Some(by_node) = by_node {
        assert_eq!(by_node, verified);
    }
}

/// What a verifier prints for this input.
fn output(mut verifier: Command, input: &str) -> String {
    let mut child = verifier
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_an_operation_are_delivered_and_signed() {
    let env = TestEnv::new().await;
    let (api, receiver) = (env.webhook_api(), Receiver::accepting().await);
    let (_, secret) = api.create_webhook(&receiver.url, &["*"]).await;
    let _running = env.deliver("w");
    let id = env.create(&plain_spec("orders")).await;
    let received = receiver.wait_for(2).await;
    verify(
        &received
            .iter()
            .map(|one| (secret.as_str(), one))
            .collect::<Vec<_>>(),
    )
    .await;
    let mut types: Vec<&str> = Vec::new();
    for one in &received {
        let data = &one.body["data"];
        types.push(one.body["type"].as_str().unwrap());
        assert_eq!(data["operation_id"], json!(id));
        assert_eq!(data["kind"], "create_cluster");
        assert_eq!(data["cluster"], "orders");
        assert_eq!(data["target"], "default");
        assert_eq!(data["problem_code"], json!(null));
        assert!(data["version"].as_i64().unwrap() >= 1);
        assert_eq!(one.header("content-type"), "application/json");
        let agent = one.header("user-agent");
        assert!(agent.starts_with("dax-provisioner/"), "{agent}");
    }
    types.sort_unstable();
    assert_eq!(types, ["operation.accepted", "operation.succeeded"]);
    assert_ne!(received[0].id(), received[1].id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_secret_signs_together_with_the_previous_one() {
    let env = TestEnv::new().await;
    let (api, receiver) = (env.webhook_api(), Receiver::accepting().await);
    let (webhook, first) = api.create_webhook(&receiver.url, &["*"]).await;
    let rotated = api
        .send_empty("POST", &format!("{webhook}/rotate_secret"))
        .await;
    let second = rotated.body["secret"].as_str().unwrap();
    let _running = env.deliver("w");
    let test = format!("{webhook}/test");
    api.send_empty("POST", &test).await;
    let both = &receiver.wait_for(1).await[0];
    assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
    verify(&[(&first, both), (second, both)]).await;
    assert_eq!(both.body["type"], "webhook.test");
    sqlx::query("update webhooks set previous_secret_until = now()")
        .execute(&env.pool)
        .await
        .unwrap();
    api.send_empty("POST", &test).await;
    let one = &receiver.wait_for(2).await[1];
    assert_eq!(one.header("webhook-signature").split(' ').count(), 1);
    verify(&[(second, one)]).await;
}
