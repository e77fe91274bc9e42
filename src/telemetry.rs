//! Telemetry, in layer 4: the log on standard error, the metrics of `/metrics`, and the export of traces.
//!
//! The log never contains bodies or credentials. The levels of libraries that would log them (SDK,
//! HTTP, SQL) are limited, independent of the operator's filter.

use std::io;
use std::time::Duration;

use anyhow::Context;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{LogFormat, Logging};

mod otlp;

pub use otlp::Traces;

/// Maximum levels of libraries that log bodies, headers or statements at lower levels.
const LIBRARIES: [(&str, Level); 9] = [
    ("aws_", Level::ERROR),
    ("sqlx::postgres::notice", Level::WARN),
    ("sqlx", Level::INFO),
    ("axum", Level::INFO),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("reqwest", Level::INFO),
    ("rustls", Level::INFO),
    ("tower", Level::INFO),
];
/// Upper bounds of the buckets of duration histograms, in seconds.
const DURATION_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The same for durations of operations, which take minutes.
const OPERATION_BUCKETS: [f64; 9] = [
    1.0, 10.0, 60.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 14_400.0,
];
const OPERATION_DURATION: &str = "dax_provisioner_operation_duration_seconds";

const COUNTERS: [(&str, &str); 8] = [
    (
        "dax_provisioner_operations_ended_total",
        "Operations that a worker of this process ended, by kind and status.",
    ),
    (
        "dax_provisioner_turns_total",
        "Turns of the workers of this process, by verdict.",
    ),
    (
        "dax_provisioner_faults_total",
        "Faults in the turns of this process, by problem code.",
    ),
    (
        "dax_provisioner_aws_calls_total",
        "Calls to AWS by this process, by service, operation and outcome.",
    ),
    (
        "dax_provisioner_unreadable_operations_total",
        "Claims of operations that this version could not read.",
    ),
    (
        "dax_provisioner_webhook_attempts_total",
        "Attempts to deliver an event to a webhook, by outcome.",
    ),
    (
        "dax_provisioner_decisions_failed_total",
        "Decisions of the policies that failed, and so denied.",
    ),
    (
        "dax_provisioner_spans_exported_total",
        "Spans of traces that were sent to the collector, by outcome.",
    ),
];
const GAUGES: [(&str, &str); 12] = [
    (
        "dax_provisioner_operations_unfinished",
        "Unfinished operations of the installation, by status.",
    ),
    (
        "dax_provisioner_operation_overdue_seconds",
        "How long the operation that is due longest has waited for a worker.",
    ),
    (
        "dax_provisioner_operation_blocked_seconds",
        "Age of the oldest blocked operation.",
    ),
    (
        "dax_provisioner_operations_of_newer_versions",
        "Operations that only a newer version of this program can continue.",
    ),
    (
        "dax_provisioner_operations_crashed",
        "Operations that are blocked because their step repeatedly ended its process.",
    ),
    (
        "dax_provisioner_poll_age_seconds",
        "Time since the clusters of waiting operations were last read; 0 if none waits.",
    ),
    (
        "dax_provisioner_sweep_age_seconds",
        "Time since the sweep for leftovers last completed.",
    ),
    (
        "dax_provisioner_event_numbering_lag_seconds",
        "Age of the oldest event that has no position in the event feed.",
    ),
    (
        "dax_provisioner_target_ready",
        "1 if operations in the target can run in this process, else 0.",
    ),
    (
        "dax_provisioner_organisation_valid",
        "1 if the directory of the organisation is in force, 0 if it has faults and is not taken.",
    ),
    (
        "dax_provisioner_session_token_utilization_percent",
        "Size of the last session token, with its policy, as AWS reports it.",
    ),
    (
        "dax_provisioner_build_info",
        "1, with the version of this process.",
    ),
];
const HISTOGRAMS: [(&str, &str); 2] = [
    (
        OPERATION_DURATION,
        "Time from the acceptance of an operation to its end, by kind and status.",
    ),
    (
        "dax_provisioner_http_request_duration_seconds",
        "Time to answer a request, by method, route and status.",
    ),
];
/// Interval at which samples are drained into the buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the log of the process, and the export of traces if it is configured. Fails if a log is
/// installed already.
pub fn start_log(logging: &Logging) -> anyhow::Result<Option<Traces>> {
    let filter = EnvFilter::try_new(&logging.filter).context("the log filter is invalid")?;
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match logging.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    // The filters apply to the registry, not to a layer. sqlx calls `tracing::enabled!` before each
    // statement; a layer's filter would remember "no" and drop the next event of that thread.
    let traces = logging
        .otlp_endpoint
        .as_ref()
        .map(Traces::start)
        .transpose()?;
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_within_limit))
        .with(lines)
        .with(traces.as_ref().map(Traces::layer));
    registry
        .try_init()
        .context("the log is already installed")?;
    Ok(traces)
}

fn is_within_limit(event: &Metadata<'_>) -> bool {
    let library = LIBRARIES
        .iter()
        .find(|(target, _)| event.target().starts_with(target));
    library.is_none_or(|(_, max)| event.level() <= max)
}

/// Installs the metrics recorder of the process. `/metrics` renders the returned handle.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&DURATION_BUCKETS)
        .and_then(|builder| {
            let operations = Matcher::Full(OPERATION_DURATION.to_owned());
            builder.set_buckets_for_metric(operations, &OPERATION_BUCKETS)
        })
        .context("the buckets are invalid")?;
    let handle = builder
        .install_recorder()
        .context("a metrics recorder is already installed")?;
    describe_metrics();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Describes every metric, and reports the version of the program.
fn describe_metrics() {
    for (name, help) in COUNTERS {
        describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        describe_gauge!(name, help);
    }
    for (name, help) in HISTOGRAMS {
        describe_histogram!(name, help);
    }
    gauge!("dax_provisioner_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for LogBuffer {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn traffic_of_libraries_is_not_logged() {
        let buffer = LogBuffer::default();
        let registry = tracing_subscriber::registry()
            .with(EnvFilter::new("trace"))
            .with(filter_fn(is_within_limit));
        let registry = registry.with(fmt::layer().with_writer(buffer.clone()));
        tracing::subscriber::with_default(registry, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "CANARY authorization header");
            tracing::debug!(target: "sqlx::query", "CANARY statement");
            tracing::debug!(target: "hyper::proto", "CANARY body");
            tracing::warn!(target: "aws_config::imds::region", "CANARY answer");
            tracing::info!(target: "sqlx::postgres::notice", "CANARY notice");
            assert!(!tracing::enabled!(target: "sqlx::query", Level::DEBUG));
            tracing::warn!(target: "sqlx::pool", "expected: pool");
            tracing::debug!(target: "dax_provisioner::worker", "expected: worker");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("CANARY"), "{text}");
        assert_eq!(text.matches("expected: ").count(), 2, "{text}");
    }
}
