//! The poll: one read of all clusters serves every waiting operation, as long as it is recent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::worker::{Point, Probe, TurnResult, Worker};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::properties::crashes::{Crash, crash};
use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, prepared, prepared_named};
use crate::properties::scenario_setup::by_admin;
use crate::properties::scenarios::{COUNT, SCENARIOS};
use crate::support::requests::{plain_spec, small_nodes, unmanaged_cluster};
use crate::support::test_env::{TestEnv, instant};

const CLUSTERS: usize = 12;
/// With the managed ones, more than one page.
const UNMANAGED: usize = 100;

fn describes(env: &TestEnv) -> usize {
    env.sent("dax:DescribeClusters")
}

/// Takes one turn of each operation.
async fn turn_of_each(env: &TestEnv, worker: &Worker) {
    env.make_due().await;
    for _ in 0..CLUSTERS {
        worker.turn().await.unwrap();
    }
}

/// Creates so many unmanaged clusters that one page of AWS does not contain all clusters.
async fn create_unmanaged_clusters(env: &TestEnv) {
    let role = env
        .sandbox
        .inventory()
        .roles
        .into_iter()
        .find(|role| !role.service_linked)
        .unwrap();
    for number in 0..UNMANAGED {
        let cluster = NewCluster {
            node_type: small_nodes(),
            replication_factor: 1,
            ..unmanaged_cluster(&format!("unmanaged{number}"), &role.arn)
        };
        by_admin(env, Mutation::CreateCluster(Box::new(cluster))).await;
    }
}

async fn env_for_many_clusters(creating_seconds: f64) -> TestEnv {
    let mut settings = aws_sandbox::Settings {
        creating_seconds,
        ..instant()
    };
    settings.quotas.set("nodes", 1_000).unwrap();
    TestEnv::with(settings).await
}

