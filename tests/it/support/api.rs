//! The door of a world: requests as clients send them, and every answer checked against the API document.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use dax_provisioner::api;
use dax_provisioner::api::{Api, ApiSettings, Authentication};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::store::Store;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::test_env::TestEnv;

/// The API document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(api::openapi()).unwrap());

/// A door that tests knock at.
pub struct Door {
    router: Router,
    pub shutdown: CancellationToken,
    pub place: watch::Sender<Option<AwsAccount>>,
    /// Sent with every request.
    pub token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

/// Settings under which nobody needs a token, on a database made for tests.
pub fn open_settings() -> ApiSettings {
    ApiSettings {
        authentication: Authentication::Off,
        durability_required: false,
        ..ApiSettings::default()
    }
}

impl Door {
    pub fn of(world: &TestEnv) -> Self {
        let permissions_boundary = world.settings.permissions_boundary.clone();
        Self::with(
            world,
            world.store.clone(),
            ApiSettings {
                permissions_boundary,
                ..open_settings()
            },
        )
    }

    pub fn with(world: &TestEnv, store: Store, settings: ApiSettings) -> Self {
        let (place, seen) = watch::channel(Some(world.place.clone()));
        let shutdown = CancellationToken::new();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let inspector = Arc::new(Inspector::new(world.aws.clone()));
        let api = Api::new(store, inspector, seen, settings, metrics, shutdown.clone());
        Self {
            router: api::router(api),
            shutdown,
            place,
            token: None,
        }
    }

    /// Sends a request; the answer must be one the API document has.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (
            request.method().as_str().to_lowercase(),
            request.uri().path().to_owned(),
        );
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            text,
            body,
        };
        answer.check_headers();
        answer.check_body(&method, &path);
        answer
    }

    fn request(
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

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(
            self.request("GET", path, headers)
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(
            self.request("DELETE", path, &[])
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.post_bytes(path, body.to_string().into_bytes(), headers)
            .await
    }

    pub async fn post_bytes(&self, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
        let request = self
            .request("POST", path, headers)
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn bare(&self, method: &str, path: &str) -> Answer {
        self.send(self.request(method, path, &[]).body(Body::empty()).unwrap())
            .await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem of a type.
    pub fn refused(&self, status: u16, code: &str) -> &Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        &self.body
    }

    /// Checks that this is an accepted operation, and returns its id.
    pub fn accepted(&self) -> uuid::Uuid {
        assert_eq!(self.status, 202, "{self:?}");
        let id = self.body["id"].as_str().unwrap();
        assert_eq!(self.header("location"), format!("/v1/operations/{id}"));
        assert!(self.header("retry-after").parse::<u64>().unwrap() >= 1);
        id.parse().unwrap()
    }

    fn check_headers(&self) {
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert!(!self.header("content-security-policy").is_empty());
        assert!(!self.header("cache-control").is_empty());
        assert!(!self.header("x-request-id").is_empty() && !self.header("traceparent").is_empty());
        assert!(
            !self.headers.contains_key("server")
                && !self.headers.contains_key("access-control-allow-origin")
        );
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
                check("Problem", &self.body);
            }
            return;
        }
        let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let sent = parts(path);
        let template = DOCUMENT["paths"]
            .as_object()
            .unwrap()
            .keys()
            .find(|template| {
                let template = parts(template);
                template.len() == sent.len()
                    && template
                        .iter()
                        .zip(&sent)
                        .all(|(t, s)| t.starts_with('{') || t == s)
            });
        let Some(template) = template else { return };
        let response = &DOCUMENT["paths"][template][method]["responses"][self.status.as_str()];
        let schema = response["content"]["application/json"]["schema"]["$ref"].as_str();
        if let Some(name) = schema.and_then(|schema| schema.rsplit('/').next()) {
            check(name, &self.body);
        }
    }
}

/// Checks a body against a schema of the API document.
fn check(name: &str, body: &Value) {
    let root = json!({"$ref": format!("#/components/schemas/{name}"), "components": DOCUMENT["components"]});
    let validator = jsonschema::draft202012::new(&root).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(body)
        .map(|e| format!("{} {e}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// A request for a cluster whose role is made.
pub fn wanted(name: &str) -> Value {
    json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_write", "tables": ["Orders"]},
    })
}
