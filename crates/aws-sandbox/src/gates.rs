//! Gates for tests: a gate holds a call before or after its effect until the test releases it.

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

/// A gate, shared by the test that added it and the call that it holds.
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

    /// Called by the held call: signals its arrival and waits for the release.
    pub(crate) async fn pass(&self) {
        let mut stage = self.stage.subscribe();
        self.stage.send_if_modified(|stage| {
            let first = *stage == Stage::Waiting;
            if first {
                *stage = Stage::Reached;
            }
            first
        });
        // `self` owns the sender, so the channel cannot close during the wait.
        let _ = stage.wait_for(|stage| *stage == Stage::Released).await;
    }
}

/// The gates that no call has reached yet.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<Arc<Gate>>);

impl Gates {
    /// Adds a gate for the next call that matches.
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

    /// Removes and returns the first gate that matches the call. A gate holds one call only.
    pub(crate) fn take(&mut self, call: &str) -> Option<Arc<Gate>> {
        self.0.retain(|gate| *gate.stage.borrow() == Stage::Waiting);
        let found = self
            .0
            .iter()
            .position(|gate| matches_call(&gate.call, call))?;
        Some(self.0.remove(found))
    }
}

/// Holds the next matching call. Dropping the value releases the call.
#[derive(Debug)]
pub struct Hold {
    gate: Arc<Gate>,
}

impl Hold {
    /// Holds the call before its effect instead of after it. After the release the effect still
    /// happens, even if the client has disconnected.
    #[must_use]
    pub fn before(self) -> Hold {
        self.gate.before.store(true, Ordering::SeqCst);
        self
    }

    /// Waits until a call is held.
    pub async fn reached(&self) {
        let mut stage = self.gate.stage.subscribe();
        // The gate owns the sender, so the channel cannot close during the wait.
        let _ = stage.wait_for(|stage| *stage != Stage::Waiting).await;
    }

    /// Releases the held call. A call that arrives later is not held.
    pub fn release(&self) {
        self.gate.stage.send_replace(Stage::Released);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}