/// Creates that wait for their clusters.
async fn waiting_creates(env: &TestEnv, worker: &Worker) -> Vec<Uuid> {
    let mut creates = Vec::new();
    for number in 0..CLUSTERS {
        creates.push(env.create(&plain_spec(&format!("c{number}"))).await);
    }
    let waiting = "
        select count(*) from operations
        where current_step = 'await_available' and waiting_for = 'cluster'";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&env.pool)
        .await
        .unwrap()
        < CLUSTERS as i64
    {
        // All at once, and then each: those that are due at the same time are claimed in any order.
        if worker.turn().await.unwrap() == TurnResult::Idle {
            env.make_due().await;
        }
    }
    creates
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_operation_reads_its_cluster_only_when_there_is_no_recent_poll() {
    let env = env_for_many_clusters(3_600.0).await;
    let worker = env.worker("w");
    let creates = waiting_creates(&env, &worker).await;
    let before = describes(&env);
    let mut polls = 0;
    for _ in 0..4 {
        env.make_jobs_due().await;
        polls += usize::from(worker.poll().await.unwrap().is_some());
        turn_of_each(&env, &worker).await;
    }
    assert_eq!(
        (polls, describes(&env) - before),
        (4, 4),
        "one call for each poll, and no other call"
    );
    create_unmanaged_clusters(&env).await;
    let before = describes(&env);
    env.make_jobs_due().await;
    worker.poll().await.unwrap().unwrap();
    turn_of_each(&env, &worker).await;
    assert_eq!(
        describes(&env) - before,
        2,
        "more clusters than one page has"
    );

    env.set_last_poll(60.0).await;
    let before = describes(&env);
    turn_of_each(&env, &worker).await;
    assert_eq!(
        describes(&env) - before,
        CLUSTERS,
        "without a recent poll each operation reads its cluster"
    );

    env.sandbox.advance_clock(Duration::from_secs(3_600));
    env.make_jobs_due().await;
    assert_eq!(
        worker.poll().await.unwrap(),
        Some(CLUSTERS),
        "every managed cluster has changed"
    );
    // The poll wakes them, without `make_due`.
    let mut turns = 0;
    while worker.turn().await.unwrap() != TurnResult::Idle {
        turns += 1;
    }
    assert_eq!(turns, CLUSTERS, "each operation was woken once");
    for create in creates {
        assert_eq!(env.status(create).await, Status::Succeeded);
    }
    println!("poll: {CLUSTERS} waiting operations, {polls} polls, {polls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_of_two_processes_are_polled_together() {
    let env = env_for_many_clusters(1.5).await;
    for number in 0..CLUSTERS {
        env.create(&plain_spec(&format!("c{number}"))).await;
    }
    let (stop, started) = (CancellationToken::new(), Instant::now());
    let workers: Vec<_> = ["one", "two"]
        .map(|name| tokio::spawn(env.worker(name).run(3, true, stop.clone())))
        .into();
    let done = "select count(*) from operations where status = 'succeeded'";
    while sqlx::query_scalar::<_, i64>(done)
        .fetch_one(&env.pool)
        .await
        .unwrap()
        < CLUSTERS as i64
    {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "not all clusters are done in time"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (calls, elapsed) = (describes(&env), started.elapsed().as_secs_f64());
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    // Each create reads its name twice before it creates the cluster. Polls are at least 80 ms
    // apart.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few seconds"
    )]
    let polls = (elapsed / 0.08) as usize;
    println!(
        "poll: {CLUSTERS} creates in {elapsed:.1} s, {calls} DescribeClusters, up to {polls} polls"
    );
    assert!(
        calls <= CLUSTERS * 2 + polls + CLUSTERS / 2,
        "{calls} calls"
    );
}

#[tokio::test]
async fn a_poll_that_was_superseded_writes_nothing() {
    let prepared = prepared_named("scale_up").await;
    let run = prepared.begin().await;
    let (env, second) = (&run.env, Duration::from_secs(60));
    env.make_jobs_due().await;
    let old = env
        .store
        .take_job("poll", "old", second)
        .await
        .unwrap()
        .unwrap();
    env.make_jobs_due().await;
    let new = env
        .store
        .take_job("poll", "new", second)
        .await
        .unwrap()
        .unwrap();
    let row = "
        select concat(observed_at, ' ', observed, ' ', missing_at) from clusters
        where name = 'orders'";
    let row = async || -> String {
        let row = sqlx::query_scalar(row).fetch_one(&env.pool);
        row.await.unwrap()
    };
    let before = row().await;
    let read = env.store.moment().await.unwrap();
    let page = Inspector::new(env.aws.clone()).clusters_page(None).await;
    let clusters = page.unwrap().clusters;
    let write = async |job| {
        let written = env
            .store
            .record_listed(job, read, &clusters, Duration::ZERO);
        written.await.unwrap()
    };
    assert_eq!(write(&old).await, 0);
    let missing = env.store.record_missing(&old, read, &[]).await.unwrap();
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(before, row().await, "the writes of the old poll are fenced");
    write(&new).await;
    assert_ne!(before, row().await, "the new poll writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observation_from_before_a_call_is_not_trusted() {
    let prepared = prepared_named("reboot_named").await;
    let run = prepared.begin().await;
    let env = &run.env;
    let read = env.store.moment().await.unwrap();
    let page = Inspector::new(env.aws.clone()).clusters_page(None).await;
    let stale = page.unwrap().clusters;
    let held = crash(&run, Crash::AfterEffect, "dax:RebootNode").await;
    env.make_jobs_due().await;
    let job = env
        .store
        .take_job("poll", "w", Duration::from_secs(60))
        .await
        .unwrap()
        .unwrap();
    env.store
        .record_listed(&job, read, &stale, Duration::ZERO)
        .await
        .unwrap();
    // Longer than a call with an unknown outcome may take effect.
    for _ in 0..20 {
        env.set_last_poll(0.0).await;
        run.turn().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let waiting = env.operation(run.id).await;
    assert_eq!(
        waiting.status,
        Status::Running,
        "the old observation shows every node available: {waiting:#?}"
    );
    assert_eq!(
        env.sent("dax:RebootNode"),
        1,
        "the old observation caused no call"
    );
    env.make_jobs_due().await;
    run.worker.poll().await.unwrap();
    // No process polls any more.
    env.set_last_poll(3_600.0).await;
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
    drop(held);
}

/// What the poll has written during a turn is newer than what the turn has read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_does_not_overwrite_a_poll_during_the_turn() {
    let prepared = prepared_named("scale_up").await;
    let run = prepared.begin().await;
    while run.effects().is_empty() {
        run.turn().await;
    }
    let env = &run.env;
    env.set_last_poll(0.0).await;
    let (poller, pool) = (env.worker("poller"), env.pool.clone());
    let once = Arc::new(AtomicBool::new(false));
    let polled = Arc::clone(&once);
    let probe: Probe = Arc::new(move |at, step, _| {
        let here =
            at == Point::Checked && step == "await_nodes" && !once.swap(true, Ordering::SeqCst);
        let (poller, pool) = (poller.clone(), pool.clone());
        Box::pin(async move {
            if here {
                // By now the nodes are available.
                tokio::time::sleep(Duration::from_millis(60)).await;
                sqlx::query("update duties set due_at = now()")
                    .execute(&pool)
                    .await
                    .unwrap();
                poller.poll().await.unwrap();
            }
        })
    });
    let worker = env.worker("slow").with_probe(probe);
    while !polled.load(Ordering::SeqCst) {
        env.set_last_poll(0.0).await;
        env.make_due().await;
        worker.turn().await.unwrap();
    }
    let cluster = env.store.cluster("orders").await.unwrap().unwrap();
    assert_eq!(
        cluster.observed.unwrap().status.as_deref(),
        Some("available"),
        "the poll read this later than the turn"
    );
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
}

/// Runs a scenario in which every observation comes from the poll.
async fn polled(prepared: &'static Prepared) {
    let run = prepared.begin().await;
    let poller = run.env.worker("poller");
    for _ in 0..500 {
        if run.status().await.is_finished() {
            break;
        }
        run.env.make_jobs_due().await;
        poller.poll().await.unwrap();
        run.turn().await;
    }
    let ended = run.env.operation(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{} polled: {:#?}",
        prepared.scenario.name,
        ended.fault
    );
    run.check_ended_like(
        &prepared.forward,
        &format!("{} polled", prepared.scenario.name),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_ends_like_undisturbed_with_the_poll() {
    let mut jobs: Vec<Job> = Vec::new();
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        let job = polled(prepared(index).await);
        jobs.push((scenario.name.to_owned(), Box::pin(job)));
    }
    assert_eq!(run_all("with the poll", jobs).await, COUNT);
}

/// Review B6: while one operation waits, a poll rewrites no row of a cluster that has not changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_does_not_rewrite_unchanged_clusters() {
    let mut env = TestEnv::new().await;
    env.settings.timing.refresh = Duration::from_secs(60);
    env.settings.timing.details = Duration::from_secs(60);
    let worker = env.worker("w");
    let idle = env.create(&plain_spec("idle")).await;
    env.finish(&worker, idle).await;
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Stuck).seconds(3_600.0));
    let waiting = env.create(&plain_spec("waiting")).await;
    while env.operation(waiting).await.waiting_for != Some(WaitingFor::Cluster) {
        env.one_turn(&worker).await;
    }
    let version = "select xmin::text from clusters where name = 'idle'";
    let mut versions = Vec::new();
    for _ in 0..3 {
        let before = describes(&env);
        env.make_jobs_due().await;
        worker.poll().await.unwrap().unwrap();
        assert_eq!(describes(&env), before + 1, "the poll read all clusters");
        let row = sqlx::query_scalar::<_, String>(version).fetch_one(&env.pool);
        versions.push(row.await.unwrap());
    }
    assert_eq!(versions[1], versions[0]);
    assert_eq!(versions[2], versions[0]);
}
