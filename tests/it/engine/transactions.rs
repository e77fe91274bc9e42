//! A `begin()` that is dropped while `BEGIN` is in flight must not leave a transaction in the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::store::Store;
use sqlx::PgPool;

use crate::support::database::TestDatabase;
use crate::support::requests::{new_operation, plain_spec};

/// Accepted work is complete, and no connection stays in a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disconnects_at_any_moment_leaves_no_transaction_open() {
    let database = TestDatabase::new().await;
    let (store, watcher) = (database.open_store(2), database.open_pool(1).await);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut rounds = Vec::new();
    let usual = usual_time(&store).await;
    for round in 0..1_000_u64 {
        let (store, dropped) = (store.clone(), Arc::clone(&dropped));
        rounds.push(tokio::spawn(async move {
            let spec = plain_spec(&format!("c{round}"));
            let accept = async {
                store
                    .accept_create(&new_operation(Kind::CreateCluster), &spec)
                    .await
                    .unwrap();
                let delete = new_operation(Kind::DeleteCluster);
                store
                    .accept_delete(&delete, spec.name.as_str(), &Default::default())
                    .await
                    .unwrap();
            };
            // The moment of the drop moves through every stage of the request.
            let timeout = usual * u32::try_from(round % 97).unwrap() / 24;
            if tokio::time::timeout(timeout, accept).await.is_err() {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }));
        if round % 16 == 15 {
            for round in rounds.drain(..) {
                round.await.unwrap();
            }
        }
    }
    for round in rounds {
        round.await.unwrap();
    }
    let idle = idle_in_transaction(&watcher).await;
    let dropped = dropped.load(Ordering::Relaxed);
    println!(
        "transactions: {dropped} of 1000 requests dropped, {idle} connections in a transaction"
    );
    assert!(dropped > 100, "only {dropped} requests were dropped");
    assert_eq!(idle, 0);
    // An incomplete create has no steps or no events.
    let incomplete = "
        select count(*) from operations o
        where not exists (select 1 from operation_steps s where s.operation_id = o.id)
            or not exists (select 1 from operation_events e where e.operation_id = o.id)";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(incomplete)
            .fetch_one(&watcher)
            .await
            .unwrap(),
        0
    );
}

/// A transaction that exceeds its limit is abandoned: its connection is closed, and none returns to
/// the pool with a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_transaction_ends_with_its_connection() {
    let database = TestDatabase::new().await;
    let (store, watcher) = (database.open_store(1), database.open_pool(2).await);
    let spec = plain_spec("orders");
    let create = new_operation(Kind::CreateCluster);
    store.accept_create(&create, &spec).await.unwrap();
    let first = connections(&watcher).await;
    assert_eq!(first.len(), 1);
    let mut lock = watcher.begin().await.unwrap();
    sqlx::query("select 1 from operations for update")
        .execute(&mut *lock)
        .await
        .unwrap();
    let hasty = store.with_statement_timeout(Duration::from_millis(200));
    let delete = new_operation(Kind::DeleteCluster);
    let abandoned = hasty
        .accept_delete(&delete, "orders", &Default::default())
        .await;
    assert!(abandoned.unwrap_err().is_unavailable());
    lock.rollback().await.unwrap();
    assert_eq!(idle_in_transaction(&watcher).await, 0);
    assert!(store.cluster("orders").await.unwrap().is_some());
    let mut left = connections(&watcher).await;
    for _ in 0..100 {
        if !left.contains(&first[0]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        left = connections(&watcher).await;
    }
    assert_eq!(left.len(), 1);
    assert_ne!(left, first);
}

/// The server processes of the store's connections.
async fn connections(watcher: &PgPool) -> Vec<i32> {
    let query = "
        select pid from pg_stat_activity
        where datname = current_database() and application_name = 'dax-provisioner'";
    sqlx::query_scalar(query).fetch_all(watcher).await.unwrap()
}

/// How long sixteen requests at the same time take now, on this machine.
async fn usual_time(store: &Store) -> Duration {
    let began = std::time::Instant::now();
    let together = (0..16).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let spec = plain_spec(&format!("u{number}"));
            store
                .accept_create(&new_operation(Kind::CreateCluster), &spec)
                .await
                .unwrap();
        })
    });
    for request in together.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    began.elapsed()
}

/// The number of connections in a transaction, once the statements in flight have ended.
async fn idle_in_transaction(watcher: &PgPool) -> i64 {
    let query = "
        select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'";
    let mut idle = i64::MAX;
    for _ in 0..100 {
        idle = sqlx::query_scalar(query).fetch_one(watcher).await.unwrap();
        if idle == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    idle
}
