//! A cluster's timeline over HTTP: DAX's events and ours in one order, page by page.

use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, cluster_request};
use crate::support::test_env::TestEnv;

/// Every entry, by pages of this size.
async fn timeline(door: &ApiClient, limit: usize) -> Vec<Value> {
    let (mut path, mut seen) = (
        format!("/v1/clusters/orders/events?limit={limit}"),
        Vec::new(),
    );
    loop {
        let page = door.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        seen.extend(page.body["items"].as_array().unwrap().iter().cloned());
        let link = page.header("link");
        assert_eq!(link.is_empty(), page.body["next_cursor"].is_null());
        if link.is_empty() {
            return seen;
        }
        path = link[1..link.find('>').unwrap()].to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_dax_and_of_operations_are_one_timeline() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    door.get("/v1/clusters/orders/events")
        .await
        .rejected(404, "not_found");
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(world.settle(&worker, id).await.status, Status::Succeeded);
    let all = timeline(&door, 100).await;
    for limit in [1, 3, 7] {
        assert_eq!(timeline(&door, limit).await, all, "by {limit}");
    }
    let times: Vec<&str> = all
        .iter()
        .map(|event| event["at"].as_str().unwrap())
        .collect();
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!(
        times.windows(2).all(|pair| at(pair[0]) >= at(pair[1])),
        "{times:?}"
    );

    let (dax, managed): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|event| event["source"] == "dax");
    assert!(
        !dax.is_empty()
            && dax
                .iter()
                .all(|event| event["sequence"].is_null() && event["type"] == "dax_event")
    );
    assert!(
        dax.iter()
            .any(|event| event["message"] == "Cluster created."),
        "{dax:#?}"
    );
    let history = door
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
    let mut oldest_first = sequences(&managed);
    oldest_first.reverse();
    assert_eq!(oldest_first, sequences(history.as_array().unwrap()));
    assert!(
        managed
            .iter()
            .all(|event| event["data"]["operation_id"] == json!(id)),
        "{managed:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_cluster_of_the_name_is_another_cluster() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let first = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    world.settle(&worker, first).await;
    let delete = door.delete("/v1/clusters/orders").await.accepted();
    world.settle(&worker, delete).await;
    door.get("/v1/clusters/orders/events")
        .await
        .rejected(404, "not_found");
    let second = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let accepted = timeline(&door, 100).await;
    assert_eq!(accepted.len(), 1, "only its acceptance: {accepted:#?}");
    world.settle(&worker, second).await;
    let all = timeline(&door, 100).await;
    let managed = all.iter().filter(|event| event["source"] == "operation");
    assert!(
        managed.clone().count() > 1
            && managed
                .clone()
                .all(|event| event["data"]["operation_id"] == json!(second))
    );
    let created = all
        .iter()
        .filter(|event| event["message"] == "Cluster created.")
        .count();
    assert_eq!(created, 1, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_refuses_is_explained() {
    let world = TestEnv::new().await;
    let door = world.api();
    door.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    world.grant_all_except("dax:DescribeEvents");
    let refused = door.get("/v1/clusters/orders/events").await;
    let problem = refused.rejected(502, "permission_missing");
    assert_eq!(problem["aws"]["action"], "dax:DescribeEvents");
    assert_eq!(
        problem["hints"][0]["policy"]["Statement"][0]["Action"],
        "dax:DescribeEvents"
    );
    door.get("/v1/clusters/orders/events?cursor=nonsense")
        .await
        .rejected(422, "invalid_request");
}
