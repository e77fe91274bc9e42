//! Signals: the first starts a graceful shutdown, the second stops the process at once.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The effects of SIGINT and SIGTERM.
#[derive(Debug, Clone)]
pub struct Signals {
    /// Cancelled by the first signal: shut down gracefully.
    pub stop: CancellationToken,
    /// Cancelled by the second signal: do not wait.
    pub force: CancellationToken,
}

impl Signals {
    /// Installs handlers for SIGINT and SIGTERM.
    pub fn watch() -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
        let signals = Self::none();
        let watched = signals.clone();
        tokio::spawn(async move {
            for token in [&watched.stop, &watched.force] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(signals)
    }

    /// Signals that are never sent.
    pub fn none() -> Self {
        Self {
            stop: CancellationToken::new(),
            force: CancellationToken::new(),
        }
    }
}
