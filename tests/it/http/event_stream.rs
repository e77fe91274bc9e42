//! The event stream over HTTP: complete, resumable, alive, limited, and gone with the service.

use std::sync::Arc;
use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::api::{ApiResponse, cluster_request};
use crate::support::test_env::TestEnv;

const TIMEOUT: Duration = Duration::from_secs(30);

/// One message of a stream.
#[derive(Debug, PartialEq)]
struct Message {
    id: i64,
    event: String,
    data: Value,
}

/// Reads messages as the standard has them; comments are left out.
fn messages(text: &str) -> Vec<Message> {
    let field = |block: &str, name: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{block}"));
        line.trim_start().to_owned()
    };
    let blocks = text
        .split("\n\n")
        .filter(|block| !block.is_empty() && !block.starts_with(':'));
    blocks
        .map(|block| Message {
            id: field(block, "id:").parse().unwrap(),
            event: field(block, "event:"),
            data: serde_json::from_str(&field(block, "data:")).unwrap(),
        })
        .collect()
}

fn is_stream(answer: &ApiResponse) {
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/event-stream"),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_history_is_streamed_to_its_end_and_from_any_place() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(world.settle(&worker, id).await.status, Status::Succeeded);
    let path = format!("/v1/operations/{id}/events/stream");
    let whole = door.get(&path).await;
    is_stream(&whole);
    assert_eq!(whole.header("x-accel-buffering"), "no");
    let all = messages(&whole.text);
    let history = door
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await
        .body["items"]
        .clone();
    let data: Vec<Value> = all.iter().map(|message| message.data.clone()).collect();
    assert_eq!(Value::from(data), history);
    assert_eq!(all.last().unwrap().event, "operation_succeeded");
    assert!(
        all.iter()
            .all(|message| message.data["sequence"] == message.id
                && message.data["type"] == message.event)
    );
    for last in [0, 3, all.len() - 1] {
        let rest = door
            .get_with(&path, &[("last-event-id", &last.to_string())])
            .await;
        is_stream(&rest);
        assert_eq!(messages(&rest.text), messages(&whole.text)[last..]);
    }
    let nothing_left = door
        .get_with(&path, &[("last-event-id", &all.len().to_string())])
        .await;
    assert_eq!(
        (nothing_left.status.as_u16(), nothing_left.text.as_str()),
        (204, "")
    );
    for bad in ["", "x", "-1", "1.5", "99999999999999999999"] {
        let refused = door.get_with(&path, &[("last-event-id", bad)]).await;
        assert_eq!(
            refused.rejected(422, "invalid_request")["errors"][0]["parameter"],
            "Last-Event-ID"
        );
    }
    door.get(&format!("{path}?follow=1"))
        .await
        .rejected(422, "invalid_request");
    for nothing in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        door.get(&format!("/v1/operations/{nothing}/events/stream"))
            .await
            .rejected(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_history_is_followed_with_signs_of_life() {
    let world = TestEnv::new().await;
    let (server, worker) = (world.serve(0).await, world.worker("w"));
    let id = world
        .api()
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let url = format!("{}/v1/operations/{id}/events/stream", server.url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .get(url)
        .bearer_auth(world.token("reader").await)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let mut chunks = answer.bytes_stream();
    let mut text = String::new();
    let mut read_until = async |text: &mut String, what: &str| {
        while !text.contains(what) {
            let chunk = timeout(TIMEOUT, chunks.next()).await.unwrap();
            let Some(chunk) = chunk else { return false };
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        true
    };
    assert!(
        read_until(&mut text, "event: operation_accepted\n").await,
        "{text}"
    );
    let quiet = std::time::Instant::now();
    assert!(read_until(&mut text, ": nothing new\n").await, "{text}");
    assert!(quiet.elapsed() <= Duration::from_secs(15));
    world.settle(&worker, id).await;
    assert!(
        read_until(&mut text, "event: operation_succeeded\n").await,
        "{text}"
    );
    assert!(
        !read_until(&mut text, "never").await,
        "it goes on after its end"
    );
    let ids: Vec<i64> = messages(&text).iter().map(|message| message.id).collect();
    assert_eq!(
        ids,
        (1..=i64::try_from(ids.len()).unwrap()).collect::<Vec<_>>()
    );
}

// The pool of a world has six connections: if a stream held one, no request would be answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beyond_the_limit_are_refused_and_all_end_with_the_service() {
    let world = TestEnv::new().await;
    let door = Arc::new(world.api());
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/events/stream");
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..260 {
        let (door, path) = (door.clone(), path.clone());
        streams.spawn(async move { door.get(&path).await });
    }
    for _ in 0..4 {
        let refused = timeout(TIMEOUT, streams.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        refused.rejected(503, "unavailable");
        assert_eq!(refused.header("retry-after"), "5");
    }
    assert_eq!(door.get(&format!("/v1/operations/{id}")).await.status, 200);
    door.shutdown.cancel();
    let mut ended = 0;
    while let Some(answer) = timeout(TIMEOUT, streams.join_next()).await.unwrap() {
        let answer = answer.unwrap();
        is_stream(&answer);
        assert_eq!(messages(&answer.text).len(), 1, "{}", answer.text);
        ended += 1;
    }
    assert_eq!(ended, 256);
    let late = timeout(TIMEOUT, door.get(&path)).await.unwrap();
    assert_eq!(
        messages(&late.text).len(),
        1,
        "the places are free again, and it ends at once"
    );
}
