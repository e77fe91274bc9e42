//! Property: a cluster that goes through every kind of change leaves nothing behind, with a worker
//! that keeps running and with one that keeps crashing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dax_provisioner::domain::operation::{Kind, Operation, Status};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::audit::reconciliation;
use crate::properties::aws_snapshot::snapshot;
use crate::properties::parallel::{Job, run_all};
use crate::properties::scenario_actions as begin;
use crate::properties::scenario_setup as setup;
use crate::properties::scenarios::Origin;
use crate::support::crashing_worker::CrashingWorker;
use crate::support::test_env::TestEnv;

fn scale_to_two(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(begin::change(env, "orders", Kind::ScaleCluster, |change| {
        change.after.replication_factor = 2
    }))
}

fn drift_and_repair(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(async move {
        setup::drift(env).await;
        begin::repair(env).await
    })
}

type Begin = for<'a> fn(&'a TestEnv) -> BoxFuture<'a, Uuid>;

const OPERATIONS: [(&str, Begin); 9] = [
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

/// Pseudo-random numbers from a seed.
struct Random(AtomicU64);

impl Random {
    fn is_one_in(&self, count: u64) -> bool {
        let next = |seed: u64| {
            seed.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407)
        };
        let drawn = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(next(seed)))
            .unwrap();
        (next(drawn) >> 33).is_multiple_of(count)
    }
}

/// A worker that crashes at random points, and the number of its crashes.
fn crash_randomly(env: &TestEnv, seed: u64) -> (CrashingWorker, Arc<AtomicUsize>) {
    let (random, crashes) = (Random(AtomicU64::new(seed)), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&crashes);
    let worker = CrashingWorker::new(env, move |_, _, _| {
        let crashes = random.is_one_in(12);
        count.fetch_add(usize::from(crashes), Ordering::SeqCst);
        crashes
    });
    (worker, crashes)
}

/// Runs an operation to its end, through all crashes.
async fn finish(env: &TestEnv, worker: &CrashingWorker, id: Uuid) -> Operation {
    for _ in 0..2_000 {
        let status = env.status(id).await;
        if status.is_finished() {
            return env.operation(id).await;
        }
        if status == Status::Blocked {
            // Five crashes in a row at one step quarantine it until a retry is requested.
            let fault = env.operation(id).await.fault.unwrap();
            assert_eq!(fault.problem_code().as_str(), "step_crashed", "{fault:#?}");
            env.store.retry(id, "token:test").await.unwrap();
        }
        env.make_due().await;
        worker.turn(env).await;
    }
    panic!("not finished: {:#?}", env.operation(id).await);
}

async fn run_operations(env: &TestEnv, worker: &CrashingWorker, what: &str) {
    for (name, begin) in OPERATIONS {
        let id = begin(env).await;
        let ended = finish(env, worker, id).await;
        assert_eq!(
            ended.status,
            Status::Succeeded,
            "{what}, {name}: {:#?}",
            ended.fault
        );
    }
    let account = Origin::UsedAccount.account().await;
    assert_eq!(snapshot(env, &[]).await, account.snapshot, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_in_a_row_leaves_nothing() {
    let env = Origin::UsedAccount.account().await.fork().await;
    let worker = CrashingWorker::new(&env, |_, _, _| false);
    run_operations(&env, &worker, "undisturbed").await;
    let (_, others) = reconciliation::check(&env, false).await;
    assert_eq!(others, OPERATIONS.len());
    env.seal(None).await.unwrap();
    assert_eq!(env.verify(None, None).await, Vec::<String>::new());
    let repeatable = [
        "dax:RebootNode",
        "dax:UpdateCluster",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "dax:TagResource",
    ];
    for ((call, target), count) in env.effects() {
        let is_repeatable =
            repeatable.contains(&call.as_str()) || call.contains("ReplicationFactor");
        assert!(
            count == 1 || is_repeatable,
            "{call} of {target} {count} times"
        );
    }
}

async fn with_crashes(seed: u64) {
    let env = Origin::UsedAccount.account().await.fork().await;
    let (worker, crashes) = crash_randomly(&env, seed);
    run_operations(&env, &worker, &format!("seed {seed}")).await;
    reconciliation::check(&env, true).await;
    let crashes = crashes.load(Ordering::SeqCst);
    println!("every kind of change, seed {seed}: {crashes} crashes");
    assert!(crashes > 10, "only {crashes} crashes");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_in_a_row_survives_random_crashes() {
    let drawn = u64::try_from(Uuid::now_v7().as_u128() & 0xffff_ffff).unwrap();
    println!("every kind of change with crashes: the drawn seed is {drawn}");
    let mut jobs: Vec<Job> = Vec::new();
    for seed in [1, 2, drawn] {
        jobs.push((format!("seed {seed}"), Box::pin(with_crashes(seed))));
    }
    run_all("every kind of change with crashes", jobs).await;
}
