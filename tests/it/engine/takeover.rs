//! Two workers: they share the work, a zombie writes nothing, a step that crashes is quarantined.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::store::{Accepted, IdempotencyKey, Retried};
use dax_provisioner::worker::{Point, Probe, TurnResult};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::requests::{new_operation, plain_spec, spec_with_groups};
use crate::support::test_env::{TestEnv, instant};
use dax_provisioner::domain::operation::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_a_hundred_clusters() {
    let mut settings = instant();
    settings.quotas.set("nodes", 1_000).unwrap();
    let world = TestEnv::with(settings).await;
    let mut creates = Vec::new();
    for number in 0..100 {
        creates.push(world.create(&plain_spec(&format!("c{number}"))).await);
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
        workers.push(tokio::spawn(world.worker(name).with_probe(probe).run(
            4,
            false,
            stop.clone(),
        )));
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let done = "select count(*) from operations where status = 'succeeded'";
    while sqlx::query_scalar::<_, i64>(done)
        .fetch_one(&world.pool)
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
    let shares: Vec<usize> = turns
        .iter()
        .map(|turns| turns.load(Ordering::Relaxed))
        .collect();
    println!("two workers, 100 clusters: turns {shares:?}");
    assert!(
        shares.iter().all(|&share| share > 100),
        "one worker did nearly everything: {shares:?}"
    );
    assert_eq!(world.sandbox.inventory().clusters.len(), 100);
    assert!(world.effects().values().all(|&count| count == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_writes_nothing() {
    let world = TestEnv::new().await;
    let (frozen, thaw) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let once = Arc::new(AtomicBool::new(false));
    let (told, waits) = (Arc::clone(&frozen), Arc::clone(&thaw));
    let probe: Probe = Arc::new(move |point, _, _| {
        let here = point == Point::Answered && !once.swap(true, Ordering::SeqCst);
        let (told, waits) = (Arc::clone(&told), Arc::clone(&waits));
        Box::pin(async move {
            if here {
                told.notify_one();
                waits.notified().await;
            }
        })
    });
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let zombie = world.worker("zombie").with_probe(probe);
    let frozen_turn = tokio::spawn(async move {
        loop {
            match zombie.turn().await.unwrap() {
                TurnResult::Worked(visit) if visit.status.is_none() => return visit,
                TurnResult::Worked(_) | TurnResult::Idle => {}
            }
        }
    });
    frozen.notified().await;
    world.end_leases().await;
    let heir = world.worker("heir");
    let done = world.settle(&heir, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    let before = world.operation(create).await;
    thaw.notify_one();
    let visit = frozen_turn.await.unwrap();
    assert_eq!(visit.status, None, "the zombie's record was fenced");
    let after = world.operation(create).await;
    assert_eq!(
        (before.version, before.status),
        (after.version, after.status)
    );
    assert!(
        world.effects().values().all(|&count| count == 1),
        "{:?}",
        world.effects()
    );
}

/// A worker that freezes between its intent and the send must not send later: the name may be another cluster's by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_frozen_before_the_send_does_not_delete_a_later_cluster() {
    let world = TestEnv::new().await;
    let heir = world.worker("heir");
    let create = world.create(&plain_spec("orders")).await;
    assert_eq!(world.settle(&heir, create).await.status, Status::Succeeded);
    let delete = world.delete("orders").await;
    let frozen = Arc::new(Notify::new());
    let (told, once) = (Arc::clone(&frozen), Arc::new(AtomicBool::new(false)));
    let probe: Probe = Arc::new(move |point, step, _| {
        let here = point == Point::Intended
            && step == "delete_cluster"
            && !once.swap(true, Ordering::SeqCst);
        let told = Arc::clone(&told);
        Box::pin(async move {
            if here {
                told.notify_one();
                // Longer than the lease leaves for a call, as a frozen process is.
                tokio::time::sleep(Duration::from_secs(7)).await;
            }
        })
    });
    let zombie = world.worker("zombie").with_probe(probe);
    let late = tokio::spawn(async move {
        loop {
            match zombie.turn().await.unwrap() {
                TurnResult::Worked(visit) if visit.status.is_none() => return,
                TurnResult::Worked(_) | TurnResult::Idle => {}
            }
        }
    });
    frozen.notified().await;
    world.end_leases().await;
    assert_eq!(world.settle(&heir, delete).await.status, Status::Succeeded);
    let again = world.create(&plain_spec("orders")).await;
    assert_eq!(world.settle(&heir, again).await.status, Status::Succeeded);
    late.await.unwrap();
    assert_eq!(
        world.sandbox.inventory().clusters.len(),
        1,
        "the later cluster lives"
    );
    assert_eq!(world.sent("dax:DeleteCluster"), 1);
}

#[tokio::test]
async fn a_step_that_panics_is_quarantined_after_five_claims_and_harms_nobody_else() {
    let world = TestEnv::new().await;
    let broken = Arc::new(AtomicBool::new(true));
    let crashes = Arc::new(AtomicUsize::new(0));
    let (flag, count) = (Arc::clone(&broken), Arc::clone(&crashes));
    let probe: Probe = Arc::new(move |point, step, _| {
        let crash =
            point == Point::Checked && step == "create_service_role" && flag.load(Ordering::SeqCst);
        count.fetch_add(usize::from(crash), Ordering::SeqCst);
        Box::pin(async move { assert!(!crash, "the step panics, as this test wants") })
    });
    let worker = world.worker("w").with_probe(probe);
    let create = world.create(&plain_spec("orders")).await;
    let blocked = world.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.waiting_for, Some(WaitingFor::Operator));
    assert_eq!(
        blocked.fault.unwrap().problem_code().as_str(),
        "step_crashed"
    );
    assert_eq!(blocked.next_attempt_at, None, "only a retry wakes it");
    assert_eq!(crashes.load(Ordering::SeqCst), 5);

    broken.store(false, Ordering::SeqCst);
    assert_eq!(world.store.retry(create).await.unwrap(), Retried::Woken);
    let done = world.finish(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert_eq!(world.store.retry(create).await.unwrap(), Retried::Finished);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_make_one_operation_and_another_body_is_refused() {
    let world = TestEnv::new().await;
    for round in 0..20 {
        let spec = plain_spec(&format!("t{round}"));
        let key = |fingerprint: u8| {
            Some(IdempotencyKey {
                caller: "test".to_owned(),
                key: format!("k{round}"),
                fingerprint: vec![fingerprint],
            })
        };
        let twins = (0..16).map(|_| {
            let (store, spec) = (world.store.clone(), spec.clone());
            let new = dax_provisioner::store::NewOperation {
                idempotency_key: key(1),
                ..new_operation(Kind::CreateCluster)
            };
            tokio::spawn(async move { store.accept_create(&new, &spec).await.unwrap() })
        });
        let mut answers: HashMap<Uuid, usize> = HashMap::new();
        for twin in twins.collect::<Vec<_>>() {
            match twin.await.unwrap() {
                Accepted::Created(id) | Accepted::Replayed(id) => {
                    *answers.entry(id).or_default() += 1
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(answers.values().copied().collect::<Vec<_>>(), [16]);
        let other = dax_provisioner::store::NewOperation {
            idempotency_key: key(2),
            ..new_operation(Kind::CreateCluster)
        };
        assert_eq!(
            world.store.accept_create(&other, &spec).await.unwrap(),
            Accepted::KeyReused
        );
    }
}
