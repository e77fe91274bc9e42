//! The examples of the OpenAPI document work on a fresh sandbox.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::operation::Status;
use serde_json::Value;

use crate::support::api::DOCUMENT;
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

impl ClusterFixture {
    /// Sends the example of an operation. A mutation must succeed.
    async fn send_example(&self, id: &str) {
        let (method, path, operation) = operation(id);
        for (media, example) in examples(operation) {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{name}", "orders-cache"))
                .header("content-type", media)
                .header("if-match", "*")
                .body(Body::from(example.to_string()))
                .unwrap();
            let answer = self.api.send(request).await;
            if answer.status == 202 {
                let operation = self.settle(answer.accepted()).await;
                assert_eq!(operation.status, Status::Succeeded, "{id}: {operation:#?}");
            } else {
                assert_eq!(answer.status, 200, "{id}: {answer:?}");
            }
        }
    }
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
        "scale_cluster",
        "reboot_nodes",
        "repair_cluster",
    ];
    if LOOKUPS_BUILT_IN {
        sent.push("open_ingress");
    }
    sent.extend(["release_cluster", "adopt_cluster"]);
    for id in &sent {
        fixture.send_example(id).await;
    }
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
