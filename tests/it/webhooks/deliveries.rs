//! Which events are delivered, and what is shown of a delivery.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::receiver::{Receiver, endless};
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_gets_the_selected_events_from_its_creation_on() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    env.create(&plain_spec("early")).await;
    env.number_events().await;
    let [accepted, ended, none] = [
        Receiver::accepting().await,
        Receiver::accepting().await,
        Receiver::accepting().await,
    ];
    api.create_webhook(&accepted.url, &["operation.accepted"])
        .await;
    let ends = ["operation.succeeded", "operation.failed"];
    let (ends, _) = api.create_webhook(&ended.url, &ends).await;
    api.create_webhook(&none.url, &["operation.cancelled"])
        .await;
    let _running = env.deliver("w");
    env.create(&plain_spec("late")).await;
    let received = ended.wait_for(2).await;
    let mut clusters: Vec<&str> = received.iter().map(|one| one.cluster()).collect();
    clusters.sort_unstable();
    assert_eq!(clusters, ["early", "late"]);
    assert!(
        received
            .iter()
            .all(|one| one.body["type"] == "operation.succeeded")
    );
    // The acceptance of the first create was in the feed before the webhook existed.
    let received = accepted.wait_for(1).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].cluster(), "late");
    assert!(none.received().is_empty());
    let delivery = api.delivery_after(&ends, 1).await;
    assert_eq!(delivery["status"], "succeeded");
    assert_eq!(delivery["response_status"], 204);
    assert_eq!(delivery["next_attempt_at"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_with_a_target_gets_the_events_of_its_target_only() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let [one, all] = [Receiver::accepting().await, Receiver::accepting().await];
    let request = json!({"url": one.url, "events": ["operation.accepted"], "target": "default"});
    let (of_one, _) = api.create_webhook_with(&request).await;
    api.create_webhook(&all.url, &["operation.accepted"]).await;
    let own = env.create(&plain_spec("own")).await;
    let foreign = env.create(&plain_spec("foreign")).await;
    sqlx::query("update operations set target = 'other' where id = $1")
        .bind(foreign)
        .execute(&env.pool)
        .await
        .unwrap();
    let _running = env.deliver("w");
    let mut targets: Vec<String> = Vec::new();
    for received in all.wait_for(2).await {
        targets.push(received.body["data"]["target"].as_str().unwrap().to_owned());
    }
    targets.sort_unstable();
    assert_eq!(targets, ["default", "other"]);
    let received = one.wait_for(1).await;
    assert_eq!(received[0].body["data"]["operation_id"], json!(own));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(one.received().len(), 1);
    assert_eq!(api.deliveries(&of_one).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivery_has_the_same_id_and_body() {
    let env = TestEnv::new().await;
    let (api, receiver) = (env.webhook_api(), Receiver::accepting().await);
    let (webhook, _) = api
        .create_webhook(&receiver.url, &["operation.accepted"])
        .await;
    let _running = env.deliver("w");
    env.create(&plain_spec("orders")).await;
    receiver.wait_for(1).await;
    let delivery = api.delivery_after(&webhook, 1).await;
    let id = delivery["id"].as_str().unwrap();
    let path = format!("{webhook}/deliveries/{id}/redeliver");
    let again = api.send_empty("POST", &path).await;
    assert_eq!(
        (&again.body["status"], &again.body["id"]),
        (&json!("pending"), &json!(id))
    );
    let received = receiver.wait_for(2).await;
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].text, received[1].text);
    assert_eq!(received[0].id().to_string(), id);
    let (other, _) = api.create_webhook("https://a.example/", &["*"]).await;
    let path = format!("{other}/deliveries/{id}/redeliver");
    api.send_empty("POST", &path)
        .await
        .rejected(404, "not_found");
}

/// An answer is read up to 1,024 bytes; a NUL cannot be stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_of_an_answer_is_kept() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let _running = env.deliver("w");
    let endless = Receiver::new(|_| async { endless() }).await;
    let binary =
        Receiver::new(|_| async { (StatusCode::OK, vec![b'a', 0, 0xff, b'b']).into_response() })
            .await;
    for (receiver, expected) in [
        (endless, "x".repeat(1_024)),
        (binary, "a\u{fffd}\u{fffd}b".to_owned()),
    ] {
        let (webhook, _) = api.create_webhook(&receiver.url, &["*"]).await;
        api.send_empty("POST", &format!("{webhook}/test")).await;
        let delivery = api.delivery_after(&webhook, 1).await;
        assert_eq!(delivery["status"], "succeeded");
        assert_eq!(delivery["response_body"], expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_deliveries_are_deleted() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let (webhook, _) = api.create_webhook("https://a.example/", &["*"]).await;
    for _ in 0..3 {
        api.send_empty("POST", &format!("{webhook}/test")).await;
    }
    for update in [
        "update webhook_deliveries set status = 'succeeded', next_attempt_at = null
         where id in (select id from webhook_deliveries order by id limit 2)",
        "update webhook_deliveries set created_at = now() - interval '31 days'
         where id <> (select id from webhook_deliveries order by id limit 1)",
    ] {
        sqlx::query(update).execute(&env.pool).await.unwrap();
    }
    assert_eq!(env.store.prune_deliveries().await.unwrap(), 1);
    // The old one that ended is gone; one is recent, and one is still due.
    let left = api.deliveries(&webhook).await;
    let statuses: Vec<&str> = left
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["succeeded", "pending"]);
}
