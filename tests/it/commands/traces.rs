//! Traces: what a process exports of one create, to a collector on loopback.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use reqwest::Client;
use serde_json::{Value, json};

use crate::engine::processes::{
    BINARY, RunningProcess, call, start_database, start_with, wait_until_succeeded,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const OTHER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector, and the bodies that it got.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start() -> Self {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let received = bodies.clone();
        let router = Router::new().fallback(move |uri: Uri, body: Bytes| {
            let text = String::from_utf8(body.to_vec()).unwrap();
            assert_eq!(uri.path(), "/v1/traces");
            received.lock().unwrap().push(text);
            async { "{}" }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = axum_server::from_tcp(listener).unwrap();
        tokio::spawn(server.serve(router.into_make_service()));
        Self { url, bodies }
    }

    fn text(&self) -> String {
        self.bodies.lock().unwrap().join("\n")
    }

    fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for body in self.bodies.lock().unwrap().iter() {
            let body: Value = serde_json::from_str(body).unwrap();
            for resource in body["resourceSpans"].as_array().unwrap() {
                let service = attribute(&resource["resource"], "service.name");
                assert_eq!(service, "dax-provisioner");
                for scope in resource["scopeSpans"].as_array().unwrap() {
                    spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
                }
            }
        }
        spans
    }
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a str {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|entry| entry["key"] == name);
    found.map_or("", |entry| entry["value"]["stringValue"].as_str().unwrap())
}

/// A server of the sandbox, and a token for it.
struct Server {
    process: RunningProcess,
    url: String,
    token: String,
    client: Client,
}

impl Server {
    fn start(database: &str, directory: &std::path::Path, options: &str, collector: &str) -> Self {
        let output = Command::new(BINARY)
            .args(["token", "create", "portal"])
            .env("DATABASE_URL", database)
            .output()
            .unwrap();
        let token = std::str::from_utf8(&output.stdout)
            .unwrap()
            .trim()
            .to_owned();
        assert!(token.starts_with("dxp_"), "{output:?}");
        let arguments = format!(
            "serve --sandbox --listen 127.0.0.1:0 --authentication on --creating-seconds 0.1 \
             --propagation-seconds 0 --data-dir {} {options}",
            directory.join("data").display()
        );
        let variables = [
            ("DATABASE_URL", database),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
            ("NO_PROXY", "127.0.0.1"),
        ];
        let (process, url) = start_with(&arguments, &variables, "listening");
        Self {
            process,
            url,
            token,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Creates a cluster, and waits until it exists. `traceparent`: of the request, if it has one.
    async fn create(&self, name: &str, traceparent: Option<&str>) -> Value {
        let body = json!({
            "name": name,
            "node_type": "dax.t3.small",
            "replication_factor": 1,
            "service_role": {"access": "read_only", "tables": ["Orders"]},
        });
        let url = format!("{}/v1/clusters", self.url);
        let mut request = self.client.post(url).bearer_auth(&self.token).json(&body);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        let operation = call(request).await;
        let id = operation["id"].as_str().expect("an operation");
        let mut headers = reqwest::header::HeaderMap::new();
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        headers.insert("authorization", bearer);
        let client = Client::builder().no_proxy().default_headers(headers);
        let client = client.build().unwrap();
        wait_until_succeeded(&client, &self.url, id, Duration::from_secs(60)).await;
        operation
    }

    /// Ends the process, which exports what is left.
    async fn stop(self) {
        let ended = tokio::task::spawn_blocking(move || self.process.stop());
        ended.await.unwrap();
    }
}

/// The spans of a trace whose name begins with this.
fn named<'a>(spans: &'a [Value], trace: &str, prefix: &str) -> Vec<&'a Value> {
    let is_wanted = |span: &&Value| {
        span["traceId"] == trace && span["name"].as_str().unwrap().starts_with(prefix)
    };
    spans.iter().filter(is_wanted).collect()
}

fn check_trace(spans: &[Value], trace: &str, parent: &str) {
    let requests = named(spans, trace, "POST /v1/clusters");
    let [request] = requests[..] else {
        panic!("{requests:#?}")
    };
    assert_eq!(request["kind"], 2, "{request:#}");
    let turns = named(spans, trace, "turn ");
    let turn_ids: HashSet<&str> = turns
        .iter()
        .filter_map(|turn| turn["spanId"].as_str())
        .collect();
    assert!(turns.len() >= 8, "{turns:#?}");
    assert!(
        turns.iter().all(|turn| turn["parentSpanId"] == parent),
        "{turns:#?}"
    );
    for call in [
        "IAM.CreateRole",
        "IAM.CreatePolicy",
        "IAM.AttachRolePolicy",
        "DAX.CreateCluster",
    ] {
        let calls = named(spans, trace, call);
        let [call] = calls[..] else {
            panic!("{call}: {calls:#?}")
        };
        assert!(
            turn_ids.contains(call["parentSpanId"].as_str().unwrap()),
            "{call:#}"
        );
        assert_eq!(
            (&call["kind"], attribute(call, "aws.outcome")),
            (&json!(3), "ok")
        );
        assert!(!attribute(call, "aws.request_id").is_empty(), "{call:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_one_trace_from_the_request_to_the_calls() {
    let (_postgres, database) = start_database("dax-provisioner-traces").await;
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    // The spans of traces do not depend on the filter of the log.
    let filter = "warn,dax_provisioner::commands=info";
    let options = format!("--log {filter} --otlp-endpoint {}", collector.url);
    let database = format!("{database}&application_name=CANARY");
    let server = Server::start(&database, directory.path(), &options, "http://127.0.0.1:1");
    let token = server.token.clone();
    let sampled = format!("00-{TRACE}-{CALLER}-01");
    server.create("sampled", Some(&sampled)).await;
    let not_sampled = format!("00-{OTHER_TRACE}-{CALLER}-00");
    server.create("unsampled", Some(&not_sampled)).await;
    let own = server.create("own", None).await;
    server.stop().await;

    let spans = collector.spans();
    check_trace(&spans, TRACE, CALLER);
    let own = own["traceparent"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = own.split('-').collect();
    check_trace(&spans, parts[1], parts[2]);
    assert!(spans.iter().all(|span| span["traceId"] != OTHER_TRACE));
    let is_root = |span: &&Value| span["parentSpanId"].as_str().is_none_or(str::is_empty);
    for root in spans.iter().filter(is_root) {
        let name = root["name"].as_str().unwrap();
        assert!(
            ["POST /v1/", "GET /v1/"]
                .iter()
                .any(|start| name.starts_with(start)),
            "{root:#}"
        );
    }
    let text = collector.text();
    for secret in [
        &token,
        "CANARY",
        "AssumeRolePolicyDocument",
        "Statement",
        "authorization",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    println!("{} spans, {} bytes", spans.len(), text.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_exported_without_the_setting() {
    let (_postgres, database) = start_database("dax-provisioner-no-traces").await;
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let server = Server::start(&database, directory.path(), "", &collector.url);
    let sampled = format!("00-{TRACE}-{CALLER}-01");
    let operation = server.create("quiet", Some(&sampled)).await;
    assert_eq!(operation["traceparent"], json!(sampled));
    server.stop().await;
    assert_eq!(collector.text(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_delays_nothing_and_is_counted() {
    let (_postgres, database) = start_database("dax-provisioner-away").await;
    let directory = tempfile::tempdir().unwrap();
    let options = "--otlp-endpoint http://127.0.0.1:1";
    let server = Server::start(&database, directory.path(), options, "");
    server.create("lonely", None).await;
    let url = format!("{}/metrics", server.url);
    let failed = "dax_provisioner_spans_exported_total{outcome=\"failed\"}";
    let mut text = String::new();
    for _ in 0..200 {
        text = server
            .client
            .get(&url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        if text.contains(failed) {
            return server.stop().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{text}");
}
