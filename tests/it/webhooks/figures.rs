//! Figures of deliveries, which are printed: `cargo test --test it -- --ignored webhooks::figures
//! --nocapture`.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::receiver::Receiver;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const WEBHOOKS: usize = 1_000;
/// Those of them that are dead.
const DEAD: usize = 10;
/// Operations that the events belong to.
const OPERATIONS: i32 = 200;
const EVENTS_PER_SECOND: usize = 200;
const DURATION: Duration = Duration::from_secs(60);
/// The pause between two inserts of events.
const TICK: Duration = Duration::from_millis(50);
/// The types of the events in turn: one for each of three quick receivers, a slow one and the dead ones.
const TYPES: [&str; 5] = [
    "operation_accepted",
    "operation_succeeded",
    "unblocked",
    "operation_failed",
    "operation_cancelled",
];

/// Operations like this one, which has ended.
async fn more_operations(env: &TestEnv, operation: Uuid) -> Vec<Uuid> {
    sqlx::query_scalar(
        "insert into operations
         select (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid()))).*
         from operations o, generate_series(1, $2)
         where o.id = $1
         returning id",
    )
    .bind(operation)
    .bind(OPERATIONS)
    .fetch_all(&env.pool)
    .await
    .unwrap()
}

/// Inserts events of these operations in turn, `EVENTS_PER_SECOND` per second. Returns their number.
async fn write_events(env: &TestEnv, operations: &[Uuid]) -> usize {
    let began = Instant::now();
    let mut written = 0;
    while began.elapsed() < DURATION {
        let due = (began.elapsed().as_secs_f64() * EVENTS_PER_SECOND as f64) as usize;
        let numbers = written..due;
        let types: Vec<&str> = numbers
            .clone()
            .map(|number| TYPES[number % TYPES.len()])
            .collect();
        let operations: Vec<Uuid> = numbers
            .map(|number| operations[number % operations.len()])
            .collect();
        sqlx::query(
            "insert into operation_events (operation_id, sequence, type, message, data, at)
             select operation, $1 + ordinality, type, 'figures', '{}', clock_timestamp()
             from unnest($2::uuid[], $3::text[]) with ordinality as event (operation, type, ordinality)",
        )
        .bind(1_000 + i64::try_from(written).unwrap())
        .bind(&operations)
        .bind(&types)
        .execute(&env.pool)
        .await
        .unwrap();
        written = due;
        env.store.wake_worker();
        tokio::time::sleep(TICK).await;
    }
    written
}

/// Prints how long events waited for their delivery to be stored, and this for its attempt.
async fn print_stages(env: &TestEnv) {
    let stages: Vec<(String, Vec<f64>)> = sqlx::query_as(
        "with stage as (
           select 'stored' as stage, created_at - (body::jsonb ->> 'timestamp')::timestamptz as time
           from webhook_deliveries
           union all
           select 'claimed', last_attempt_at - created_at from webhook_deliveries
           where status = 'succeeded' and event <> 'operation.failed'
         )
         select stage, percentile_disc(array[0.5, 0.99, 1]) within group (order by extract(epoch from time)::float8)
         from stage
         group by stage",
    )
    .fetch_all(&env.pool)
    .await
    .unwrap();
    for (stage, seconds) in stages {
        println!("figures: {stage} after p50, p99, longest {seconds:.3?} s");
    }
}

/// Milliseconds from the time of each event to its arrival, sorted.
fn latencies(receiver: &Receiver, clock: (Instant, DateTime<Utc>)) -> Vec<i64> {
    let (instant, time) = clock;
    let mut latencies: Vec<i64> = receiver
        .received()
        .iter()
        .map(|one| {
            let at: DateTime<Utc> = one.body["timestamp"].as_str().unwrap().parse().unwrap();
            let arrived = i64::try_from((one.at - instant).as_millis()).unwrap();
            arrived - (at - time).num_milliseconds()
        })
        .collect();
    latencies.sort_unstable();
    latencies
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes"]
async fn slow_and_dead_receivers_delay_no_other_one() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let worker = env.worker("setup");
    let operation = env.create(&plain_spec("orders")).await;
    env.settle(&worker, operation).await;
    let operations = more_operations(&env, operation).await;
    env.number_events().await;
    let quick = [
        Receiver::accepting().await,
        Receiver::accepting().await,
        Receiver::accepting().await,
    ];
    let slow = Receiver::new(|_| async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        StatusCode::OK.into_response()
    })
    .await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead_url = format!("http://{}/", dead.local_addr().unwrap());
    for (receiver, event) in quick.iter().zip(["accepted", "succeeded", "unblocked"]) {
        let event = format!("operation.{event}");
        api.create_webhook(&receiver.url, &[event.as_str()]).await;
    }
    api.create_webhook(&slow.url, &["operation.failed"]).await;
    for _ in 0..DEAD {
        api.create_webhook(&dead_url, &["operation.cancelled"])
            .await;
    }
    for _ in 4 + DEAD..WEBHOOKS {
        api.create_webhook(&slow.url, &["operation.rolling_back"])
            .await;
    }
    let time: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    let clock = (Instant::now(), time);
    let _running = env.deliver("w");
    let written = write_events(&env, &operations).await;
    print_stages(&env).await;
    let expected = written / TYPES.len();
    for receiver in &quick {
        receiver.wait_for(expected - 1).await;
        let latencies = latencies(receiver, clock);
        let percentile = |share: usize| latencies[(latencies.len() - 1) * share / 100];
        println!(
            "figures: {} deliveries: p50 {} ms, p99 {} ms, longest {} ms",
            latencies.len(),
            percentile(50),
            percentile(99),
            percentile(100)
        );
        assert!(percentile(99) < 2_000);
    }
    println!(
        "figures: {written} events; the slow receiver got {}",
        slow.received().len()
    );
    assert!(slow.received().len() > 1);
}
