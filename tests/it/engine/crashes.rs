//! Layer L3: the worker dies around every mutating call of create and delete, and nothing is lost, doubled or left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::{Point, Probe, Worker};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

/// Where the worker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// The intent is committed, the call is not sent.
    BeforeTheSend,
    /// The call took effect; its answer is held back by the sandbox.
    AfterTheEffect,
    /// The answer is here; nothing of it is committed.
    BeforeTheCommit,
}

const DEATHS: [Death; 3] = [
    Death::BeforeTheSend,
    Death::AfterTheEffect,
    Death::BeforeTheCommit,
];

/// Every mutating call that a create or a delete with everything makes, in order.
async fn calls_of_a_life() -> (Vec<String>, Vec<String>) {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    assert_eq!(
        world.settle(&worker, create).await.status,
        Status::Succeeded
    );
    let creating = mutating(&world);
    let delete = world.delete("orders").await;
    assert_eq!(
        world.settle(&worker, delete).await.status,
        Status::Succeeded
    );
    let deleting = mutating(&world).split_off(creating.len());
    (creating, deleting)
}

fn mutating(world: &TestEnv) -> Vec<String> {
    world
        .service_calls()
        .into_iter()
        .filter(|call| call.mutating)
        .map(|call| call.operation.into_owned())
        .collect()
}

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
            && mutation.is_some_and(|one| format!("{}:{}", one.service(), one.operation()) == call)
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

/// Steps a worker until it dies around the given call.
async fn die(world: &TestEnv, id: Uuid, death: Death, call: &str) -> Option<aws_sandbox::Hold> {
    let (point, hold) = match death {
        Death::BeforeTheSend => (Some(Point::Intended), None),
        Death::BeforeTheCommit => (Some(Point::Answered), None),
        Death::AfterTheEffect => (None, Some(world.sandbox.hold(call))),
    };
    let (worker, died) = match point {
        Some(point) => mortal(world, point, call),
        None => (world.worker("mortal"), Arc::new(Notify::new())),
    };
    let reached = async {
        match &hold {
            Some(hold) => hold.reached().await,
            None => died.notified().await,
        }
    };
    tokio::select! {
        () = reached => {}
        finished = world.finish(&worker, id) => panic!("{call} was not met: {finished:?}"),
    }
    hold
}

async fn check_the_end(world: &TestEnv, what: &str) {
    assert_eq!(world.made_in_aws(), Vec::<String>::new(), "{what}");
    for (call, count) in world.effects() {
        assert_eq!(count, 1, "{what}: {call:?} took effect {count} times");
    }
    let open = sqlx::query_scalar::<_, i64>("select count(*) from intents where closed_at is null");
    assert_eq!(
        open.fetch_one(&world.pool).await.unwrap(),
        0,
        "{what}: an intent stayed open"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_dies_around_every_call_and_each_effect_happens_once() {
    let (creating, deleting) = calls_of_a_life().await;
    let mut runs = 0;
    for death in DEATHS {
        for call in &creating {
            let world = TestEnv::new().await;
            let create = world.create(&spec_with_groups(&world, "orders")).await;
            let held = die(&world, create, death, call).await;
            world.end_leases().await;
            let heir = world.worker("heir");
            let done = world.settle(&heir, create).await;
            assert_eq!(
                done.status,
                Status::Succeeded,
                "{death:?} {call}: {:#?}",
                done.fault
            );
            let delete = world.delete("orders").await;
            let gone = world.settle(&heir, delete).await;
            assert_eq!(
                gone.status,
                Status::Succeeded,
                "{death:?} {call}: {:#?}",
                gone.fault
            );
            check_the_end(&world, &format!("{death:?} {call}")).await;
            drop(held);
            runs += 1;
        }
        for call in &deleting {
            let world = TestEnv::new().await;
            let heir = world.worker("heir");
            let create = world.create(&spec_with_groups(&world, "orders")).await;
            assert_eq!(world.settle(&heir, create).await.status, Status::Succeeded);
            let delete = world.delete("orders").await;
            let held = die(&world, delete, death, call).await;
            world.end_leases().await;
            let gone = world.settle(&heir, delete).await;
            assert_eq!(
                gone.status,
                Status::Succeeded,
                "{death:?} {call}: {:#?}",
                gone.fault
            );
            check_the_end(&world, &format!("{death:?} {call}")).await;
            drop(held);
            runs += 1;
        }
    }
    let calls = creating.len() + deleting.len();
    println!(
        "crashes: {calls} mutating calls x {} deaths = {runs} runs",
        DEATHS.len()
    );
    println!("  create: {creating:?}\n  delete: {deleting:?}");
    assert!(
        calls >= 14 && runs == calls * DEATHS.len(),
        "{calls} calls, {runs} runs"
    );
}
