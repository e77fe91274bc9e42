//! A client of the API in the same process. It checks every response against the OpenAPI document.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use dax_provisioner::api::http::tokens::new_token;
use dax_provisioner::api::targets::{AwsReads, Target, Targets};
use dax_provisioner::api::{self, Api, ApiSettings, Authentication};
use dax_provisioner::domain::condition::Condition;
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::target::{TargetName, TargetStatus};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::store::{Store, StoredToken, TokenRights};
use futures_util::StreamExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::test_env::TestEnv;

/// The OpenAPI document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(api::document()).unwrap());

pub struct ApiClient {
    pub router: Router,
    pub shutdown: CancellationToken,
    /// The account and Region that the API knows.
    pub account: watch::Sender<Option<AwsAccount>>,
    /// Bearer token of every request.
    pub token: Option<String>,
}

#[derive(Debug)]
pub struct ApiResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// `Null` if the body is not JSON.
    pub body: Value,
}

/// Settings without authentication, for a database without durability.
pub fn open_settings() -> ApiSettings {
    ApiSettings {
        authentication: Authentication::Off,
        durability_required: false,
        // Limits with few places are tested on their own.
        requests_max: 4_096,
        ..ApiSettings::default()
    }
}

/// The router of the API, and the sender of the account that it knows.
pub fn router(
    env: &TestEnv,
    store: Store,
    settings: ApiSettings,
    shutdown: CancellationToken,
) -> (Router, watch::Sender<Option<AwsAccount>>) {
    let (targets, account) = targets_of(env);
    (router_of(targets, store, settings, shutdown), account)
}

/// The only target of a test environment, and the sender of its account.
pub(super) fn targets_of(env: &TestEnv) -> (Targets, watch::Sender<Option<AwsAccount>>) {
    let (account, known_account) = watch::channel(Some(env.account.clone()));
    let target = Target {
        name: TargetName::default(),
        inspector: Some(Inspector::new(env.aws.clone())),
        account: known_account,
        status: watch::channel(TargetStatus::Ready).1,
        default_access: None,
        permissions_boundary: env.settings.permissions_boundary.clone(),
        other_boundaries: Vec::new(),
        aws_reads: AwsReads::default(),
    };
    let targets = Targets::from([(target.name.clone(), Arc::new(target))]);
    (targets, account)
}

/// The router of the API for these targets.
pub fn router_of(
    targets: Targets,
    store: Store,
    settings: ApiSettings,
    shutdown: CancellationToken,
) -> Router {
    api::router(api_of(targets, store, settings, shutdown))
}

pub(super) fn api_of(
    targets: Targets,
    store: Store,
    settings: ApiSettings,
    shutdown: CancellationToken,
) -> Api {
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let (_, targets) = watch::channel(targets);
    let (_, condition) = watch::channel(Condition::default());
    Api::new(store, targets, condition, settings, metrics, shutdown)
}

impl TestEnv {
    /// A client of an API without authentication.
    pub fn api(&self) -> ApiClient {
        self.api_with(self.store.clone(), open_settings())
    }

    pub fn api_with(&self, store: Store, settings: ApiSettings) -> ApiClient {
        let shutdown = CancellationToken::new();
        let (router, account) = router(self, store, settings, shutdown.clone());
        ApiClient {
            router,
            shutdown,
            account,
            token: None,
        }
    }

    /// A client of an API with these targets. The sender of an account is not connected.
    pub fn api_of(&self, targets: Targets, settings: ApiSettings) -> ApiClient {
        let shutdown = CancellationToken::new();
        let router = router_of(targets, self.store.clone(), settings, shutdown.clone());
        ApiClient {
            router,
            shutdown,
            account: watch::channel(None).0,
            token: None,
        }
    }

    /// Creates a bearer token of this name, or gives an existing one a new secret.
    pub async fn token(&self, name: &str) -> String {
        self.token_with(name, TokenRights::default()).await
    }

    /// The same with rights, which an existing one does not get.
    pub async fn token_with(&self, name: &str, rights: TokenRights) -> String {
        let (token, secret_hash) = new_token();
        let stored = StoredToken {
            name: name.to_owned(),
            secret_hash,
            expires_at: None,
            rights,
        };
        if !self.store.create_token(&stored).await.unwrap() {
            let hash = &stored.secret_hash;
            let rotated = self.store.rotate_token(name, hash, None).await;
            assert!(rotated.unwrap());
        }
        token
    }
}

