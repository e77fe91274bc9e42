//! Several workers: they share the work, a superseded worker writes nothing, and a step that panics
//! is quarantined.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::store::{Accepted, IdempotencyKey, NewOperation, Retried};
use dax_provisioner::worker::{Point, Probe, TurnResult};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::requests::{new_operation, plain_spec, spec_with_groups};
use crate::support::test_env::{TestEnv, instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_a_hundred_clusters() {
    let mut settings = instant();
    settings.quotas.set("nodes", 1_000).unwrap();
    let env = TestEnv::with(settings).await;
    let mut creates = Vec::new();
    for number in 0..100 {
        creates.push(env.create(&plain_spec(&format!("c{number}"))).await);
    }
    let turns: Arc<[AtomicUsize; 2]> = Arc::default();
    let stop = CancellationToken::new();
    let mut workers = Vec::new();
    for (index, name) in ["one", "two"].into_iter().enumerate() {
        let turns = Arc::clone(&turns);
        let probe: Probe = Arc::new(move |point, _, _| {
            if point == Point::Recorded {
                turns[index].fetch_add(1, Ordering::Relaxed);
            }
            Box::pin(async {})
        });
        workers.push(tokio::spawn(env.worker(name).with_probe(probe).run(
            4,
            false,
            stop.clone(),
        )));
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let done = "select count(*) from operations where status = 'succeeded'";
    while sqlx::query_scalar::<_, i64>(done)
        .fetch_one(&env.pool)
        .await
        .unwrap()
        < 100
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not all clusters are done in time"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
    let shares = [&turns[0], &turns[1]].map(|turns| turns.load(Ordering::Relaxed));
    println!("two workers, 100 clusters: turns {shares:?}");
    assert!(
        shares.iter().all(|&share| share > 100),
        "the work is not shared: {shares:?}"
    );
    assert_eq!(env.sandbox.inventory().clusters.len(), 100);
    assert!(env.effects().values().all(|&count| count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_resumes_after_its_lease_writes_nothing() {
    let env = TestEnv::new().await;
    let (suspended, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let once = Arc::new(AtomicBool::new(false));
    let (is_suspended, resumed) = (Arc::clone(&suspended), Arc::clone(&resume));
    let probe: Probe = Arc::new(move |point, _, _| {
        let here = point == Point::Answered && !once.swap(true, Ordering::SeqCst);
        let (is_suspended, resumed) = (Arc::clone(&is_suspended), Arc::clone(&resumed));
        Box::pin(async move {
            if here {
                is_suspended.notify_one();
                resumed.notified().await;
            }
        })
    });
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let suspending = env.worker("suspended").with_probe(probe);
    let suspended_turn = tokio::spawn(async move {
        loop {
            match suspending.turn().await.unwrap() {
                TurnResult::Worked(turn) if turn.status.is_none() => return turn,
                TurnResult::Worked(_) | TurnResult::Idle => {}
            }
        }
    });
    suspended.notified().await;
    env.expire_leases().await;
    let successor = env.worker("successor");
    let done = env.settle(&successor, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    let before = env.operation(create).await;
    resume.notify_one();
    let turn = suspended_turn.await.unwrap();
    assert_eq!(turn.status, None, "its record is fenced");
    let after = env.operation(create).await;
    assert_eq!(
        (before.version, before.status),
        (after.version, after.status)
    );
    assert!(
        env.effects().values().all(|&count| count == 1),
        "{:?}",
        env.effects()
    );
}

/// A worker that is suspended between intent and send must not send later: the name may belong to
/// another cluster then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_suspended_before_the_send_does_not_delete_a_later_cluster() {
    let env = TestEnv::new().await;
    let successor = env.worker("successor");
    let create = env.create(&plain_spec("orders")).await;
    assert_eq!(
        env.settle(&successor, create).await.status,
        Status::Succeeded
    );
    let delete = env.delete("orders").await;
    let suspended = Arc::new(Notify::new());
    let (is_suspended, once) = (Arc::clone(&suspended), Arc::new(AtomicBool::new(false)));
    let probe: Probe = Arc::new(move |point, step, _| {
        let here = point == Point::Intended
            && step == "delete_cluster"
            && !once.swap(true, Ordering::SeqCst);
        let is_suspended = Arc::clone(&is_suspended);
        Box::pin(async move {
            if here {
                is_suspended.notify_one();
                // Of a lease of 15 s, 8.5 s must be left to send. The worker uses the real clock.
                tokio::time::sleep(Duration::from_millis(6_600)).await;
            }
        })
    });
    let suspending = env.worker("suspended").with_probe(probe);
    let late = tokio::spawn(async move {
        loop {
            match suspending.turn().await.unwrap() {
                TurnResult::Worked(turn) if turn.status.is_none() => return,
                TurnResult::Worked(_) | TurnResult::Idle => {}
            }
        }
    });
    suspended.notified().await;
    env.expire_leases().await;
    assert_eq!(
        env.settle(&successor, delete).await.status,
        Status::Succeeded
    );
    let again = env.create(&plain_spec("orders")).await;
    assert_eq!(
        env.settle(&successor, again).await.status,
        Status::Succeeded
    );
    late.await.unwrap();
    assert_eq!(
        env.sandbox.inventory().clusters.len(),
        1,
        "the later cluster still exists"
    );
    assert_eq!(env.sent("dax:DeleteCluster"), 1);
}

#[tokio::test]
async fn a_step_that_panics_is_quarantined_after_five_claims() {
    let env = TestEnv::new().await;
    let broken = Arc::new(AtomicBool::new(true));
    let crashes = Arc::new(AtomicUsize::new(0));
    let (flag, count) = (Arc::clone(&broken), Arc::clone(&crashes));
    let probe: Probe = Arc::new(move |point, step, _| {
        let crash =
            point == Point::Checked && step == "create_service_role" && flag.load(Ordering::SeqCst);
        count.fetch_add(usize::from(crash), Ordering::SeqCst);
        Box::pin(async move { assert!(!crash, "this test makes the step panic") })
    });
    let worker = env.worker("w").with_probe(probe);
    let create = env.create(&plain_spec("orders")).await;
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.waiting_for, Some(WaitingFor::Operator));
    assert_eq!(
        blocked.fault.unwrap().problem_code().as_str(),
        "step_crashed"
    );
    let pause = (blocked.next_attempt_at.unwrap() - env.store.clock().await.unwrap()).num_seconds();
    assert!(
        (540..=600).contains(&pause),
        "it is tried again after ten minutes: {pause}"
    );
    assert_eq!(crashes.load(Ordering::SeqCst), 5);

    broken.store(false, Ordering::SeqCst);
    assert_eq!(
        env.store.retry(create, "token:test").await.unwrap(),
        Retried::Woken
    );
    let done = env.finish(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert_eq!(
        env.store.retry(create, "token:test").await.unwrap(),
        Retried::Finished
    );
}

/// Review B8: the operations of a process that died are continued side by side. Only a step whose
/// process died twice runs alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operations_of_a_dead_process_are_continued_side_by_side() {
    let env = TestEnv::new().await;
    let hold: Probe = Arc::new(|_, _, _| Box::pin(std::future::pending()));
    for name in ["one", "two"] {
        env.create(&plain_spec(name)).await;
        let dead = env.worker("dead").with_probe(Arc::clone(&hold));
        let turn = tokio::spawn(async move { dead.turn().await });
        while owned(&env).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        turn.abort();
        env.expire_leases().await;
        sqlx::query(
            "update operations set owner = null, wake_at = 'infinity' where owner = 'dead'",
        )
        .execute(&env.pool)
        .await
        .unwrap();
    }
    sqlx::query("update operations set wake_at = now()")
        .execute(&env.pool)
        .await
        .unwrap();
    let worker = env.worker("w");
    let holding = worker.clone().with_probe(hold);
    let held = tokio::spawn(async move { holding.turn().await });
    while owned(&env).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = worker.turn().await.unwrap();
    assert!(matches!(other, TurnResult::Worked(_)), "{other:?}");
    held.abort();
}

/// The number of claimed operations.
async fn owned(env: &TestEnv) -> i64 {
    sqlx::query_scalar("select count(*) from operations where owner is not null")
        .fetch_one(&env.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_are_one_operation_and_another_body_is_rejected() {
    let env = TestEnv::new().await;
    for round in 0..20 {
        let spec = plain_spec(&format!("t{round}"));
        let key = |fingerprint: u8| {
            Some(IdempotencyKey {
                caller: "test".to_owned(),
                key: format!("k{round}"),
                fingerprint: vec![fingerprint],
            })
        };
        let requests = (0..16).map(|_| {
            let (store, spec) = (env.store.clone(), spec.clone());
            let new = NewOperation {
                idempotency_key: key(1),
                ..new_operation(Kind::CreateCluster)
            };
            tokio::spawn(async move { store.accept_create(&new, &spec).await.unwrap() })
        });
        let mut accepted: HashMap<Uuid, usize> = HashMap::new();
        for request in requests.collect::<Vec<_>>() {
            match request.await.unwrap() {
                Accepted::Created(operation) => *accepted.entry(operation.id).or_default() += 1,
                Accepted::Replayed(id) => *accepted.entry(id).or_default() += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(accepted.values().copied().collect::<Vec<_>>(), [16]);
        let other = NewOperation {
            idempotency_key: key(2),
            ..new_operation(Kind::CreateCluster)
        };
        assert_eq!(
            env.store.accept_create(&other, &spec).await.unwrap(),
            Accepted::KeyReused
        );
    }
}
