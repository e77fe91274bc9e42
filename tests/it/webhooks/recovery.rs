//! Several processes, and processes that die.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::receiver::Receiver;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// The first worker dies after the receiver has got the request, and before it records the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_whose_result_is_lost_is_sent_again_with_the_same_id() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|number| async move {
        if number == 0 {
            std::future::pending::<()>().await;
        }
        StatusCode::OK.into_response()
    })
    .await;
    let (webhook, _) = api
        .create_webhook(&receiver.url, &["operation.accepted"])
        .await;
    env.create(&plain_spec("orders")).await;
    let (guard, running) = env.deliver("first");
    receiver.wait_for(1).await;
    running.abort();
    let _ = running.await;
    drop(guard);
    let lost = &api.deliveries(&webhook).await[0];
    assert_eq!(
        (lost["status"].as_str(), lost["attempts"].as_i64()),
        (Some("pending"), Some(1))
    );
    // The lease ends.
    env.make_deliveries_due().await;
    let _running = env.deliver("second");
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].text, received[1].text);
    let ended = api.delivery_after(&webhook, 2).await;
    assert_eq!(ended["status"], "succeeded");
}

/// The record of a worker whose lease has ended changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_result_does_not_overwrite_that_of_a_redelivery() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let (sender, receiver_of_release) = tokio::sync::watch::channel(false);
    let receiver = Receiver::new(move |number| {
        let mut release = receiver_of_release.clone();
        async move {
            if number > 0 {
                return StatusCode::OK.into_response();
            }
            let _ = release.wait_for(|released| *released).await;
            StatusCode::GONE.into_response()
        }
    })
    .await;
    let (webhook, _) = api.create_webhook(&receiver.url, &["*"]).await;
    api.send_empty("POST", &format!("{webhook}/test")).await;
    let _first = env.deliver("first");
    receiver.wait_for(1).await;
    let id = api.deliveries(&webhook).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{webhook}/deliveries/{id}/redeliver");
    assert_eq!(api.send_empty("POST", &path).await.status, 200);
    receiver.wait_for(2).await;
    let ended = api.delivery_after(&webhook, 1).await;
    assert_eq!(ended["status"], "succeeded");
    sender.send_replace(true);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(api.delivery_after(&webhook, 1).await, ended);
    assert_eq!(api.get(&webhook).await.body["enabled"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_deliveries() {
    const WEBHOOKS: usize = 5;
    const CLUSTERS: usize = 10;
    let env = TestEnv::new().await;
    let (api, receiver) = (env.webhook_api(), Receiver::accepting().await);
    for _ in 0..WEBHOOKS {
        api.create_webhook(&receiver.url, &["operation.accepted"])
            .await;
    }
    let _running = [env.deliver("first"), env.deliver("second")];
    for number in 0..CLUSTERS {
        env.create(&plain_spec(&format!("c{number}"))).await;
    }
    receiver.wait_for(WEBHOOKS * CLUSTERS).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let received = receiver.received();
    let ids: BTreeSet<_> = received.iter().map(|one| one.id()).collect();
    assert_eq!(
        (received.len(), ids.len()),
        (WEBHOOKS * CLUSTERS, WEBHOOKS * CLUSTERS)
    );
}
