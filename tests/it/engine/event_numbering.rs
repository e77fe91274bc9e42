//! The order of the event feed: complete, without repetition, and the same for every reader.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use dax_provisioner::store::{FeedEvent, FeedFilter, Store};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// Reads the feed from the beginning until it has no more events.
async fn read_all(store: &Store) -> Vec<FeedEvent> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let state = store.feed_state().await.unwrap();
        let every = FeedFilter::default();
        let page = store.feed(state, after, 7, &every).await.unwrap();
        all.extend(page.events);
        if page.through == after {
            return all;
        }
        after = page.through;
    }
}

fn keys(events: &[FeedEvent]) -> Vec<(Uuid, i64)> {
    let key = |event: &FeedEvent| (event.operation_id, event.event.sequence);
    events.iter().map(key).collect()
}

/// Each event that exists is in the feed once, positions are dense, and those of an operation follow
/// one another.
async fn check_complete(env: &TestEnv, events: &[FeedEvent]) {
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    let dense: Vec<i64> = (1..).take(events.len()).collect();
    assert_eq!(positions, dense);
    let mut ends: HashMap<Uuid, i64> = HashMap::new();
    for (operation, sequence) in keys(events) {
        let end = ends.entry(operation).or_default();
        assert_eq!(sequence, *end + 1, "events of {operation} are out of order");
        *end = sequence;
    }
    let existing: i64 = sqlx::query_scalar("select count(*) from operation_events")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    assert_eq!(existing, i64::try_from(events.len()).unwrap());
}

async fn write_event(connection: &mut PgConnection, operation: Uuid, sequence: i64) {
    sqlx::query(
        "insert into operation_events (operation_id, sequence, type, message)
         values ($1, $2, 'test_event', 'written by a test')",
    )
    .bind(operation)
    .bind(sequence)
    .execute(connection)
    .await
    .unwrap();
}

/// Numbers events in three tasks until `done`. Two of them are killed again and again.
fn spawn_numbering(tasks: &mut JoinSet<()>, store: &Store, done: &Arc<AtomicBool>) {
    for task in 0..3 {
        let (store, done) = (store.clone(), Arc::clone(done));
        tasks.spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let numbering = store.number_events();
                // One task is never killed. A killed statement closes its connection.
                let limit = Duration::from_millis([10_000, 2, 15][task]);
                let _ = tokio::time::timeout(limit, numbering).await;
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        });
    }
}

/// A reader follows the feed while three workers write, the numbering is killed again and again,
/// and transactions stay open or are rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_gets_each_event_once_while_workers_write() {
    let env = TestEnv::new().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    spawn_numbering(&mut tasks, &env.store, &done);
    let (pool, is_done) = (env.pool.clone(), Arc::clone(&done));
    tasks.spawn(async move {
        while !is_done.load(Ordering::SeqCst) {
            let mut transaction = pool.begin().await.unwrap();
            sqlx::query("select pg_current_xact_id()")
                .execute(&mut *transaction)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            transaction.rollback().await.unwrap();
        }
    });
    let (store, is_done) = (env.store.clone(), Arc::clone(&done));
    let reader = tokio::spawn(async move {
        let (mut read, mut after) = (Vec::new(), 0);
        loop {
            let is_last = is_done.load(Ordering::SeqCst);
            let state = store.feed_state().await.unwrap();
            let every = FeedFilter::default();
            let page = store.feed(state, after, 50, &every).await.unwrap();
            after = page.through;
            if page.events.is_empty() && is_last && after == state.last {
                return read;
            }
            read.extend(page.events);
        }
    });
    let mut operations = Vec::new();
    for number in 0..6 {
        operations.push(env.create(&plain_spec(&format!("cluster-{number}"))).await);
    }
    let workers: Vec<_> = (0..3).map(|n| env.worker(&format!("w{n}"))).collect();
    for (number, &operation) in operations.iter().enumerate() {
        let ended = env.settle(&workers[number % 3], operation).await;
        assert_eq!(ended.status, Status::Succeeded);
    }
    done.store(true, Ordering::SeqCst);
    while tasks.join_next().await.is_some() {}
    env.number_events().await;
    let all = read_all(&env.store).await;
    check_complete(&env, &all).await;
    let read = reader.await.unwrap();
    assert_eq!(
        keys(&read),
        keys(&all)[..read.len()],
        "a reader saw another order"
    );
}

async fn execute(connection: &mut PgConnection, statement: &'static str) {
    sqlx::query(statement).execute(connection).await.unwrap();
}

