//! Receivers that fail: statuses, redirects, silence, pauses, and what disables a webhook.

use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::receiver::{Receiver, pause, until};
use crate::support::api::ApiClient;
use crate::support::test_env::TestEnv;

/// Creates a webhook and a test delivery. Returns the path of the webhook.
async fn send_test(api: &ApiClient, url: &str) -> String {
    let (webhook, _) = api.create_webhook(url, &["*"]).await;
    let test = api.send_empty("POST", &format!("{webhook}/test")).await;
    assert_eq!(test.status, 201);
    webhook
}

/// The seconds from the last attempt to the next one.
fn seconds(delivery: &Value) -> i64 {
    pause(delivery).unwrap().num_seconds()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_delivery_is_repeated_by_the_schedule() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|number| async move {
        let statuses = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_REQUEST];
        let status = statuses.get(number).copied().unwrap_or(StatusCode::OK);
        (status, format!("answer {number}")).into_response()
    })
    .await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    let first = api.delivery_after(&webhook, 1).await;
    assert_eq!(
        (&first["status"], &first["response_status"]),
        (&json!("pending"), &json!(500))
    );
    assert_eq!(first["response_body"], "answer 0");
    assert!((5..60).contains(&seconds(&first)), "{first}");
    assert!(!api.get(&webhook).await.body["failing_since"].is_null());
    env.make_deliveries_due().await;
    let second = api.delivery_after(&webhook, 2).await;
    assert!((300..420).contains(&seconds(&second)), "{second}");
    env.make_deliveries_due().await;
    let third = api.delivery_after(&webhook, 3).await;
    assert_eq!(
        (&third["status"], &third["response_status"]),
        (&json!("succeeded"), &json!(200))
    );
    assert!(api.get(&webhook).await.body["failing_since"].is_null());
    let received = receiver.received();
    assert!(received.iter().all(|one| one.id() == received[0].id()));
    assert!(received.iter().all(|one| one.text == received[0].text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenth_failure_is_the_last_one() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|_| async { StatusCode::BAD_GATEWAY.into_response() }).await;
    let webhook = send_test(&api, &receiver.url).await;
    sqlx::query("update webhook_deliveries set attempts = 9")
        .execute(&env.pool)
        .await
        .unwrap();
    let _running = env.deliver("w");
    let last = api.delivery_after(&webhook, 10).await;
    assert_eq!(last["status"], "failed");
    assert_eq!(last["next_attempt_at"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed() {
    let env = TestEnv::new().await;
    let (api, target) = (env.webhook_api(), Receiver::accepting().await);
    let location = target.url.clone();
    let receiver = Receiver::new(move |_| {
        let location = location.clone();
        async move {
            (
                StatusCode::PERMANENT_REDIRECT,
                [(header::LOCATION, location)],
            )
                .into_response()
        }
    })
    .await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    let delivery = api.delivery_after(&webhook, 1).await;
    assert_eq!(
        (&delivery["status"], &delivery["response_status"]),
        (&json!("pending"), &json!(308))
    );
    assert!(target.received().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_410_disables_the_webhook() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|_| async { StatusCode::GONE.into_response() }).await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    let delivery = api.delivery_after(&webhook, 1).await;
    assert_eq!(delivery["status"], "failed");
    let disabled = api.get(&webhook).await.body;
    assert_eq!(
        (&disabled["enabled"], &disabled["disabled_reason"]),
        (&json!(false), &json!("gone"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_webhooks_receive_that_one_is_disabled() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let gone = Receiver::new(|_| async { StatusCode::GONE.into_response() }).await;
    let [selecting, other] = [Receiver::accepting().await, Receiver::accepting().await];
    api.create_webhook(&selecting.url, &["webhook.disabled"])
        .await;
    api.create_webhook(&other.url, &["operation.failed"]).await;
    let webhook = send_test(&api, &gone.url).await;
    api.send_empty("POST", &format!("{webhook}/test")).await;
    let _running = env.deliver("w");
    let received = &selecting.wait_for(1).await[0];
    assert_eq!(received.body["type"], "webhook.disabled");
    let id = webhook.rsplit('/').next().unwrap();
    let data = json!({"webhook_id": id, "reason": "gone"});
    assert_eq!(received.body["data"], data);
    // Once, although two deliveries were answered in this way.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(selecting.received().len(), 1);
    assert!(other.received().is_empty());
}

/// Far more receivers than places fall silent. One that is known to be quick has its own places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_receivers_delay_no_other_one() {
    const SILENT: usize = 150;
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    for _ in 0..SILENT {
        send_test(&api, &url).await;
    }
    let receiver = Receiver::accepting().await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    // The new receiver waits at most until those before it have turned out to be silent.
    receiver.wait_for(1).await;
    for number in 2..6 {
        let began = Instant::now();
        env.make_deliveries_due().await;
        api.send_empty("POST", &format!("{webhook}/test")).await;
        receiver.wait_for(number).await;
        let elapsed = began.elapsed();
        assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_days_of_failures_disable_the_webhook() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|_| async { StatusCode::NOT_FOUND.into_response() }).await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    api.delivery_after(&webhook, 1).await;
    for (days, enabled) in [(4, true), (6, false)] {
        sqlx::query("update webhooks set failing_since = now() - $1 * interval '1 day'")
            .bind(days)
            .execute(&env.pool)
            .await
            .unwrap();
        let before = receiver.received().len();
        env.make_deliveries_due().await;
        api.delivery_after(&webhook, i64::try_from(before).unwrap() + 1)
            .await;
        assert_eq!(api.get(&webhook).await.body["enabled"], enabled, "{days}");
    }
    assert_eq!(api.get(&webhook).await.body["disabled_reason"], "failing");
    // A pending delivery of a disabled webhook waits.
    let before = receiver.received().len();
    env.make_deliveries_due().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(receiver.received().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_pauses_all_deliveries_to_the_receiver() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let receiver = Receiver::new(|number| async move {
        if number > 0 {
            return StatusCode::OK.into_response();
        }
        (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, "3600")],
        )
            .into_response()
    })
    .await;
    let webhook = send_test(&api, &receiver.url).await;
    let _running = env.deliver("w");
    let delivery = api.delivery_after(&webhook, 1).await;
    assert!((3_599..3_660).contains(&seconds(&delivery)), "{delivery}");
    assert!(!api.get(&webhook).await.body["paused_until"].is_null());
    let (other, _) = api.create_webhook(&receiver.url, &["*"]).await;
    api.send_empty("POST", &format!("{webhook}/test")).await;
    api.send_empty("POST", &format!("{other}/test")).await;
    api.delivery_after(&other, 1).await;
    assert_eq!(receiver.received().len(), 2);
    sqlx::query("update webhooks set paused_until = now()")
        .execute(&env.pool)
        .await
        .unwrap();
    receiver.wait_for(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_a_closed_port_and_special_addresses_are_errors() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Bound, so that no other server gets the port, but not listening.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = |address: std::net::SocketAddr| format!("http://{address}/");
    let cases = [
        (
            url(silent.local_addr().unwrap()),
            "no answer within 15 seconds",
        ),
        (url(closed.local_addr().unwrap()), "the connection failed"),
        ("http://[::1]:1/".to_owned(), "the address is not allowed"),
        (
            "https://169.254.169.254/".to_owned(),
            "the address is not allowed",
        ),
        ("https://localhost:1/".to_owned(), "the connection failed"),
    ];
    let mut webhooks = Vec::new();
    for (url, _) in &cases {
        webhooks.push(send_test(&api, url).await);
    }
    let _running = env.deliver("w");
    for (webhook, (url, error)) in webhooks.iter().zip(&cases) {
        let delivery = api.delivery_after(webhook, 1).await;
        assert_eq!(delivery["error"], *error, "{url}");
        assert_eq!(delivery["response_status"], json!(null));
        assert_eq!(delivery["status"], "pending");
    }
}

/// The networks are those of the process that delivers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_allowed_network_loopback_is_not_connected_to() {
    let env = TestEnv::new().await;
    let (api, receiver) = (env.webhook_api(), Receiver::accepting().await);
    let webhook = send_test(&api, &receiver.url).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(env.shared_jobs(&[]).run(stop.clone()));
    let delivery = api.delivery_after(&webhook, 1).await;
    assert_eq!(delivery["error"], "the address is not allowed");
    assert!(receiver.received().is_empty());
    stop.cancel();
    until(|| async { running.is_finished().then_some(()) }).await;
}
