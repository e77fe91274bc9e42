//! Test gates: a call is held after (or before) its effect until the test lets it go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::faults::matches_call;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Reached,
    Released,
}

/// One gate, shared by the test that holds it and the call that meets it.
#[derive(Debug)]
pub(crate) struct Gate {
    call: String,
    before: AtomicBool,
    stage: watch::Sender<Stage>,
}

impl Gate {
    /// Whether the call waits before its effect rather than after it.
    pub(crate) fn holds_before(&self) -> bool {
        self.before.load(Ordering::SeqCst)
    }

    /// Called by the held call: says that it is here, and waits to be let go.
    pub(crate) async fn pass(&self) {
        let mut stage = self.stage.subscribe();
        self.stage.send_if_modified(|stage| {
            let first = *stage == Stage::Waiting;
            if first {
                *stage = Stage::Reached;
            }
            first
        });
        // The sender lives in `self`, so the channel cannot close while we wait.
        let _ = stage.wait_for(|stage| *stage == Stage::Released).await;
    }
}

/// The gates that no call has met yet.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<Arc<Gate>>);

impl Gates {
    /// Sets up a gate for the next call that matches.
    pub(crate) fn add(&mut self, call: &str) -> Hold {
        let (stage, _) = watch::channel(Stage::Waiting);
        let gate = Arc::new(Gate {
            call: call.to_owned(),
            before: AtomicBool::new(false),
            stage,
        });
        self.0.push(Arc::clone(&gate));
        Hold { gate }
    }

    /// Takes the first gate that this call meets; a gate holds one call only.
    pub(crate) fn take(&mut self, call: &str) -> Option<Arc<Gate>> {
        self.0.retain(|gate| *gate.stage.borrow() == Stage::Waiting);
        let found = self
            .0
            .iter()
            .position(|gate| matches_call(&gate.call, call))?;
        Some(self.0.remove(found))
    }
}

/// Holds the next matching call; dropping it lets the call go.
#[derive(Debug)]
pub struct Hold {
    gate: Arc<Gate>,
}

impl Hold {
    /// Holds the call before its effect instead of after it. The effect still comes once released, even if the client
    /// has gone: the request was on its way.
    #[must_use]
    pub fn before(self) -> Hold {
        self.gate.before.store(true, Ordering::SeqCst);
        self
    }

    /// Waits until a call is held.
    pub async fn reached(&self) {
        let mut stage = self.gate.stage.subscribe();
        // The sender lives in the gate, so the channel cannot close while we wait.
        let _ = stage.wait_for(|stage| *stage != Stage::Waiting).await;
    }

    /// Lets the held call go; a call that comes later is not held at all.
    pub fn release(&self) {
        self.gate.stage.send_replace(Stage::Released);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}
