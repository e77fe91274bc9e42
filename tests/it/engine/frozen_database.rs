//! A database host that vanishes without a reset: requests are answered, and work continues on new
//! connections.

use std::time::{Duration, Instant};

use dax_provisioner::store::{Connection, Store};

use crate::support::api::{ApiClient, open_settings};
use crate::support::database::open_store;
use crate::support::database_proxy::DatabaseProxy;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// Review A4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_connections_are_replaced_within_seconds() {
    let env = TestEnv::new().await;
    let proxy = DatabaseProxy::start(&env.database.url()).await;
    let store = Store::open(&Connection {
        url: proxy.url.clone(),
        max_connections: 8,
        acquire_timeout: Duration::from_millis(1_500),
        statement_timeout: Duration::from_millis(1_700),
    })
    .unwrap();
    let api = env.api_with(store.clone(), open_settings());
    let worker = env.worker_on(store, "w");
    let id = env.create(&plain_spec("orders")).await;
    env.one_turn(&worker).await;
    // All connections of the pool are open and idle.
    let warm = (0..8).map(|_| api.get("/v1/clusters"));
    futures_util::future::join_all(warm).await;

    proxy.freeze_present_connections();
    let operation = format!("/v1/operations/{id}");
    tokio::join!(
        read_until_answered(&api, "/v1/clusters"),
        read_until_answered(&api, &operation)
    );
    let ended = env.finish(&worker, id).await;
    assert_eq!(
        ended.status,
        dax_provisioner::domain::operation::Status::Succeeded
    );
}

async fn read_until_answered(api: &ApiClient, path: &str) {
    let frozen_at = Instant::now();
    let (mut answers, mut slowest) = (Vec::new(), Duration::ZERO);
    while answers.last() != Some(&200) {
        let asked_at = Instant::now();
        answers.push(api.get(path).await.status.as_u16());
        slowest = slowest.max(asked_at.elapsed());
    }
    let answered_after = frozen_at.elapsed();
    println!("{path}: {answers:?}, the first 200 after {answered_after:?}, slowest {slowest:?}");
    let expected = |status| [200, 503].contains(status);
    assert!(answers.iter().all(expected), "{answers:?}");
    assert!(slowest < Duration::from_millis(3_500), "{slowest:?}");
    assert!(
        answered_after < Duration::from_secs(6),
        "{answered_after:?}"
    );
}

/// One that waits for a lock when an operator ends its session, and then the next statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_server_ends_is_not_used_again() {
    let env = TestEnv::new().await;
    let store = env.database.open_store(1);
    env.make_jobs_due().await;
    let mut lock = env.pool.begin().await.unwrap();
    sqlx::query("select 1 from duties for update")
        .execute(&mut *lock)
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.take_job("sweep", "w", Duration::from_secs(60)).await }
    });
    let end_session = "
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, bool>(end_session)
        .fetch_optional(&env.pool)
        .await
        .unwrap()
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    waiting.await.unwrap().unwrap_err();
    lock.rollback().await.unwrap();
    let job = store.take_job("sweep", "w", Duration::from_secs(60)).await;
    assert!(job.unwrap().is_some());
}

/// The process must not end while the last statement of a listener is in flight: PostgreSQL would log
/// a lost connection at every deployment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_closed_after_the_goodbye_of_its_listener() {
    let env = TestEnv::new().await;
    let proxy = DatabaseProxy::start(&env.database.url()).await;
    let store = open_store(proxy.url.clone(), 2);
    let wakeups = store.wakeups().await.unwrap();
    proxy.freeze_present_connections();
    let began = Instant::now();
    drop(wakeups);
    let closed = tokio::time::timeout(Duration::from_secs(10), store.close());
    closed.await.unwrap();
    // The goodbye is not answered, so it is given up after half a second.
    assert!(began.elapsed() > Duration::from_millis(400));
}
