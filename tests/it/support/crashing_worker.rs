//! Workers that crash where a test wants it. A crash is simulated: the turn never ends, and the
//! test expires its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::worker::{Point, Probe, Worker};
use tokio::sync::Notify;

use crate::support::test_env::TestEnv;

/// A worker that crashes, and the notification of each crash.
pub struct CrashingWorker {
    pub worker: Worker,
    pub crashed: Arc<Notify>,
}

impl CrashingWorker {
    /// A worker that crashes wherever `crashes` returns true: at a point of a step, with the call
    /// that the step sends.
    pub fn new(
        env: &TestEnv,
        crashes: impl Fn(Point, &str, Option<&Mutation>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let crashed = Arc::new(Notify::new());
        let notify = Arc::clone(&crashed);
        let probe: Probe = Arc::new(move |at, step, mutation| {
            let crashes_here = crashes(at, step, mutation);
            let notify = Arc::clone(&notify);
            Box::pin(async move {
                if crashes_here {
                    notify.notify_one();
                    std::future::pending::<()>().await;
                }
            })
        });
        Self {
            worker: env.worker("crashing").with_probe(probe),
            crashed,
        }
    }

    /// A worker that crashes once, at a point of a call such as `iam:CreateRole`.
    pub fn crash_once_at(env: &TestEnv, point: Point, call: &str) -> Self {
        let (has_crashed, call) = (AtomicBool::new(false), call.to_owned());
        Self::new(env, move |at, _, mutation| {
            at == point
                && mutation.is_some_and(|mutation| mutation.call_name() == call)
                && !has_crashed.swap(true, Ordering::SeqCst)
        })
    }

    /// Takes one turn. Returns whether the worker crashed in it; its lease has ended then.
    pub async fn turn(&self, env: &TestEnv) -> bool {
        tokio::select! {
            turn = self.worker.turn() => {
                turn.unwrap();
                false
            }
            () = self.crashed.notified() => {
                env.expire_leases().await;
                true
            }
        }
    }
}
