//! What AWS, databases and deploys really do: names that are used twice, lists with gaps, throttled
//! pages, clocks that move back, versions side by side, and processes that die.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::inventory::{Item, ResourceKind};
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::task::ConfirmedDeletion;
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::store::{Claimed, Store};
use dax_provisioner::worker::TurnResult;
use uuid::Uuid;

use crate::support::requests::{claimant, new_operation, plain_spec, spec_with_groups};
use crate::support::test_env::{TestEnv, instant};

/// The task of an operation, as a worker reads it.
async fn task_of(store: &Store, id: Uuid) -> dax_provisioner::domain::task::Task {
    let Claimed { claim, task } = store.claim(&claimant("reader")).await.unwrap().unwrap();
    assert_eq!(claim.operation_id, id);
    store
        .give_back(&claim, Duration::ZERO, false)
        .await
        .unwrap();
    task.unwrap()
}

/// Review A2: role, subnet group and parameter group of one operation have the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_deletion_is_of_one_kind_and_of_one_creation() {
    let env = TestEnv::new().await;
    let id = env.create(&spec_with_groups(&env, "orders")).await;
    env.finish(&env.worker("w"), id).await;
    let delete = env.delete("orders").await;
    env.make_due().await;
    let mut task = task_of(&env.store, delete).await;
    let item = |kind: ResourceKind| -> Item { task.present(kind).unwrap().clone() };
    let (group, role) = (item(ResourceKind::SubnetGroup), item(ResourceKind::Role));
    assert_eq!(group.name, role.name, "one name for several kinds");
    let cluster = item(ResourceKind::Cluster);
    let deleted_at = |call: &str, item: &Item, seconds: i64| ConfirmedDeletion {
        call: call.to_owned(),
        target: item.name.clone(),
        opened_at: item.recorded_at.unwrap() + chrono::TimeDelta::seconds(seconds),
    };
    task.confirmed_deletions = vec![
        deleted_at("dax:DeleteSubnetGroup", &group, 1),
        deleted_at("dax:DeleteCluster", &cluster, -1),
    ];
    assert!(task.is_confirmed_deleted(&group));
    assert!(!task.is_confirmed_deleted(&role), "another kind");
    assert!(
        !task.is_confirmed_deleted(&cluster),
        "the deletion of an earlier cluster of this name"
    );
}

/// Review A3: a list can have gaps, so one list never proves that a cluster is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_a_list_lacks_is_read_by_name() {
    let settings = aws_sandbox::Settings {
        creating_seconds: 3_600.0,
        ..instant()
    };
    let env = TestEnv::with(settings).await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    while env.operation(id).await.waiting_for != Some(WaitingFor::Cluster) {
        env.one_turn(&worker).await;
    }
    tokio::time::sleep(env.settings.timing.absence).await;
    env.make_jobs_due().await;
    worker.poll().await.unwrap();
    let job = take_poll(&env).await;
    let read = env.store.moment().await.unwrap();
    let missing = env.store.record_missing(&job, read, &[]).await.unwrap();
    assert!(
        missing.is_empty(),
        "the cluster has an operation that reads it itself"
    );
    for _ in 0..3 {
        env.one_turn(&worker).await;
    }
    assert_eq!(env.operation(id).await.status, Status::Running);
    let observed = env.store.cluster("orders").await.unwrap().unwrap().observed;
    assert!(observed.is_some(), "the list did not erase the observation");
}

async fn take_poll(env: &TestEnv) -> dax_provisioner::store::SingletonJob {
    env.make_jobs_due().await;
    let job = env
        .store
        .take_job("poll", "test", Duration::from_secs(60))
        .await;
    job.unwrap().unwrap()
}