/// A connection with a transaction that has an ID.
async fn begun(env: &TestEnv) -> PgConnection {
    let mut connection = PgConnection::connect(&env.database.url()).await.unwrap();
    execute(&mut connection, "begin").await;
    execute(&mut connection, "select pg_current_xact_id()").await;
    connection
}

/// A transaction can get its ID before it waits for the operation, and write after a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_operation_keep_their_order_if_transactions_end_in_another() {
    let env = TestEnv::new().await;
    let operation = env.create(&plain_spec("orders")).await;
    let (mut early, mut between) = (begun(&env).await, begun(&env).await);
    let mut late = begun(&env).await;
    write_event(&mut late, operation, 2).await;
    execute(&mut late, "commit").await;
    write_event(&mut early, operation, 3).await;
    execute(&mut early, "commit").await;
    // `between` is older than `late`: only the first event may get a position.
    let _ = env.store.number_events().await.unwrap();
    assert!(read_all(&env.store).await.len() <= 1);
    execute(&mut between, "commit").await;
    env.number_events().await;
    let all = read_all(&env.store).await;
    assert_eq!(keys(&all), [(operation, 1), (operation, 2), (operation, 3)]);
    check_complete(&env, &all).await;
}

/// A restored database has events that have no position, and transaction IDs start lower.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_feed_has_a_new_generation_and_every_event() {
    let env = TestEnv::new().await;
    let operation = env.create(&plain_spec("orders")).await;
    env.number_events().await;
    let later = "insert into operation_events (operation_id, sequence, type, message, xid)
                 values ($1, 2, 'test_event', 'of a server with more transactions', 4611686018427387904)";
    sqlx::query(later)
        .bind(operation)
        .execute(&env.pool)
        .await
        .unwrap();
    let counted = "update operations set last_sequence = 2";
    sqlx::query(counted).execute(&env.pool).await.unwrap();
    let restored = "update event_numbering set numbered_below = 4611686018427387904";
    sqlx::query(restored).execute(&env.pool).await.unwrap();
    let kinds = Vec::new();
    assert!(
        env.store
            .condition(&kinds, &kinds, None)
            .await
            .unwrap()
            .is_restored
    );
    let before = env.store.feed_state().await.unwrap();
    let after = env.store.restart_feed().await.unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert!(
        !env.store
            .condition(&kinds, &kinds, None)
            .await
            .unwrap()
            .is_restored
    );
    let worker = env.worker("w");
    assert_eq!(
        env.settle(&worker, operation).await.status,
        Status::Succeeded
    );
    env.number_events().await;
    let events = keys(&read_all(&env.store).await);
    let existing: i64 = sqlx::query_scalar("select count(*) from operation_events")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    assert_eq!(events[..2], [(operation, 1), (operation, 2)]);
    assert_eq!(existing, i64::try_from(events.len()).unwrap());
    let records = env.audit_of("restart_feed").await;
    let generation = serde_json::json!({"generation": after.generation});
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["details"], generation);
}

/// The rows that the parts of a plan read, by a part that scans a table.
fn rows_read(plan: &Value) -> f64 {
    let parts = plan["Plans"].as_array().into_iter().flatten();
    let is_scan = plan.get("Relation Name").is_some();
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    let read = number("Actual Rows") + number("Rows Removed by Filter");
    let own = if is_scan {
        read * number("Actual Loops")
    } else {
        0.0
    };
    own + parts.map(rows_read).sum::<f64>()
}

/// Also without statistics of the tables, as after a restore.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbering_reads_few_rows_of_a_long_history() {
    const HISTORY: i64 = 20_000;
    let env = TestEnv::new().await;
    let operation = env.create(&plain_spec("orders")).await;
    for (first, last) in [(2, HISTORY), (HISTORY + 1, HISTORY + 10)] {
        env.number_events().await;
        sqlx::query(
            "insert into operation_events (operation_id, sequence, type, message)
             select $1, number, 'test_event', 'written by a test' from generate_series($2, $3) as number",
        )
        .bind(operation)
        .bind(first)
        .bind(last)
        .execute(&env.pool)
        .await
        .unwrap();
    }
    let statement = concat!(
        "explain (analyze, format json) ",
        include_str!("../../../src/store/sql/number_events.sql")
    );
    let plan: Value = sqlx::query_scalar(statement)
        .bind(HISTORY)
        .fetch_one(&env.pool)
        .await
        .unwrap();
    let read = rows_read(&plan[0]["Plan"]);
    assert!(read < 1_000.0, "{read}: {plan:#}");
}
