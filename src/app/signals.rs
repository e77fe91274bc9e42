//! Signals: the first asks the service to end, the second does not wait for anything.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What signals have asked for so far.
#[derive(Debug, Clone)]
pub struct Signals {
    /// The service shall end in order.
    pub stop: CancellationToken,
    /// It shall end now.
    pub force: CancellationToken,
}

impl Signals {
    /// Begins to watch for SIGINT and SIGTERM.
    pub fn watch() -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
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

    /// Signals that never come.
    pub fn none() -> Self {
        Self {
            stop: CancellationToken::new(),
            force: CancellationToken::new(),
        }
    }
}