/// Review A6: a throttled page does not cost the other pages, nor the operations their observation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_page_is_read_again() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    env.finish(&worker, id).await;
    tokio::time::sleep(env.settings.timing.refresh).await;
    env.sandbox
        .add_fault(FaultRule::new("dax:DescribeClusters", FaultKind::Throttle).count(2));
    let before = env.sent("dax:DescribeClusters");
    env.make_jobs_due().await;
    worker.poll().await.unwrap().unwrap();
    assert_eq!(env.sent("dax:DescribeClusters") - before, 3);
    let age: f64 = sqlx::query_scalar(
        "select extract(epoch from clock_timestamp() - observed_at)::float8 from clusters",
    )
    .fetch_one(&env.pool)
    .await
    .unwrap();
    assert!(age < 10.0, "the cluster was observed {age} s ago");
}

/// Review A6: where the poll works but does not reach a cluster, its operation reads it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_whose_cluster_the_poll_does_not_reach_reads_it() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    let step = "select current_step from operations where id = $1";
    let step = async || -> Option<String> {
        let step = sqlx::query_scalar(step).bind(id).fetch_one(&env.pool);
        step.await.unwrap()
    };
    while step().await.as_deref() != Some("await_available") {
        env.one_turn(&worker).await;
    }
    // A poll that completes without having seen the cluster for a minute.
    env.set_last_poll(0.0).await;
    sqlx::query("update clusters set observed_at = now() - interval '1 minute'")
        .execute(&env.pool)
        .await
        .unwrap();
    sqlx::query(
        "update intents set closed_at = now() - interval '1 minute' where closed_at is not null",
    )
    .execute(&env.pool)
    .await
    .unwrap();
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

/// Review A9: everything that a clock which moved back has left in the future.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_continues_after_the_database_clock_moved_back_by_an_hour() {
    let settings = aws_sandbox::Settings {
        creating_seconds: 3_600.0,
        ..instant()
    };
    let env = TestEnv::with(settings).await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    while env.operation(id).await.waiting_for != Some(WaitingFor::Cluster) {
        env.one_turn(&worker).await;
    }
    for shift in [
        "update operations set wake_at = wake_at + interval '1 hour'",
        "update duties set due_at = due_at + interval '1 hour', done_at = done_at + interval '1 hour'",
        "update clusters set observed_at = observed_at + interval '1 hour'",
        "update intents set opened_at = opened_at + interval '1 hour', closed_at = closed_at + interval '1 hour'",
        "update operation_steps set patience_from = patience_from + interval '1 hour'",
    ] {
        sqlx::query(shift).execute(&env.pool).await.unwrap();
    }
    let (longest_wait, longest_interval) = (Duration::from_secs(60), Duration::from_secs(600));
    env.store
        .reset_future_timestamps(longest_wait, longest_interval)
        .await
        .unwrap();
    let future: i64 = sqlx::query_scalar(
        "select (select count(*) from operations where wake_at > now() and finished_at is null)
              + (select count(*) from duties where due_at > now() + interval '10 minutes' or done_at > now())
              + (select count(*) from clusters where observed_at > now())
              + (select count(*) from intents where closed_at is null and opened_at > now())",
    )
    .fetch_one(&env.pool)
    .await
    .unwrap();
    assert_eq!(future, 0);
    env.sandbox.advance_clock(Duration::from_secs(7_200));
    env.make_jobs_due().await;
    worker.poll().await.unwrap();
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

/// Review A10: an old process leaves alone what it cannot read, and parks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_in_a_newer_format_is_not_claimed() {
    let env = TestEnv::new().await;
    let id = env.create(&plain_spec("orders")).await;
    sqlx::query("update operations set spec_version = spec_version + 1")
        .execute(&env.pool)
        .await
        .unwrap();
    assert_eq!(env.worker("old").turn().await.unwrap(), TurnResult::Idle);
    sqlx::query("update operations set spec_version = spec_version - 1")
        .execute(&env.pool)
        .await
        .unwrap();
    let ended = env.finish(&env.worker("new"), id).await;
    assert_eq!(ended.status, Status::Succeeded);
}

