//! The poll: one look at all clusters serves every operation that waits; it is believed when it is fresh, and only then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dax_provisioner::domain::operation::Status;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::worker::{Point, Probe, TurnResult, Worker};
use tokio_util::sync::CancellationToken;

use crate::properties::crashes::{Death, die};
use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::Run;
use crate::properties::scenario_setup::by_admin;
use crate::properties::scenarios::{COUNT, LIVES, Ready, ready};
use crate::support::requests::plain_spec;
use crate::support::test_env::{TestEnv, instant};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;

const CLUSTERS: usize = 40;

async fn a_scenario(name: &str) -> &'static Ready {
    ready(LIVES.iter().position(|life| life.name == name).unwrap()).await
}

/// Lets every poll be due.
async fn due(world: &TestEnv) {
    sqlx::query("update duties set due_at = now()")
        .execute(&world.pool)
        .await
        .unwrap();
}

/// How old the last poll is.
async fn last_poll(world: &TestEnv, seconds_ago: f64) {
    let query =
        "update duties set done_at = now() - $1::float8 * interval '1 second' where name = 'poll'";
    sqlx::query(query)
        .bind(seconds_ago)
        .execute(&world.pool)
        .await
        .unwrap();
}

fn describes(world: &TestEnv) -> usize {
    world.sent("dax:DescribeClusters")
}

/// Visits every operation once.
async fn visit_all(world: &TestEnv, worker: &Worker) {
    world.hurry().await;
    for _ in 0..CLUSTERS {
        worker.turn().await.unwrap();
    }
}

/// So many clusters of others that one page does not hold all.
async fn a_page_of_others(world: &TestEnv) {
    let role = world
        .sandbox
        .inventory()
        .roles
        .into_iter()
        .find(|role| !role.service_linked)
        .unwrap();
    for number in 0..70 {
        let cluster = NewCluster {
            name: format!("theirs{number}"),
            description: None,
            node_type: "dax.t3.small".to_owned(),
            replication_factor: 1,
            availability_zones: Vec::new(),
            iam_role_arn: role.arn.clone(),
            subnet_group: "default".to_owned(),
            security_group_ids: Vec::new(),
            network_type: None,
            parameter_group: None,
            encryption_at_rest: true,
            encryption_in_transit: false,
            maintenance_window: None,
            notification_topic_arn: None,
            tags: Default::default(),
        };
        by_admin(world, Mutation::CreateCluster(Box::new(cluster))).await;
    }
}

