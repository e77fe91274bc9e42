//! A cluster's timeline over HTTP: events of DAX and of operations in one order, with paging.

use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, cluster_request, strings};
use crate::support::test_env::TestEnv;

/// Every entry, read in pages of this size.
async fn timeline(api: &ApiClient, limit: usize) -> Vec<Value> {
    let mut path = format!("/v1/clusters/orders/events?limit={limit}");
    let mut entries = Vec::new();
    loop {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        entries.extend(page.body["items"].as_array().unwrap().iter().cloned());
        let link = page.header("link");
        assert_eq!(link.is_empty(), page.body["next_cursor"].is_null());
        if link.is_empty() {
            return entries;
        }
        path = link[1..link.find('>').unwrap()].to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_dax_and_of_operations_are_one_timeline() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    api.get("/v1/clusters/orders/events")
        .await
        .rejected(404, "not_found");
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
    let all = timeline(&api, 100).await;
    for limit in [1, 3, 7] {
        assert_eq!(timeline(&api, limit).await, all, "pages of {limit}");
    }
    let times: Vec<chrono::DateTime<chrono::Utc>> = all
        .iter()
        .map(|event| event["at"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(
        times.is_sorted_by(|newer, older| newer >= older),
        "{times:?}"
    );

    let (dax, operation): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|event| event["source"] == "dax");
    for event in &dax {
        assert!(event["sequence"].is_null(), "{event:#}");
        assert_eq!(event["type"], "dax_event");
    }
    let is_created = |event: &Value| event["message"] == "Cluster created.";
    assert!(dax.iter().any(is_created), "{dax:#?}");
    let history = api
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await
        .body["items"]
        .clone();
    let sequences = |events: &[Value]| {
        events
            .iter()
            .map(|event| event["sequence"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let mut oldest_first = sequences(&operation);
    oldest_first.reverse();
    assert_eq!(oldest_first, sequences(history.as_array().unwrap()));
    for event in &operation {
        assert_eq!(event["data"]["operation_id"], json!(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_earlier_cluster_with_the_same_name_are_not_listed() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let first = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    env.settle(&worker, first).await;
    let delete = api.delete("/v1/clusters/orders").await.accepted();
    env.settle(&worker, delete).await;
    api.get("/v1/clusters/orders/events")
        .await
        .rejected(404, "not_found");
    let second = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let accepted = timeline(&api, 100).await;
    assert_eq!(strings(&json!(accepted), "type"), ["operation_accepted"]);
    env.settle(&worker, second).await;
    let all = timeline(&api, 100).await;
    let operation: Vec<&Value> = all
        .iter()
        .filter(|event| event["source"] == "operation")
        .collect();
    assert!(operation.len() > 1);
    for event in operation {
        assert_eq!(event["data"]["operation_id"], json!(second));
    }
    let created = all
        .iter()
        .filter(|event| event["message"] == "Cluster created.")
        .count();
    assert_eq!(created, 1, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_without_permission_are_a_problem_with_a_policy() {
    let env = TestEnv::new().await;
    let api = env.api();
    api.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    env.grant_all_except("dax:DescribeEvents");
    let response = api.get("/v1/clusters/orders/events").await;
    let problem = response.rejected(502, "permission_missing");
    assert_eq!(problem["aws"]["action"], "dax:DescribeEvents");
    let statement = &problem["hints"][0]["policy"]["Statement"][0];
    assert_eq!(statement["Action"], "dax:DescribeEvents");
    api.get("/v1/clusters/orders/events?cursor=nonsense")
        .await
        .rejected(422, "invalid_request");
}