/// Review A10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_operation_waits_for_a_version_that_reads_it() {
    let env = TestEnv::new().await;
    let id = env.create(&plain_spec("orders")).await;
    let change = |from: &str, to: &str| {
        let query = format!(
            "update operations set spec = replace(spec::text, '{from}', '{to}')::jsonb where id = $1"
        );
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(id)
    };
    change("\"create_cluster\"", "\"clone_cluster\"")
        .execute(&env.pool)
        .await
        .unwrap();
    let worker = env.worker("w");
    for _ in 0..8 {
        env.one_turn(&worker).await;
    }
    let waiting = env.operation(id).await;
    assert_eq!(waiting.status, Status::Running);
    assert_eq!(waiting.waiting_for, Some(WaitingFor::Operator));
    change("\"clone_cluster\"", "\"create_cluster\"")
        .execute(&env.pool)
        .await
        .unwrap();
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

/// Review B5: a process that shuts down gives its singleton jobs back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_gives_singleton_jobs_back() {
    let env = TestEnv::new().await;
    env.make_jobs_due().await;
    let hour = Duration::from_secs(3_600);
    env.store
        .take_job("poll", "a", hour)
        .await
        .unwrap()
        .unwrap();
    assert!(
        env.store
            .take_job("poll", "b", hour)
            .await
            .unwrap()
            .is_none()
    );
    env.store.release_all("a").await.unwrap();
    assert!(
        env.store
            .take_job("poll", "b", hour)
            .await
            .unwrap()
            .is_some()
    );
}

/// Review A8: turns go round the callers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_with_many_operations_does_not_delay_another_caller() {
    let env = TestEnv::new().await;
    for number in 0..50 {
        env.create(&plain_spec(&format!("many{number}"))).await;
    }
    let new = dax_provisioner::store::NewOperation {
        requested_by: "token:other".to_owned(),
        requested_for: None,
        project: None,
        ..new_operation(Kind::CreateCluster)
    };
    env.store
        .accept_create(&new, &plain_spec("one"))
        .await
        .unwrap();
    let worker = env.worker("w");
    for _ in 0..2 {
        env.one_turn(&worker).await;
    }
    let one = env.operation(new.id).await;
    assert_eq!(
        one.status,
        Status::Running,
        "served in the second turn at the latest"
    );
}

/// Review A8: a delete goes before creates that are under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_does_not_wait_behind_creates() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    for number in 0..20 {
        env.create(&plain_spec(&format!("many{number}"))).await;
    }
    for _ in 0..30 {
        env.one_turn(&worker).await;
    }
    let delete = env.delete("many0").await;
    for _ in 0..3 {
        env.one_turn(&worker).await;
    }
    assert_ne!(env.operation(delete).await.status, Status::Pending);
}

/// Review A5: throttling never rolls back or blocks, however long it lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_is_waited_out() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Throttle).count(6));
    let id = env.create(&plain_spec("orders")).await;
    let mut throttled = 0;
    for _ in 0..200 {
        // The step has been tried for an hour.
        sqlx::query("update operation_steps set patience_from = patience_from - interval '1 hour'")
            .execute(&env.pool)
            .await
            .unwrap();
        env.one_turn(&worker).await;
        let operation = env.operation(id).await;
        assert_ne!(operation.status, Status::Blocked, "{operation:#?}");
        throttled += u32::from(operation.waiting_for == Some(WaitingFor::AwsRateLimit));
        if throttled >= 6 {
            break;
        }
    }
    assert_eq!(throttled, 6);
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

/// Review A7: the poll knows which roles are in use, so a delete lists no clusters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_delete_lists_no_clusters_beside_the_poll() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    env.finish(&worker, id).await;
    tokio::time::sleep(env.settings.timing.refresh).await;
    env.make_jobs_due().await;
    worker.poll().await.unwrap();
    // Hits lists of all clusters only, not reads by name.
    env.sandbox
        .add_fault(FaultRule::new("dax:DescribeClusters", FaultKind::Gap).count(1_000));
    let delete = env.delete("orders").await;
    let ended = env.finish(&worker, delete).await;
    assert_eq!(ended.status, Status::Succeeded);
    assert_eq!(env.sandbox.faults()[0].hits, 0, "no list was read");
}