async fn many(creating_seconds: f64) -> TestEnv {
    let mut settings = aws_sandbox::Settings {
        creating_seconds,
        ..instant()
    };
    settings.quotas.set("nodes", 1_000).unwrap();
    TestEnv::with(settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_operations_ask_nothing_while_the_poll_is_alive_and_ask_when_it_is_silent() {
    let world = many(3_600.0).await;
    let worker = world.worker("w");
    let mut creates = Vec::new();
    for number in 0..CLUSTERS {
        creates.push(world.create(&plain_spec(&format!("c{number}"))).await);
    }
    let waiting = "select count(*) from operations where current_step = 'await_available' and waiting_for = 'cluster'";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&world.pool)
        .await
        .unwrap()
        < 40
    {
        world.hurry().await;
        worker.turn().await.unwrap();
    }
    let before = describes(&world);
    let mut polls = 0;
    for _ in 0..4 {
        due(&world).await;
        polls += usize::from(worker.poll().await.unwrap().is_some());
        visit_all(&world, &worker).await;
    }
    assert_eq!(
        (polls, describes(&world) - before),
        (4, 4),
        "one call for each poll, and none else"
    );
    a_page_of_others(&world).await;
    let before = describes(&world);
    due(&world).await;
    worker.poll().await.unwrap().unwrap();
    visit_all(&world, &worker).await;
    assert_eq!(describes(&world) - before, 2, "110 clusters are two pages");

    last_poll(&world, 60.0).await;
    let before = describes(&world);
    visit_all(&world, &worker).await;
    assert_eq!(
        describes(&world) - before,
        CLUSTERS,
        "the poll is silent, so each asks by itself"
    );

    world.sandbox.advance_clock(Duration::from_secs(3_600));
    due(&world).await;
    assert_eq!(
        worker.poll().await.unwrap(),
        Some(CLUSTERS),
        "every cluster of ours has changed"
    );
    // Woken by the poll, without `hurry`.
    let mut turns = 0;
    while worker.turn().await.unwrap() != TurnResult::Idle {
        turns += 1;
    }
    assert_eq!(turns, CLUSTERS, "each was woken once");
    for create in creates {
        assert_eq!(world.operation(create).await.status, Status::Succeeded);
    }
    println!(
        "poll: {CLUSTERS} waiting operations, {polls} polls, {polls} calls; 2 calls for 110 clusters"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_clusters_of_two_processes_are_polled_together() {
    let world = many(1.5).await;
    for number in 0..CLUSTERS {
        world.create(&plain_spec(&format!("c{number}"))).await;
    }
    let (stop, started) = (CancellationToken::new(), Instant::now());
    let workers: Vec<_> = ["one", "two"]
        .map(|name| tokio::spawn(world.worker(name).run(3, true, stop.clone())))
        .into();
    let done = "select count(*) from operations where status = 'succeeded'";
    while sqlx::query_scalar::<_, i64>(done)
        .fetch_one(&world.pool)
        .await
        .unwrap()
        < 40
    {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "not all clusters are done in time"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (calls, elapsed) = (describes(&world), started.elapsed().as_secs_f64());
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    // Each create asks for its name twice before it makes the cluster; a poll is at least 80 ms after the one before.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some seconds"
    )]
    let polls = (elapsed / 0.08) as usize;
    println!(
        "poll: {CLUSTERS} creates in {elapsed:.1} s, {calls} calls of DescribeClusters, at most {polls} polls"
    );
    assert!(
        calls <= CLUSTERS * 2 + polls + CLUSTERS / 2,
        "{calls} calls"
    );
}

#[tokio::test]
async fn a_poll_that_was_taken_over_writes_nothing() {
    let ready = a_scenario("scale_up").await;
    let run = Run::begin(ready.life, &ready.frozen).await;
    let (world, second) = (&run.world, Duration::from_secs(60));
    due(world).await;
    let old = world
        .store
        .take_duty("poll", "old", second)
        .await
        .unwrap()
        .unwrap();
    due(world).await;
    let new = world
        .store
        .take_duty("poll", "new", second)
        .await
        .unwrap()
        .unwrap();
    let observed = "select observed_at::text || observed::text from clusters where name = 'orders'";
    let before: String = sqlx::query_scalar(observed)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let seen_at = world.store.clock().await.unwrap();
    assert_eq!(
        world.store.record_poll(&old, seen_at, &[]).await.unwrap(),
        0,
        "it was fenced"
    );
    let after: String = sqlx::query_scalar(observed)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(before, after);
    let seen = Inspector::new(world.aws.clone())
        .all_clusters()
        .await
        .unwrap();
    world.store.record_poll(&new, seen_at, &seen).await.unwrap();
    let after: String = sqlx::query_scalar(observed)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_ne!(before, after, "the new one writes");
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sighting_from_before_a_call_is_not_believed() {
    let ready = a_scenario("reboot_named").await;
    let run = Run::begin(ready.life, &ready.frozen).await;
    let world = &run.world;
    let seen_at = world.store.clock().await.unwrap();
    let stale = Inspector::new(world.aws.clone())
        .all_clusters()
        .await
        .unwrap();
    let held = die(&run, Death::AfterTheEffect, "dax:RebootNode").await;
    due(world).await;
    let duty = world
        .store
        .take_duty("poll", "w", Duration::from_secs(60))
        .await
        .unwrap()
        .unwrap();
    world
        .store
        .record_poll(&duty, seen_at, &stale)
        .await
        .unwrap();
    for _ in 0..5 {
        last_poll(world, 0.0).await;
        run.turn().await;
    }
    let waiting = world.operation(run.id).await;
    assert_eq!(
        waiting.status,
        Status::Running,
        "the old sighting shows every node available: {waiting:#?}"
    );
    assert_eq!(
        world.sent("dax:RebootNode"),
        1,
        "and nothing was sent on its strength"
    );
    due(world).await;
    run.worker.poll().await.unwrap();
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
    drop(held);
    run.world.end().await;
}

/// What the poll has written while a turn was under way is newer than what the turn was shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_does_not_write_over_what_the_poll_saw_meanwhile() {
    let ready = a_scenario("scale_up").await;
    let run = Run::begin(ready.life, &ready.frozen).await;
    while run.effects().is_empty() {
        run.turn().await;
    }
    let world = &run.world;
    last_poll(world, 0.0).await;
    let (poller, pool) = (world.worker("poller"), world.pool.clone());
    let once = Arc::new(AtomicBool::new(false));
    let polled = Arc::clone(&once);
    let probe: Probe = Arc::new(move |at, step, _| {
        let here =
            at == Point::Checked && step == "await_nodes" && !once.swap(true, Ordering::SeqCst);
        let (poller, pool) = (poller.clone(), pool.clone());
        Box::pin(async move {
            if here {
                // The nodes are there now.
                tokio::time::sleep(Duration::from_millis(60)).await;
                sqlx::query("update duties set due_at = now()")
                    .execute(&pool)
                    .await
                    .unwrap();
                poller.poll().await.unwrap();
            }
        })
    });
    let worker = world.worker("slow").with_probe(probe);
    while !polled.load(Ordering::SeqCst) {
        last_poll(world, 0.0).await;
        world.hurry().await;
        worker.turn().await.unwrap();
    }
    let cluster = world.store.cluster("orders").await.unwrap().unwrap();
    assert_eq!(
        cluster.observed.unwrap().status.as_deref(),
        Some("available"),
        "the poll saw it so, and later"
    );
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
    run.world.end().await;
}

/// Every operation sees its cluster through the poll alone while that is alive.
async fn polled(ready: &'static Ready) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    let poller = run.world.worker("poller");
    for _ in 0..500 {
        if run.status(run.id).await.is_finished() {
            break;
        }
        due(&run.world).await;
        poller.poll().await.unwrap();
        run.turn().await;
    }
    let ended = run.world.operation(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{} polled: {:#?}",
        ready.life.name,
        ended.fault
    );
    run.check_like(&ready.forward, &format!("{} polled", ready.life.name))
        .await;
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_ends_the_same_with_the_poll() {
    let mut jobs: Vec<Job> = Vec::new();
    for (index, life) in LIVES.iter().enumerate() {
        jobs.push((life.name.to_owned(), Box::pin(polled(ready(index).await))));
    }
    assert_eq!(all_hold("with the poll", jobs).await, COUNT);
}
