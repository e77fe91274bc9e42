//! Floor 4, telemetry: the log on standard error, and the numbers behind /metrics.
//!
//! Bodies and credentials never reach the log: the libraries that would write them on their wire (SDK, HTTP, SQL) are
//! kept low, whatever filter the operator sets.

use std::io;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{LogFormat, Logging};

/// Libraries that would show bodies, headers, statements or answers, and the loudest they may be, whatever the filter.
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
/// Upper ends of the buckets of every duration, in seconds.
const DURATION_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// How often old samples are folded into the buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the log; the first call in a process wins.
pub fn start_log(logging: &Logging) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&logging.filter).context("the log filter does not parse")?;
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match logging.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    // Filters of the whole registry, not of a layer: sqlx asks `tracing::enabled!` before each statement, and a layer's
    // filter remembers that "no" and drops the next line of whoever logs on that thread.
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_fit_to_log))
        .with(lines);
    registry
        .try_init()
        .context("the log has been started before")
}

fn is_fit_to_log(event: &Metadata<'_>) -> bool {
    let library = LIBRARIES
        .iter()
        .find(|(target, _)| event.target().starts_with(target));
    library.is_none_or(|(_, loudest)| event.level() <= loudest)
}

/// Starts to count. The recorder is the process's; its text is what /metrics answers.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&DURATION_BUCKETS)
        .context("the buckets are not valid")?;
    let handle = builder
        .install_recorder()
        .context("another recorder of metrics is installed")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Paper {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn the_wire_of_libraries_stays_out_of_the_log() {
        let paper = Paper::default();
        let registry = tracing_subscriber::registry()
            .with(EnvFilter::new("trace"))
            .with(filter_fn(is_fit_to_log));
        let registry = registry.with(fmt::layer().with_writer(paper.clone()));
        tracing::subscriber::with_default(registry, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "CANARY authorization header");
            tracing::debug!(target: "sqlx::query", "CANARY statement");
            tracing::debug!(target: "hyper::proto", "CANARY body");
            tracing::warn!(target: "aws_config::imds::region", "CANARY answer");
            tracing::info!(target: "sqlx::postgres::notice", "CANARY notice");
            assert!(!tracing::enabled!(target: "sqlx::query", Level::DEBUG));
            tracing::warn!(target: "sqlx::pool", "seen: slow");
            tracing::debug!(target: "dax_provisioner::worker", "seen: ours");
        });
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("CANARY"), "{text}");
        assert_eq!(text.matches("seen: ").count(), 2, "{text}");
    }
}
