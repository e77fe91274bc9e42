//! The service as its clients see it: the door on a port of loopback, with workers behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dax_provisioner::api;
use dax_provisioner::api::{Api, ApiSettings, Authentication};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::store::StoredToken;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::test_env::TestEnv;

/// One running service.
pub struct Service {
    pub url: String,
    client: reqwest::Client,
    token: String,
    store: dax_provisioner::store::Store,
    stop: CancellationToken,
    _guard: DropGuard,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The text at a JSON pointer of the body.
    pub fn text(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Service {
    /// A service with workers.
    pub async fn start(world: &TestEnv) -> Self {
        let service = Self::without_workers(world).await;
        tokio::spawn(world.worker("service").run(2, true, service.stop.clone()));
        service
    }

    /// Only the door: nothing moves until a test steps a worker.
    pub async fn without_workers(world: &TestEnv) -> Self {
        let permissions_boundary = world.settings.permissions_boundary.clone();
        Self::with(
            world,
            ApiSettings {
                durability_required: false,
                permissions_boundary,
                ..ApiSettings::default()
            },
        )
        .await
    }

    pub async fn with(world: &TestEnv, settings: ApiSettings) -> Self {
        let stop = CancellationToken::new();
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
            .build_recorder()
            .handle();
        let (_, place) = watch::channel(Some(world.place.clone()));
        let inspector = Arc::new(Inspector::new(world.aws.clone()));
        let authenticated = settings.authentication == Authentication::On;
        let door = Api::new(
            world.store.clone(),
            inspector,
            place,
            settings,
            metrics,
            stop.clone(),
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = axum_server::Handle::new();
        let server = axum_server::from_tcp(listener)
            .unwrap()
            .handle(handle.clone());
        tokio::spawn(server.serve(api::router(door).into_make_service()));
        let ended = stop.clone();
        tokio::spawn(async move {
            ended.cancelled().await;
            handle.shutdown();
        });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut service = Self {
            url,
            client,
            token: String::new(),
            store: world.store.clone(),
            stop: stop.clone(),
            _guard: stop.drop_guard(),
        };
        if authenticated {
            service.token = service.token("test").await;
        }
        service
    }

    /// A new bearer token of this name.
    pub async fn token(&self, name: &str) -> String {
        let (token, secret_hash) = api::http::tokens::new_token();
        let stored = StoredToken {
            name: name.to_owned(),
            secret_hash,
            expires_at: None,
        };
        assert!(self.store.keep_token(&stored, true).await.unwrap());
        token
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() && !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Reads an operation until it has one of these statuses.
    pub async fn until(&self, operation: &str, statuses: &[&str]) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let path = format!("/v1/operations/{operation}");
            let answer = self
                .send(Method::GET, &path, &[("prefer", "wait=5")], None)
                .await;
            if statuses.contains(&answer.text("/status")) {
                return answer;
            }
            assert!(
                Instant::now() < deadline,
                "{statuses:?} was not reached: {:#}",
                answer.body
            );
        }
    }
}