impl ApiClient {
    /// Sends a request, to `localhost` if it names no host. The response must be one that the
    /// OpenAPI document describes.
    pub async fn send(&self, mut request: Request<Body>) -> ApiResponse {
        let localhost = HeaderValue::from_static("localhost");
        request
            .headers_mut()
            .entry(header::HOST)
            .or_insert(localhost);
        let method = request.method().as_str().to_lowercase();
        let path = request.uri().path().to_owned();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let response = ApiResponse {
            status: parts.status,
            headers: parts.headers,
            text,
            body,
        };
        response.check_headers();
        response.check_body(&method, &path);
        response
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> axum::http::request::Builder {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    pub async fn get(&self, path: &str) -> ApiResponse {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
        let request = self.request("GET", path, headers);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The text of a stream until it sends nothing for this long.
    pub async fn read_stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        idle: Duration,
    ) -> String {
        let request = self
            .request("GET", path, headers)
            .header(header::HOST, "localhost");
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut chunks = response.into_body().into_data_stream();
        let mut text = String::new();
        while let Ok(Some(chunk)) = tokio::time::timeout(idle, chunks.next()).await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        text
    }

    pub async fn delete(&self, path: &str) -> ApiResponse {
        self.send_empty("DELETE", path).await
    }

    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> ApiResponse {
        self.post_bytes(path, body.to_string().into_bytes(), headers)
            .await
    }

    /// Posts bytes that are declared as JSON.
    pub async fn post_bytes(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> ApiResponse {
        let request = self
            .request("POST", path, headers)
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// The status of the response to a request for any version of a cluster. The body is not read: it
    /// can be a stream.
    pub async fn status_of(&self, method: &str, path: &str, body: Option<&Value>) -> u16 {
        let headers = [("if-match", "*"), ("host", "localhost")];
        let request = self.request(method, path, &headers);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        response.status().as_u16()
    }

    /// Sends a request without a body.
    pub async fn send_empty(&self, method: &str, path: &str) -> ApiResponse {
        let request = self.request(method, path, &[]);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

impl ApiResponse {
    /// The value of a header, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem with this code. Returns the problem.
    pub fn rejected(&self, status: u16, code: &str) -> &Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        &self.body
    }

    /// Checks that this is an accepted operation. Returns its ID.
    pub fn accepted(&self) -> uuid::Uuid {
        assert_eq!(self.status, 202, "{self:?}");
        let id = self.body["id"].as_str().unwrap();
        assert_eq!(self.header("location"), format!("/v1/operations/{id}"));
        assert!(self.header("retry-after").parse::<u64>().unwrap() >= 1);
        id.parse().unwrap()
    }

    /// The pointer and the code of every violated rule, sorted.
    pub fn violations(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array();
        let mut violations: Vec<_> = errors
            .unwrap_or_else(|| panic!("{self:?}"))
            .iter()
            .map(|error| {
                let text = |member: &str| error[member].as_str().unwrap();
                (text("pointer"), text("code"))
            })
            .collect();
        violations.sort_unstable();
        violations
    }

    fn check_headers(&self) {
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert!(!self.header("content-security-policy").is_empty());
        assert!(!self.header("cache-control").is_empty());
        assert!(!self.header("x-request-id").is_empty());
        assert!(!self.header("traceparent").is_empty());
        assert!(!self.headers.contains_key("server"));
        assert!(!self.headers.contains_key("access-control-allow-origin"));
        assert_ne!(self.status, 500, "{self:?}");
    }

    fn check_body(&self, method: &str, path: &str) {
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(
                self.header("content-type"),
                "application/problem+json",
                "{self:?}"
            );
            if method != "head" {
                assert_eq!(self.body["status"], self.status.as_u16());
                check_schema("Problem", &self.body);
            }
            return;
        }
        let Some(template) = path_template(path) else {
            return;
        };
        let response = &DOCUMENT["paths"][template][method]["responses"][self.status.as_str()];
        let schema = response["content"]["application/json"]["schema"]["$ref"].as_str();
        if let Some(name) = schema.and_then(|schema| schema.rsplit('/').next()) {
            check_schema(name, &self.body);
        }
    }
}

/// The path in the OpenAPI document, such as `/v1/clusters/{name}`.
fn path_template(path: &str) -> Option<&'static String> {
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let sent = parts(path);
    let mut templates = DOCUMENT["paths"].as_object().unwrap().keys();
    templates.find(|template| {
        let template = parts(template);
        let fits = |(part, sent): (&String, &String)| part.starts_with('{') || part == sent;
        template.len() == sent.len() && template.iter().zip(&sent).all(fits)
    })
}

/// Checks a body against a schema of the OpenAPI document.
fn check_schema(name: &str, body: &Value) {
    let root = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": DOCUMENT["components"],
    });
    let validator = jsonschema::draft202012::new(&root).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(body)
        .map(|error| format!("{} {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

/// The smallest request for a cluster: its service role is new.
pub fn cluster_request(name: &str) -> Value {
    json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_write", "tables": ["Orders"]},
    })
}

/// A string member of every object in an array.
pub fn strings<'a>(items: &'a Value, member: &str) -> Vec<&'a str> {
    let items = items.as_array().unwrap().iter();
    items.map(|item| item[member].as_str().unwrap()).collect()
}
