//! A create from the desired settings of another cluster: null and an empty list mean absent.

use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, cluster_request};
use crate::support::test_env::TestEnv;

/// The desired settings of a cluster, as the body of a create of another one.
async fn twin_of(api: &ApiClient, name: &str, twin: &str) -> Value {
    let mut body = api.get(&format!("/v1/clusters/{name}")).await.body["desired"].clone();
    body["name"] = json!(twin);
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desired_settings_of_a_cluster_create_its_twin() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let mut full = cluster_request("full");
    full["parameters"] = json!({"record_ttl_millis": 1000});
    full["tags"] = json!({"team": "orders"});
    full["description"] = json!("cache");
    full["service_role"] = json!({"access": "read_only", "all_tables": true});
    for request in [cluster_request("plain"), full] {
        let name = request["name"].as_str().unwrap().to_owned();
        let first = api.post("/v1/clusters", &request, &[]).await.accepted();
        assert_eq!(env.settle(&worker, first).await.status, Status::Succeeded);
        let twin = format!("{name}-2");
        let body = twin_of(&api, &name, &twin).await;
        for path in ["/v1/plans", "/v1/preflights"] {
            let answer = api.post(path, &body, &[]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let second = api.post("/v1/clusters", &body, &[]).await.accepted();
        assert_eq!(env.settle(&worker, second).await.status, Status::Succeeded);
        let settings = twin_of(&api, &twin, &twin).await;
        assert_eq!(settings, body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_and_empty_lists_of_optional_fields_are_absent_and_others_are_wrong() {
    let env = TestEnv::new().await;
    let api = env.api();
    let mut body = cluster_request("orders");
    for field in ["availability_zones", "security_group_ids"] {
        body[field] = json!([]);
    }
    for field in [
        "network_type",
        "tags",
        "parameters",
        "require_preflight",
        "on_failure",
    ] {
        body[field] = Value::Null;
    }
    body["subnet_group"] = json!({"name": "default", "subnet_ids": [], "vpc_id": null});
    api.post("/v1/clusters", &body, &[]).await.accepted();
    body["name"] = Value::Null;
    body["colour"] = Value::Null;
    body["tags"] = json!({"team": null});
    body["parameters"] = json!({"record_ttl_millis": null});
    body["service_role"]["tables"] = json!([]);
    let answer = api.post("/v1/plans", &body, &[]).await;
    assert_eq!(
        answer.violations(),
        [
            ("/colour", "unknown_field"),
            ("/name", "wrong_type"),
            ("/parameters", "required"),
            ("/service_role", "required"),
            ("/tags/team", "wrong_type"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_has_the_same_message_beside_other_errors() {
    let env = TestEnv::new().await;
    let api = env.api();
    let mut messages = Vec::new();
    for node_type in [json!("dax.t3.small"), json!(7)] {
        let mut body = cluster_request("orders");
        body["service_role"]["tables"] = json!(["x"]);
        body["node_type"] = node_type;
        let answer = api.post("/v1/plans", &body, &[]).await;
        let errors = answer.body["errors"].as_array().unwrap().clone();
        let about_table = errors
            .iter()
            .find(|error| error["pointer"] == "/service_role/tables/0");
        messages.push(about_table.unwrap()["detail"].clone());
    }
    assert_eq!(messages[0], messages[1]);
    assert!(!messages[0].as_str().unwrap().contains('^'), "{messages:?}");
}
