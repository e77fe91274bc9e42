//! A long life: a cluster is made, changed in every way and removed, by a worker that lives and by one that keeps dying.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dax_provisioner::domain::operation::{Kind, Operation, Status};
use dax_provisioner::worker::{Probe, Worker};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::properties::scenario_actions as begin;
use crate::properties::scenario_run::picture;
use crate::properties::scenario_setup as prepare;
use crate::properties::scenarios::{Doing, base};
use crate::support::test_env::TestEnv;

fn scale_to_two(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(begin::change(
        world,
        "orders",
        Kind::ScaleCluster,
        |change| change.after.replication_factor = 2,
    ))
}

fn drift_and_repair(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(async move {
        prepare::drift(world).await;
        begin::repair(world).await
    })
}

type Begin = for<'a> fn(&'a TestEnv) -> Doing<'a, Uuid>;

const LIFE: [(&str, Begin); 9] = [
    ("create", begin::create),
    ("scale up", begin::scale_up),
    ("other values, rolling reboot", begin::values),
    ("other tables", begin::tables),
    ("settings and tags", begin::settings),
    ("scale down", scale_to_two),
    ("repair", drift_and_repair),
    ("reboot", begin::reboot_all),
    ("delete", begin::delete),
];

/// Pseudo-random numbers of a seed, one after another, whoever draws them.
struct Dice(AtomicU64);

impl Dice {
    fn falls(&self, one_in: u64) -> bool {
        let next = |seed: u64| {
            seed.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407)
        };
        let drawn = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(next(seed)))
            .unwrap();
        (next(drawn) >> 33).is_multiple_of(one_in)
    }
}

/// A worker that dies at random points.
fn frail(world: &TestEnv, dice: &Arc<Dice>, deaths: &Arc<AtomicUsize>) -> (Worker, Arc<Notify>) {
    let died = Arc::new(Notify::new());
    let (told, dice, deaths) = (Arc::clone(&died), Arc::clone(dice), Arc::clone(deaths));
    let probe: Probe = Arc::new(move |_, _, _| {
        let dies = dice.falls(12);
        deaths.fetch_add(usize::from(dies), Ordering::SeqCst);
        let told = Arc::clone(&told);
        Box::pin(async move {
            if dies {
                told.notify_one();
                std::future::pending::<()>().await;
            }
        })
    });
    (world.worker("frail").with_probe(probe), died)
}

/// Runs an operation to its end, whoever dies meanwhile.
async fn finish(world: &TestEnv, worker: &Worker, died: &Notify, id: Uuid) -> Operation {
    for _ in 0..2_000 {
        let operation = world.operation(id).await;
        if operation.status.is_finished() {
            return operation;
        }
        if operation.status == Status::Blocked {
            // Five deaths in a row at one step quarantine it, until a person asks for a retry.
            let fault = operation.fault.unwrap();
            assert_eq!(fault.problem_code().as_str(), "step_crashed", "{fault:#?}");
            world.store.retry(id).await.unwrap();
        }
        world.hurry().await;
        tokio::select! {
            turned = worker.turn() => { turned.unwrap(); }
            () = died.notified() => world.end_leases().await,
        }
    }
    panic!("not finished: {:#?}", world.operation(id).await);
}

async fn live(world: &TestEnv, worker: &Worker, died: &Notify, what: &str) {
    for (name, begin) in LIFE {
        let id = begin(world).await;
        let ended = finish(world, worker, died, id).await;
        assert_eq!(
            ended.status,
            Status::Succeeded,
            "{what}, {name}: {:#?}",
            ended.fault
        );
    }
    assert_eq!(picture(world, &[]).await, base().await.picture, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_life_leaves_nothing_and_touches_nothing_of_others() {
    let world = base().await.frozen.thaw().await;
    let worker = world.worker("w");
    live(&world, &worker, &Notify::new(), "undisturbed").await;
    for (effect, count) in world.effects() {
        let many = [
            "dax:RebootNode",
            "dax:UpdateCluster",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "dax:TagResource",
        ];
        assert!(
            count == 1
                || many.contains(&effect.0.as_str())
                || effect.0.contains("ReplicationFactor"),
            "{effect:?} {count} times"
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_life_outlives_a_worker_that_keeps_dying() {
    let drawn = u64::try_from(Uuid::now_v7().as_u128() & 0xffff_ffff).unwrap();
    for seed in [1, 2, drawn] {
        println!("long life with deaths: seed {seed}");
        let world = base().await.frozen.thaw().await;
        let (dice, deaths) = (
            Arc::new(Dice(AtomicU64::new(seed))),
            Arc::new(AtomicUsize::new(0)),
        );
        let (worker, died) = frail(&world, &dice, &deaths);
        live(&world, &worker, &died, &format!("seed {seed}")).await;
        let deaths = deaths.load(Ordering::SeqCst);
        println!("long life with deaths: seed {seed}, {deaths} deaths");
        assert!(deaths > 10, "only {deaths} deaths");
        world.end().await;
    }
}
