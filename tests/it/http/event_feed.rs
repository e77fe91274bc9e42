//! The event feed over HTTP: its parts, its stream, its filters and its cursors.

use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, cluster_request, strings};
use crate::support::test_env::TestEnv;

/// A feed with the events of two creates.
async fn feed_of_two() -> (TestEnv, ApiClient) {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    for name in ["orders", "users"] {
        let create = api.post("/v1/clusters", &cluster_request(name), &[]).await;
        let ended = env.settle(&worker, create.accepted()).await;
        assert_eq!(ended.status, Status::Succeeded);
    }
    env.number_events().await;
    (env, api)
}

/// The items from `after` on, by following `next_cursor`.
async fn follow(api: &ApiClient, query: &str) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), "1.0".to_owned());
    loop {
        let part = api
            .get(&format!("/v1/events?limit=9&after={after}{query}"))
            .await;
        assert_eq!(part.status, 200, "{part:?}");
        items.extend(part.body["items"].as_array().unwrap().clone());
        after = part.body["next_cursor"].as_str().unwrap().to_owned();
        let is_linked = part.headers.contains_key("link");
        assert_eq!(part.body["has_more"], is_linked);
        if !is_linked {
            return items;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_has_the_events_of_all_operations_and_filters_them() {
    let (_env, api) = feed_of_two().await;
    let all = follow(&api, "").await;
    let operations = api.get("/v1/operations").await.body;
    let mut expected = 0;
    for operation in operations["items"].as_array().unwrap() {
        let path = format!(
            "/v1/operations/{}/events?limit=100",
            operation["id"].as_str().unwrap()
        );
        let own = api.get(&path).await.body;
        let of_operation: Vec<&Value> = all
            .iter()
            .filter(|item| item["operation_id"] == operation["id"])
            .map(|item| &item["event"])
            .collect();
        assert_eq!(json!(of_operation), own["items"]);
        expected += of_operation.len();
    }
    assert_eq!(all.len(), expected);
    let ended = follow(&api, "&type=operation_succeeded").await;
    let clusters: Vec<&str> = ended
        .iter()
        .map(|item| item["cluster"].as_str().unwrap())
        .collect();
    assert_eq!(clusters, ["orders", "users"]);
    assert_eq!(ended[0]["kind"], "create_cluster");
    let users = follow(&api, "&cluster=users").await;
    assert!(!users.is_empty() && users.iter().all(|item| item["cluster"] == "users"));
    // A part without new events repeats the cursor, so a reader can keep it.
    let end = all.last().unwrap()["cursor"].as_str().unwrap();
    let none = api.get(&format!("/v1/events?after={end}")).await.body;
    assert_eq!(
        none,
        json!({"items": [], "next_cursor": end, "has_more": false})
    );
    let first = api.get("/v1/events?limit=1").await.body;
    assert_eq!(first["items"][0]["cursor"], "1.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_has_the_same_events_and_resumes_after_the_last_one() {
    let (_env, api) = feed_of_two().await;
    let all = follow(&api, "").await;
    for (id, skipped) in [("1.0", 0), ("1.5", 5)] {
        let (path, last) = ("/v1/events/stream", [("last-event-id", id)]);
        let text = api.read_stream(path, &last, Duration::from_secs(1)).await;
        let data: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(data, all[skipped..]);
        let ids: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .collect();
        assert_eq!(ids, strings(&json!(all[skipped..]), "cursor"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_or_expired_cursor_is_rejected_with_the_oldest_one() {
    let (env, api) = feed_of_two().await;
    for query in [
        "after=7",
        "after=1.",
        "after=-1.3",
        "type=Succeeded",
        "cluster=9",
        "limit=0",
    ] {
        let rejected = api.get(&format!("/v1/events?{query}")).await;
        rejected.rejected(422, "invalid_request");
        let stream = api.get(&format!("/v1/events/stream?{query}")).await;
        stream.rejected(422, "invalid_request");
    }
    let unparsed = api
        .get_with("/v1/events/stream", &[("last-event-id", "7")])
        .await;
    unparsed.rejected(422, "invalid_request");
    for cursor in ["1.100000", "2.1"] {
        let gone = api.get(&format!("/v1/events?after={cursor}")).await;
        gone.rejected(410, "cursor_expired");
    }
    env.store.restart_feed().await.unwrap();
    let gone = api.get("/v1/events?after=1.3").await;
    let detail = gone.rejected(410, "cursor_expired")["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(detail.ends_with("the oldest cursor is `2.0`"), "{detail}");
    let stream = api
        .get_with("/v1/events/stream", &[("last-event-id", "1.3")])
        .await;
    stream.rejected(410, "cursor_expired");
    assert_eq!(api.get("/v1/events?after=2.0").await.status, 200);
}

/// Events are deleted with their operation. A reader that had not read them learns it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_before_deleted_events_is_rejected() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let create = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    env.settle(&worker, create.accepted()).await;
    let delete = api.delete("/v1/clusters/orders").await;
    env.settle(&worker, delete.accepted()).await;
    env.number_events().await;
    let all = follow(&api, "").await;
    for update in [
        "update operations set finished_at = finished_at - interval '500 days'",
        "update clusters set deleted_at = deleted_at - interval '500 days'",
    ] {
        sqlx::query(update).execute(&env.pool).await.unwrap();
    }
    env.make_jobs_due().await;
    for _ in 0..3 {
        env.make_jobs_due().await;
        worker.sweep().await.unwrap();
    }
    let left = api.get("/v1/events").await.body;
    let gone = api.get("/v1/events?after=1.0").await;
    gone.rejected(410, "cursor_expired");
    let oldest = left["next_cursor"].as_str().unwrap();
    assert_eq!(oldest, all.last().unwrap()["cursor"]);
    assert_eq!(left["items"], json!([]));
}
