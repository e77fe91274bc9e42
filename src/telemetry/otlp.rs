//! The export of traces: OTLP over HTTP with JSON.
//!
//! A trace begins with a request or an operation. Probes, and calls to AWS that belong to neither, are
//! in no trace. A thread of its own exports in batches; a collector that does not answer delays nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use metrics::counter;
use opentelemetry::trace::{Link, SpanKind, Status, TraceId, TracerProvider};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_otlp::{
    Protocol, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
    SpanData, SpanExporter,
};
use reqwest::Url;
use tokio::runtime::Handle;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

/// Limit of one export.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Path of traces below the endpoint, by the OTLP specification.
const PATH: &str = "v1/traces";
/// Routes whose requests are in no trace.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The traces of this process.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares the export to a collector. It needs the runtime of the process.
    pub(super) fn start(endpoint: &Url) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIMEOUT)
            .build()
            .context("the HTTP client of traces cannot be built")?;
        let url = format!("{}/{PATH}", endpoint.as_str().trim_end_matches('/'));
        let otlp = OtlpExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(url)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("--otlp-endpoint cannot be used")?;
        let exporter = Exporter {
            otlp: Arc::new(otlp),
            runtime: Handle::current(),
            fails: AtomicBool::new(false),
        };
        let resource = Resource::builder()
            .with_service_name("dax-provisioner")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Roots)))
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// The layer that makes spans of the program spans of traces.
    pub(super) fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("dax-provisioner"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
    }

    /// Exports what is left. The runtime of the process must run.
    pub async fn finish(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans were not exported");
        }
    }
}

/// Samples the spans that begin a trace: requests that are no probes. The spans below follow them.
#[derive(Debug, Clone)]
struct Roots;

impl ShouldSample for Roots {
    fn should_sample(
        &self,
        _: Option<&opentelemetry::Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let is_root = name == "request" && !is_probe(attributes);
        SamplingResult {
            decision: if is_root {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

fn is_probe(attributes: &[KeyValue]) -> bool {
    let route = text(attributes, "http.route");
    PROBES.contains(&route.as_str())
}

/// Exports on the runtime of the process, because the thread of the batches has none.
#[derive(Debug)]
struct Exporter {
    otlp: Arc<OtlpExporter>,
    runtime: Handle,
    /// Whether the last export failed.
    fails: AtomicBool,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let otlp = self.otlp.clone();
        let batch = batch.into_iter().map(by_conventions).collect();
        let exporting = self.runtime.spawn(async move { otlp.export(batch).await });
        let exported = exporting.await.unwrap_or_else(|ended| {
            let cause = format!("the export was cut short: {ended}");
            Err(OTelSdkError::InternalFailure(cause))
        });
        let failed = exported.is_err();
        let outcome = if failed { "failed" } else { "ok" };
        counter!("dax_provisioner_spans_exported_total", "outcome" => outcome).increment(spans);
        if failed && !self.fails.swap(failed, Ordering::Relaxed) {
            tracing::warn!("traces are not exported: the collector cannot be used");
        }
        self.fails.store(failed, Ordering::Relaxed);
        exported
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(otlp) = Arc::get_mut(&mut self.otlp) {
            otlp.set_resource(resource);
        }
    }
}

/// Names kind, status and attributes of a span by OpenTelemetry's semantic conventions. Here and not
/// where the span begins, so that lines of the log do not repeat them.
fn by_conventions(mut span: SpanData) -> SpanData {
    for attribute in &mut span.attributes {
        attribute.key = match attribute.key.as_str() {
            "http.method" => Key::new("http.request.method"),
            "http.status" => Key::new("http.response.status_code"),
            _ => continue,
        };
    }
    let text = |name| text(&span.attributes, name);
    let (name, kind, failed) = match span.name.as_ref() {
        "request" => (
            format!("{} {}", text("http.request.method"), text("http.route")),
            SpanKind::Server,
            text("http.response.status_code").starts_with('5'),
        ),
        "turn" => (
            format!("turn {}", text("step.name")),
            SpanKind::Internal,
            false,
        ),
        "aws" => (
            format!("{}.{}", text("rpc.service"), text("rpc.method")),
            SpanKind::Client,
            ["refused", "unanswered"].contains(&text("aws.outcome").as_str()),
        ),
        _ => return span,
    };
    span.name = name.into();
    span.span_kind = kind;
    if failed {
        span.status = Status::error("");
    }
    span
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|entry| entry.key.as_str() == name);
    found.map_or_else(String::new, |entry| match &entry.value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}
