//! Sealing by several processes, while transactions end late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::{AuditSettings, SharedJobs};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::key;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

fn settings() -> AuditSettings {
    AuditSettings {
        key: Some(key(1)),
        kept: Duration::from_secs(86_400),
    }
}

/// A transaction that has written a record and stays open.
async fn begun(env: &TestEnv, action: &str) -> PgConnection {
    let mut connection = PgConnection::connect(&env.database.url()).await.unwrap();
    sqlx::query("begin").execute(&mut connection).await.unwrap();
    sqlx::query("insert into audit_records (action, decision) values ($1, 'accepted')")
        .bind(action)
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

/// Numbers and seals as one of several processes, until `done`.
fn spawn_replica(tasks: &mut JoinSet<usize>, env: &TestEnv, name: usize, done: &Arc<AtomicBool>) {
    let (store, pool, done) = (env.store.clone(), env.pool.clone(), Arc::clone(done));
    tasks.spawn(async move {
        let (jobs, mut seals) = (SharedJobs::new(store.clone()), 0);
        while !done.load(Ordering::SeqCst) {
            let _ = store.number_events().await.unwrap();
            seals += jobs
                .seal(&settings(), &format!("replica-{name}"))
                .await
                .unwrap();
            // As if the interval had passed.
            sqlx::query("update duties set due_at = now() where name = 'seal' and owner is null")
                .execute(&pool)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seals
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn three_replicas_seal_each_record_once_also_of_late_transactions() {
    let env = TestEnv::new().await;
    let mut held = begun(&env, "held").await;
    let (done, mut tasks) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for name in 0..3 {
        spawn_replica(&mut tasks, &env, name, &done);
    }
    let mut operations = Vec::new();
    for number in 0..3 {
        operations.push(env.create(&plain_spec(&format!("c{number}"))).await);
    }
    let workers: Vec<_> = (0..3)
        .map(|number| env.worker(&format!("w{number}")))
        .collect();
    let (first, rest) = operations.split_first().unwrap();
    assert_eq!(
        env.settle(&workers[0], *first).await.status,
        Status::Succeeded
    );
    // Records of later transactions have no position, because an earlier one can still end.
    let numbered: i64 = count(
        &env,
        "select count(*) from audit_records where position is not null",
    )
    .await;
    let written = count(&env, "select count(*) from audit_records").await;
    assert_eq!(numbered, 0);
    assert!(written > 10, "{written}");
    let mut rolled_back = begun(&env, "rolled back").await;
    sqlx::query("commit").execute(&mut held).await.unwrap();
    assert_eq!(
        env.settle(&workers[1], rest[0]).await.status,
        Status::Succeeded
    );
    sqlx::query("rollback")
        .execute(&mut rolled_back)
        .await
        .unwrap();
    // A turn takes any operation, so the earlier ones have ended by now.
    let late = env.create(&plain_spec("late")).await;
    assert_eq!(
        env.settle(&workers[2], late).await.status,
        Status::Succeeded
    );
    // The second seal is that of the records since the transaction was rolled back.
    for _ in 0..1_000 {
        if count(&env, "select count(*) from audit_seals").await > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done.store(true, Ordering::SeqCst);
    let mut seals = 0;
    while let Some(ended) = tasks.join_next().await {
        seals += ended.unwrap();
    }
    env.seal(Some(&key(1))).await;
    assert!(seals > 1, "{seals}");
    let records = env.audit().await;
    let positions: Vec<i64> = records
        .iter()
        .map(|record| record["position"].as_i64().unwrap())
        .collect();
    let dense: Vec<i64> = (1..).take(records.len()).collect();
    assert_eq!(positions, dense);
    let written = count(&env, "select count(*) from audit_records").await;
    assert_eq!(i64::try_from(records.len()).unwrap(), written);
    let named = |action: &str| {
        records
            .iter()
            .filter(|record| record["action"] == action)
            .count()
    };
    assert_eq!(
        (named("held"), named("rolled back"), named("create_cluster")),
        (1, 0, 4)
    );
    let sealed = count(&env, "select sum(records)::bigint from audit_seals").await;
    assert_eq!(sealed, written);
    assert_eq!(env.verify(Some(&key(1)), None).await, Vec::<String>::new());
}

async fn count(env: &TestEnv, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&env.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_seals_every_ten_seconds() {
    let env = TestEnv::new().await;
    let jobs = SharedJobs::new(env.store.clone());
    env.create(&plain_spec("a")).await;
    env.number_events().await;
    assert_eq!(jobs.seal(&settings(), "one").await.unwrap(), 1);
    env.create(&plain_spec("b")).await;
    env.number_events().await;
    assert_eq!(jobs.seal(&settings(), "two").await.unwrap(), 0);
    let due = "select extract(epoch from due_at - now())::bigint from duties where name = 'seal'";
    assert!((8..=10).contains(&count(&env, due).await));
    env.make_jobs_due().await;
    assert_eq!(jobs.seal(&settings(), "two").await.unwrap(), 1);
    // Without new records there is no new seal.
    env.make_jobs_due().await;
    assert_eq!(jobs.seal(&settings(), "two").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lost_the_key_does_not_break_the_chain() {
    let env = TestEnv::new().await;
    let jobs = SharedJobs::new(env.store.clone());
    env.create(&plain_spec("a")).await;
    env.number_events().await;
    assert_eq!(jobs.seal(&settings(), "one").await.unwrap(), 1);
    env.create(&plain_spec("b")).await;
    env.number_events().await;
    env.make_jobs_due().await;
    let without = AuditSettings {
        key: None,
        ..settings()
    };
    assert_eq!(jobs.seal(&without, "two").await.unwrap(), 0);
    assert_eq!(jobs.seal(&settings(), "one").await.unwrap(), 1);
    assert_eq!(env.verify(Some(&key(1)), None).await, Vec::<String>::new());
}
