//! The event stream over HTTP: complete, resumable, with keep-alive comments, limited, and closed
//! on shutdown.

use std::sync::Arc;
use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::api::{ApiResponse, cluster_request};
use crate::support::test_env::TestEnv;

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq)]
struct Message {
    id: i64,
    event: String,
    data: Value,
}

/// The messages of an event stream, without comments.
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

fn check_is_stream(response: &ApiResponse) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.header("content-type"),
        "text/event-stream",
        "{response:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_finished_operation_are_streamed_from_any_position() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
    let path = format!("/v1/operations/{id}/events/stream");
    let whole = api.get(&path).await;
    check_is_stream(&whole);
    assert_eq!(whole.header("x-accel-buffering"), "no");
    let all = messages(&whole.text);
    let events = api
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await;
    let data: Vec<Value> = all.iter().map(|message| message.data.clone()).collect();
    assert_eq!(Value::from(data), events.body["items"]);
    assert_eq!(all.last().unwrap().event, "operation_succeeded");
    for message in &all {
        assert_eq!(message.data["sequence"], message.id);
        assert_eq!(message.data["type"], message.event);
    }
    for last in [0, 3, all.len() - 1] {
        let known = [("last-event-id", &*last.to_string())];
        let rest = api.get_with(&path, &known).await;
        check_is_stream(&rest);
        assert_eq!(messages(&rest.text), all[last..]);
    }
    let known = [("last-event-id", &*all.len().to_string())];
    let complete = api.get_with(&path, &known).await;
    assert_eq!(complete.status, 204);
    assert_eq!(complete.text, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_an_invalid_request_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/events/stream");
    for last in ["", "x", "-1", "1.5", "99999999999999999999"] {
        let response = api.get_with(&path, &[("last-event-id", last)]).await;
        let problem = response.rejected(422, "invalid_request");
        assert_eq!(problem["errors"][0]["parameter"], "Last-Event-ID");
    }
    api.get(&format!("{path}?follow=1"))
        .await
        .rejected(422, "invalid_request");
    for unknown in [uuid::Uuid::now_v7().to_string(), "x".to_owned()] {
        api.get(&format!("/v1/operations/{unknown}/events/stream"))
            .await
            .rejected(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_running_operation_sends_keep_alives_and_ends_with_it() {
    let env = TestEnv::new().await;
    let (server, worker) = (env.serve(0).await, env.worker("w"));
    let id = env
        .api()
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let url = format!("{}/v1/operations/{id}/events/stream", server.url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .get(url)
        .bearer_auth(env.token("reader").await)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let mut chunks = response.bytes_stream();
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
    let started = std::time::Instant::now();
    assert!(read_until(&mut text, ": nothing new\n").await, "{text}");
    assert!(started.elapsed() <= Duration::from_secs(15));
    env.settle(&worker, id).await;
    assert!(
        read_until(&mut text, "event: operation_succeeded\n").await,
        "{text}"
    );
    assert!(
        !read_until(&mut text, "no such text").await,
        "the stream continues after the operation has finished"
    );
    let ids: Vec<i64> = messages(&text).iter().map(|message| message.id).collect();
    assert_eq!(
        ids,
        (1..=i64::try_from(ids.len()).unwrap()).collect::<Vec<_>>()
    );
}

// The pool of a test has six connections. If a stream held one, all requests would time out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_limited_and_end_on_shutdown() {
    let env = TestEnv::new().await;
    let api = Arc::new(env.api());
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let path = format!("/v1/operations/{id}/events/stream");
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..260 {
        let (api, path) = (api.clone(), path.clone());
        streams.spawn(async move { api.get(&path).await });
    }
    for _ in 0..4 {
        let response = timeout(TIMEOUT, streams.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        response.rejected(503, "unavailable");
        assert_eq!(response.header("retry-after"), "5");
    }
    assert_eq!(api.get(&format!("/v1/operations/{id}")).await.status, 200);
    api.shutdown.cancel();
    let mut ended = 0;
    while let Some(response) = timeout(TIMEOUT, streams.join_next()).await.unwrap() {
        let response = response.unwrap();
        check_is_stream(&response);
        assert_eq!(messages(&response.text).len(), 1, "{}", response.text);
        ended += 1;
    }
    assert_eq!(ended, 256);
    // The limit is free again, and a new stream ends at once.
    let late = timeout(TIMEOUT, api.get(&path)).await.unwrap();
    assert_eq!(messages(&late.text).len(), 1);
}
