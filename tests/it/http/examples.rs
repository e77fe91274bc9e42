//! The examples of the OpenAPI document work on a fresh sandbox.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::operation::Status;
use serde_json::Value;

use crate::authorization::approvals::Case;
use crate::support::api::{DOCUMENT, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;

/// An operation of the document: its method, its path and its definition.
fn operation(id: &str) -> (&'static str, &'static str, &'static Value) {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    let mut found = all.filter(|(.., operation)| operation["operationId"] == id);
    found
        .next_back()
        .unwrap_or_else(|| panic!("no operation {id}"))
}

/// The examples of the request bodies of an operation, one for each media type.
fn examples(operation: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let content = operation["requestBody"]["content"].as_object();
    let media = content.into_iter().flatten();
    media.map(|(media, content)| (media.as_str(), &content["example"]))
}

/// The requests of the examples of an operation, to the path with these parameters.
fn requests(id: &str, parameters: &[(&str, &str)]) -> Vec<Request<Body>> {
    let (method, path, operation) = operation(id);
    let fill = |path: String, (name, value): &(&str, &str)| path.replace(name, value);
    let path = parameters.iter().fold(path.to_owned(), fill);
    examples(operation)
        .map(|(media, example)| {
            Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&path)
                .header("content-type", media)
                .header("if-match", "*")
                .body(Body::from(example.to_string()))
                .unwrap()
        })
        .collect()
}

impl ClusterFixture {
    /// Sends the examples of an operation. A mutation must succeed.
    async fn send_examples(&self, id: &str) {
        for request in requests(id, &[("{name}", "orders-cache")]) {
            let answer = self.api.send(request).await;
            if answer.status == 202 {
                let operation = self.settle(answer.accepted()).await;
                assert_eq!(operation.status, Status::Succeeded, "{id}: {operation:#?}");
            } else {
                assert_eq!(answer.status, 200, "{id}: {answer:?}");
            }
        }
    }

    /// Sends the examples of webhooks. Returns the IDs of their operations.
    async fn send_examples_of_webhooks(&self) -> Vec<&'static str> {
        let api = self.env.webhook_api();
        let (mut sent, mut webhook, mut delivery) = (Vec::new(), String::new(), String::new());
        for (id, status) in [
            ("create_webhook", 201),
            ("update_webhook", 200),
            ("rotate_webhook_secret", 200),
            ("test_webhook", 201),
            ("redeliver_webhook_delivery", 200),
        ] {
            for request in requests(id, &[("{id}", &webhook), ("{delivery_id}", &delivery)]) {
                let answer = api.send(request).await;
                assert_eq!(answer.status, status, "{id}: {answer:?}");
                let new = || answer.body["id"].as_str().unwrap().to_owned();
                match id {
                    "create_webhook" => webhook = new(),
                    "test_webhook" => delivery = new(),
                    _ => {}
                }
            }
            sent.push(id);
        }
        sent
    }
}

/// Sends the examples of decisions on operations that wait for approvals. Returns the IDs of their
/// operations.
async fn send_examples_of_approvals() -> Vec<&'static str> {
    let case = Case::new().await;
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let mut sent = Vec::new();
    for (id, name) in [("approve_operation", "one"), ("reject_operation", "two")] {
        let body = cluster_request(name);
        let create = operator.post("/v1/clusters", &body, &[]).await;
        let operation = create.accepted().to_string();
        for mut request in requests(id, &[("{id}", &operation)]) {
            let token = format!("Bearer {}", platform.token.as_ref().unwrap());
            let headers = request.headers_mut();
            headers.insert("authorization", token.parse().unwrap());
            let answer = platform.send(request).await;
            assert_eq!(answer.status, 202, "{id}: {answer:?}");
        }
        sent.push(id);
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_example_works_on_a_fresh_sandbox() {
    let fixture = ClusterFixture::new().await;
    let mut sent = vec![
        "plan_cluster",
        "preflight_cluster",
        "explain_refusal",
        "authorize_request",
        "create_cluster",
        "update_cluster",
        "plan_change",
        "scale_cluster",
        "reboot_nodes",
        "repair_cluster",
    ];
    if LOOKUPS_BUILT_IN {
        sent.push("open_ingress");
    }
    sent.extend(["release_cluster", "adopt_cluster"]);
    for id in &sent {
        fixture.send_examples(id).await;
    }
    sent.extend(fixture.send_examples_of_webhooks().await);
    sent.extend(send_examples_of_approvals().await);
    // No body is left out, except that of a build with lookups.
    let paths = DOCUMENT["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let with_body: BTreeSet<&str> = operations
        .filter(|operation| operation.get("requestBody").is_some())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .filter(|id| LOOKUPS_BUILT_IN || *id != "open_ingress")
        .collect();
    assert_eq!(with_body, sent.into_iter().collect());
}
