//! Requests have precedence over turns: while many run in a process, one loop works.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dax_provisioner::domain::operation::Status;
use dax_provisioner::store::Claimed;
use dax_provisioner::worker::{Point, Probe};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::api::open_settings;
use crate::support::requests::{claimant, plain_spec, unmanaged_role};
use crate::support::test_env::{TestEnv, instant};

/// Turns that run, and most of them at the same time.
#[derive(Debug, Default)]
struct Turns {
    running: AtomicUsize,
    most: AtomicUsize,
}

fn counting(turns: &Arc<Turns>) -> Probe {
    let turns = Arc::clone(turns);
    Arc::new(move |point, _, _| {
        let turns = Arc::clone(&turns);
        Box::pin(async move {
            if point == Point::Claimed {
                let running = turns.running.fetch_add(1, Ordering::SeqCst) + 1;
                turns.most.fetch_max(running, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                turns.running.fetch_sub(1, Ordering::SeqCst);
            }
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_loop_works_while_many_requests_run() {
    let env = TestEnv::with(instant()).await;
    let (many, is_busy) = watch::channel(true);
    let (turns, stop) = (Arc::new(Turns::default()), CancellationToken::new());
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(env.create(&plain_spec(&format!("c{number}"))).await);
    }
    let worker = env.worker("w").with_probe(counting(&turns));
    let worker = worker.yielding_while(is_busy);
    let running = tokio::spawn(worker.run(4, false, stop.clone()));

    let deadline = Instant::now() + Duration::from_secs(60);
    let mut most = 0;
    while most != 1 {
        // Turns that began before the loops paused count for a moment.
        assert!(Instant::now() < deadline, "{turns:?}");
        turns.most.store(0, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(500)).await;
        most = turns.most.load(Ordering::SeqCst);
    }

    many.send_replace(false);
    for id in ids {
        while env.status(id).await != Status::Succeeded {
            assert!(Instant::now() < deadline, "{turns:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(turns.most.load(Ordering::SeqCst) > 1, "{turns:?}");
    stop.cancel();
    running.await.unwrap();
}

/// As while a standby is late: writes hang, and reads do not need them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_hang_leave_connections_to_requests() {
    const CONNECTIONS: u32 = 4;
    let env = TestEnv::with(instant()).await;
    for number in 0..8 {
        env.create(&plain_spec(&format!("c{number}"))).await;
    }
    let store = env.database.open_store(CONNECTIONS);
    let api = env.api_with(store.clone(), open_settings());
    let (background, claimant) = (store.in_background(), claimant("w"));
    let mut claims = Vec::new();
    for _ in 0..8 {
        claims.push(background.claim(&claimant).await.unwrap().unwrap());
    }
    let mut blocked = env.pool.begin().await.unwrap();
    sqlx::query("lock table intents in exclusive mode")
        .execute(&mut *blocked)
        .await
        .unwrap();
    // The statement of a turn that is not shared with other loops.
    let turns = claims.into_iter().map(|Claimed { claim, task }| {
        let store = background.clone();
        let intent = unmanaged_role("role", "/");
        tokio::spawn(async move { store.open_intent(&claim, &task.unwrap(), &intent).await })
    });
    let turns: Vec<_> = turns.collect();
    let hanging = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(hanging)
        .fetch_one(&env.pool)
        .await
        .unwrap()
        < i64::from(CONNECTIONS) - 1
    {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    for _ in 0..20 {
        let asked_at = Instant::now();
        assert_eq!(api.get("/v1/clusters").await.status, 200);
        assert!(asked_at.elapsed() < Duration::from_millis(500));
    }
    blocked.rollback().await.unwrap();
    for turn in turns {
        // On a slow machine it exceeds the limit for locks.
        let _ = turn.await.unwrap();
    }
}
