//! One cluster closes a rule while another one begins to use it. Whatever the order, an open request
//! that succeeded leaves the port open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::Probe;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::lookups::ingress::{GROUP, rules, with_clients};
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

/// Points of the longest step: five of the turn that sends a call, three of the one that ends it.
const POINTS: usize = 8;
/// Turns of the other operation while the first one is held.
const TURNS_WHILE_HELD: usize = 12;
const QUERY: &str = "cidr=10.0.0.0/16";

/// A turn that is held at a point.
struct Held {
    turns: tokio::task::JoinHandle<()>,
    resume: Arc<Notify>,
}

/// Takes turns until the given point of a step is reached, counted from 0 over all turns. `None` if
/// the operation ends before it.
async fn hold(
    fixture: &ClusterFixture,
    operation: Uuid,
    step: &'static str,
    at: usize,
) -> Option<Held> {
    let (reached, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let passed = Arc::new(AtomicUsize::new(0));
    let (at_point, go_on) = (Arc::clone(&reached), Arc::clone(&resume));
    let probe: Probe = Arc::new(move |_, name, _| {
        let is_here = name == step && passed.fetch_add(1, Ordering::SeqCst) == at;
        let (at_point, go_on) = (Arc::clone(&at_point), Arc::clone(&go_on));
        Box::pin(async move {
            if is_here {
                at_point.notify_one();
                go_on.notified().await;
            }
        })
    });
    let worker = fixture.env.worker("held").with_probe(probe);
    for _ in 0..30 {
        if fixture.env.status(operation).await.is_finished() {
            return None;
        }
        fixture.env.make_due().await;
        let worker = worker.clone();
        let mut turns = tokio::spawn(async move {
            worker.turn().await.unwrap();
        });
        tokio::select! {
            () = reached.notified() => return Some(Held { turns, resume }),
            ended = &mut turns => ended.unwrap(),
        }
    }
    panic!("the operation neither ends nor reaches `{step}`");
}

async fn open(fixture: &ClusterFixture, cluster: &str) -> Uuid {
    let path = format!("/v1/clusters/{cluster}/ingress");
    let cidr = json!({"cidr": "10.0.0.0/16"});
    fixture.api.post(&path, &cidr, &[]).await.accepted()
}

async fn close(fixture: &ClusterFixture, cluster: &str) -> Uuid {
    let path = format!("/v1/clusters/{cluster}/ingress?{QUERY}");
    fixture.api.delete(&path).await.accepted()
}

async fn succeeds(fixture: &ClusterFixture, operation: Uuid) {
    let ended = fixture.settle(operation).await;
    assert_eq!(ended.status, Status::Succeeded, "{ended:#?}");
}

/// Holds one operation at each point of a step while the other one takes turns. Returns the number
/// of points at which it was held.
async fn interleave(step: &'static str) -> usize {
    let fixture = with_clients(&json!({})).await;
    let users: Value = cluster_request("users");
    succeeds(
        &fixture,
        fixture
            .api
            .post("/v1/clusters", &users, &[])
            .await
            .accepted(),
    )
    .await;
    let mut held_at = 0;
    for at in 0..POINTS {
        succeeds(&fixture, open(&fixture, "orders").await).await;
        let closes_first = step == "close_ingress";
        let first = if closes_first {
            close(&fixture, "orders").await
        } else {
            open(&fixture, "users").await
        };
        let held = hold(&fixture, first, step, at).await;
        let second = if closes_first {
            open(&fixture, "users").await
        } else {
            close(&fixture, "orders").await
        };
        if let Some(held) = held {
            held_at += 1;
            for _ in 0..TURNS_WHILE_HELD {
                fixture.env.make_due().await;
                fixture.worker.turn().await.unwrap();
            }
            held.resume.notify_one();
            held.turns.await.unwrap();
        }
        succeeds(&fixture, second).await;
        succeeds(&fixture, first).await;
        let open_ports = rules(&fixture, GROUP);
        assert_eq!(open_ports.len(), 1, "held at point {at}: {open_ports:?}");
        succeeds(&fixture, close(&fixture, "users").await).await;
        assert_eq!(rules(&fixture, GROUP), Vec::<String>::new(), "point {at}");
    }
    held_at
}

#[tokio::test]
async fn a_port_stays_open_when_it_is_requested_while_another_cluster_closes_it() {
    assert_eq!(interleave("close_ingress").await, POINTS);
}

#[tokio::test]
async fn a_port_is_open_when_another_cluster_closes_it_during_the_request() {
    let held_at = interleave("open_ingress").await;
    assert!(held_at >= 6, "held at {held_at} points");
}
