//! Receivers of webhooks on loopback, and the API and the jobs that serve them.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use dax_provisioner::api::ApiSettings;
use dax_provisioner::outgoing::addresses::AllowedNetworks;
use dax_provisioner::outgoing::secrets::SecretsKey;
use dax_provisioner::outgoing::webhooks::WebhookClient;
use dax_provisioner::worker::SharedJobs;
use serde_json::{Value, json};
use sqlx::PgExecutor;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::support::api::{ApiClient, open_settings};
use crate::support::test_env::TestEnv;

/// The pause of a delivery during its attempt.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Longest wait for something that takes a second.
const TIMEOUT: Duration = Duration::from_secs(30);

pub fn secrets_key() -> SecretsKey {
    SecretsKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
    pub at: Instant,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The ID of the delivery.
    pub fn id(&self) -> Uuid {
        self.header("webhook-id").parse().unwrap()
    }

    /// The name of the cluster.
    pub fn cluster(&self) -> &str {
        self.body["data"]["cluster"].as_str().unwrap()
    }
}

/// A receiver that stops when it is dropped.
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    _stop: AbortOnDropHandle<()>,
}

impl Receiver {
    /// A receiver that accepts everything.
    pub async fn accepting() -> Self {
        Self::new(|_| async { StatusCode::NO_CONTENT.into_response() }).await
    }

    /// A receiver whose answer to the n-th request, from 0, is that of `answer`.
    pub async fn new<F: Future<Output = Response> + Send + 'static>(
        answer: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let list = Arc::clone(&received);
        let handler = move |request: Request| {
            let (list, answer) = (Arc::clone(&list), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 100_000).await.unwrap();
                let text = String::from_utf8(body.to_vec()).unwrap();
                let number = {
                    let mut list = list.lock().unwrap();
                    list.push(Received {
                        headers: parts.headers,
                        body: serde_json::from_str(&text).unwrap(),
                        text,
                        at: Instant::now(),
                    });
                    list.len() - 1
                };
                answer(number).await
            }
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router: Router = Router::new().fallback(handler);
        let server = axum_server::from_tcp(listener).unwrap();
        let serving = tokio::spawn(async move {
            let _ = server.serve(router.into_make_service()).await;
        });
        Self {
            url,
            received,
            _stop: AbortOnDropHandle::new(serving),
        }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until this number of requests has been received.
    pub async fn wait_for(&self, number: usize) -> Vec<Received> {
        until(|| async { (self.received().len() >= number).then(|| self.received()) }).await
    }
}

/// Waits until `condition` has a value.
pub async fn until<T, F: Future<Output = Option<T>>>(condition: impl Fn() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(began.elapsed() < TIMEOUT, "nothing in {TIMEOUT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An answer with a body that never ends.
pub fn endless() -> Response {
    let chunks = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Some((Ok::<_, std::io::Error>(vec![b'x'; 100]), ()))
    });
    Body::from_stream(chunks).into_response()
}

impl TestEnv {
    /// A client of an API that can keep secrets.
    pub fn webhook_api(&self) -> ApiClient {
        let settings = ApiSettings {
            secrets_key: Some(secrets_key()),
            ..open_settings()
        };
        self.api_with(self.store.clone(), settings)
    }

    /// The shared jobs, which deliver webhooks to these networks.
    pub fn shared_jobs(&self, networks: &[&str]) -> SharedJobs {
        let networks: Vec<String> = networks.iter().map(|text| (*text).to_owned()).collect();
        let client = WebhookClient::new(AllowedNetworks::parse(&networks).unwrap()).unwrap();
        SharedJobs::new(self.store.clone()).with_webhooks(client, secrets_key())
    }

    /// Runs a worker and delivers webhooks to loopback, until the guard is dropped.
    pub fn deliver(&self, name: &str) -> (DropGuard, JoinHandle<()>) {
        let stop = CancellationToken::new();
        let worker = self.worker(name).run(2, false, stop.clone());
        let jobs = self.shared_jobs(&["127.0.0.0/8"]).run(stop.clone());
        let running = tokio::spawn(async move {
            tokio::join!(worker, jobs);
        });
        (stop.drop_guard(), running)
    }

    /// Makes every pending delivery due, as time does.
    pub async fn make_deliveries_due(&self) {
        make_deliveries_due(&self.pool).await;
    }
}

/// Makes every pending delivery due, as time does: pauses and leases end. Returns their number.
pub async fn make_deliveries_due(database: impl PgExecutor<'_>) -> u64 {
    let due = "update webhook_deliveries set next_attempt_at = now() where status = 'pending'";
    let made = sqlx::query(due).execute(database).await.unwrap();
    made.rows_affected()
}

impl ApiClient {
    /// Creates a webhook. Returns its path and its secret.
    pub async fn create_webhook(&self, url: &str, events: &[&str]) -> (String, String) {
        self.create_webhook_with(&json!({"url": url, "events": events}))
            .await
    }

    /// The same with this request.
    pub async fn create_webhook_with(&self, request: &Value) -> (String, String) {
        let created = self.post("/v1/webhooks", request, &[]).await;
        assert_eq!(created.status, 201, "{created:?}");
        let secret = created.body["secret"].as_str().unwrap().to_owned();
        (created.header("location").to_owned(), secret)
    }

    /// The deliveries of a webhook, newest first.
    pub async fn deliveries(&self, webhook: &str) -> Vec<Value> {
        let list = self.get(&format!("{webhook}/deliveries?limit=100")).await;
        list.body["items"].as_array().unwrap().clone()
    }

    /// Waits until this number of attempts of the newest delivery of a webhook has ended, or more.
    pub async fn delivery_after(&self, webhook: &str, attempts: i64) -> Value {
        until(|| async {
            let one = self.deliveries(webhook).await.first().cloned()?;
            let has_begun = one["attempts"].as_i64().unwrap() >= attempts;
            (has_begun && pause(&one) != Some(LEASE)).then_some(one)
        })
        .await
    }
}

/// The time from the last attempt of a delivery to the next one, if there is one.
pub fn pause(delivery: &Value) -> Option<TimeDelta> {
    let time = |name: &str| -> Option<DateTime<Utc>> { delivery[name].as_str()?.parse().ok() };
    Some(time("next_attempt_at")? - time("last_attempt_at")?)
}
