//! Law: the worker may die around every mutating call; nothing is lost, doubled or left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sandbox::Hold;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::{Point, Probe, Worker};
use tokio::sync::Notify;

use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::Run;
use crate::properties::scenarios::{Ready, all_ready};
use crate::support::test_env::TestEnv;

/// Where the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// The intent is committed, the call is not sent.
    BeforeTheSend,
    /// The call took effect; its answer is held back by the sandbox.
    AfterTheEffect,
    /// The answer is here; nothing of it is committed.
    BeforeTheCommit,
}

pub const DEATHS: [Death; 3] = [
    Death::BeforeTheSend,
    Death::AfterTheEffect,
    Death::BeforeTheCommit,
];

/// A worker that dies for ever at a point of a call, once, and tells when it has.
fn mortal(world: &TestEnv, point: Point, call: &str) -> (Worker, Arc<Notify>) {
    let died = Arc::new(Notify::new());
    let (told, once, call) = (
        Arc::clone(&died),
        Arc::new(AtomicBool::new(false)),
        call.to_owned(),
    );
    let probe: Probe = Arc::new(move |at, _, mutation| {
        let here = at == point
            && mutation.is_some_and(|one| one.call_name() == call)
            && !once.swap(true, Ordering::SeqCst);
        let told = Arc::clone(&told);
        Box::pin(async move {
            if here {
                told.notify_one();
                std::future::pending::<()>().await;
            }
        })
    });
    (world.worker("mortal").with_probe(probe), died)
}

/// Steps a worker until it dies around the given call; its lease has ended then. What is held back stays so.
pub async fn die(run: &Run, death: Death, call: &str) -> Option<Hold> {
    let (point, hold) = match death {
        Death::BeforeTheSend => (Some(Point::Intended), None),
        Death::BeforeTheCommit => (Some(Point::Answered), None),
        Death::AfterTheEffect => (None, Some(run.world.sandbox.hold(call))),
    };
    let (worker, died) = match point {
        Some(point) => mortal(&run.world, point, call),
        None => (run.world.worker("mortal"), Arc::new(Notify::new())),
    };
    let reached = async {
        match &hold {
            Some(hold) => hold.reached().await,
            None => died.notified().await,
        }
    };
    tokio::select! {
        () = reached => {}
        finished = run.world.finish(&worker, run.id) => panic!("{call} was not met: {finished:?}"),
    }
    run.world.end_leases().await;
    hold
}

pub async fn many_deaths(ready: &'static Ready, death: Death, calls: Vec<String>) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    let mut held = Vec::new();
    for call in &calls {
        held.push(die(&run, death, call).await);
    }
    let ended = run.finish(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{}: {:#?}",
        ready.life.name,
        ended.fault
    );
    run.check_like(
        &ready.forward,
        &format!("{} {death:?} {calls:?}", ready.life.name),
    )
    .await;
    drop(held);
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_dies_around_every_call_of_every_kind() {
    let (mut jobs, mut deaths): (Vec<Job>, usize) = (Vec::new(), 0);
    for ready in all_ready().await {
        for death in DEATHS {
            let calls = ready.forward.mutations.clone();
            if !calls.is_empty() {
                deaths += calls.len();
                let name = format!("{} {death:?}", ready.life.name);
                jobs.push((name, Box::pin(many_deaths(ready, death, calls))));
            }
        }
    }
    println!("deaths: {deaths}, several in a run");
    all_hold("deaths", jobs).await;
}

/// The same, one death in a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_worker_dies_alone_around_every_call_of_every_kind() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        for death in DEATHS {
            for call in &ready.forward.mutations {
                let name = format!("{} {death:?} {call}", ready.life.name);
                jobs.push((
                    name,
                    Box::pin(many_deaths(ready, death, vec![call.clone()])),
                ));
            }
        }
    }
    all_hold("deaths, alone", jobs).await;
}
