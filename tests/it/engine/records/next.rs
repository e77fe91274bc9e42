//! What loops work on after turns that are recorded together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dax_provisioner::store::{Claimed, LEASE, Next, StoreError, TurnReport};
use dax_provisioner::worker::{Point, Probe};
use sqlx::postgres::PgListener;
use sqlx::{Executor, PgConnection};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

use super::sorts::{NEXT, of, wait, with_details};
use super::waits::{LOCK_CLUSTER, holder};
use super::{Held, Outcome, Records};

/// Whether two operations were claimed and are due again.
const GIVEN_BACK: &str = "select count(*) = 2 from operations
    where epoch = 1 and owner is null and claims_without_progress = 0 and wake_at <= now()";

impl Records {
    /// The loops of the worker that holds the operations.
    async fn of_loops(timeout: Duration) -> Self {
        let records = Self::with_timeout(timeout).await;
        let loops = Arc::clone(&records.claimant);
        Self { loops, ..records }
    }

    /// New operations that are due.
    async fn due<const N: usize>(&self, names: [&str; N]) -> BTreeSet<Uuid> {
        let mut due = BTreeSet::new();
        for name in names {
            due.insert(self.env.create(&plain_spec(name)).await);
        }
        due
    }

    /// Waits until a condition holds.
    async fn until(&self, condition: &'static str) {
        let holds = async || {
            let holds = sqlx::query_scalar::<_, bool>(condition);
            holds.fetch_one(&self.env.pool).await.unwrap()
        };
        let waited = timeout(Duration::from_secs(10), async {
            while !holds().await {
                sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect(condition);
    }

    /// The operations that a worker holds.
    async fn held(&self) -> BTreeSet<Uuid> {
        let held = sqlx::query_scalar("select id from operations where owner is not null");
        let held: Vec<Uuid> = held.fetch_all(&self.env.pool).await.unwrap();
        held.into_iter().collect()
    }
}

fn turns(held: &[Held], report: fn() -> TurnReport) -> Vec<(&Held, TurnReport)> {
    held.iter().map(|held| (held, report())).collect()
}

/// What the loop works on.
fn claimed(outcome: &Outcome) -> Option<&Claimed> {
    match &outcome.as_ref().unwrap().next {
        Next::Claimed(claimed) => Some(claimed),
        Next::Unknown | Next::Held(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loops_whose_operations_wait_get_others_that_one_statement_claims() {
    let records = Records::of_loops(Duration::from_secs(20)).await;
    let held = records
        .claim_all(["first", "a", "b", "kept", "c", "d"])
        .await;
    let [first, others @ ..] = &held;
    let due = records.due(["x", "y", "z"]).await;
    let mut turns = turns(others, || wait(None));
    turns[2].1 = of(NEXT);

    let (outcome, outcomes) = records.record_together(first, &turns, async |_| {}).await;

    let kept = |outcome, held: &Held| {
        let next: &Claimed = claimed(outcome).unwrap();
        assert_eq!(next.claim.operation_id, held.claim.operation_id);
        assert_eq!(next.task.as_ref().unwrap().step.position, 1);
    };
    kept(&outcome, first);
    kept(&outcomes[2], &held[3]);
    let mut found = BTreeSet::new();
    for number in [0, 1, 3, 4] {
        match &outcomes[number].as_ref().unwrap().next {
            Next::Claimed(Claimed { claim, task }) => {
                assert_eq!(task.as_ref().unwrap().operation_id, claim.operation_id);
                found.insert(claim.operation_id);
            }
            Next::Unknown => {}
            Next::Held(_) => panic!("{outcomes:?}"),
        }
    }
    assert_eq!(found, due);
    let statements = records.proxy.take_statements();
    let of_kind = |text: &str| statements.iter().filter(|sql| sql.contains(text)).count();
    assert_eq!(of_kind("-- Records turns"), 2, "{statements:#?}");
    // Fewer operations than loops were due.
    assert_eq!(of_kind("-- Claims at most"), 2, "{statements:#?}");
    assert_eq!(of_kind("-- The tasks of"), 2, "{statements:#?}");
}

/// A claim for a turn that is not recorded, or whose loop has gone, is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_no_loop_works_on_is_given_back() {
    let records = Records::of_loops(Duration::from_secs(20)).await;
    let held = records
        .claim_all(["first", "fenced", "good", "dropped"])
        .await;
    let [first, fenced, good, dropped] = &held;
    let fence = sqlx::query("update operations set owner = null where id = $1");
    let fence = fence.bind(fenced.claim.operation_id);
    fence.execute(&records.env.pool).await.unwrap();
    let due = records.due(["x", "y", "z"]).await;
    let url = records.env.database.url();
    let mut listener = PgListener::connect(&url).await.unwrap();
    listener.listen("dax_provisioner_work").await.unwrap();
    let turns = [(fenced, wait(None)), (good, wait(None))];
    let report = wait(None);
    let drop = async |_: &mut PgConnection| {
        let record = records.record(dropped, &report);
        let late = timeout(Duration::from_millis(50), record).await;
        assert!(late.is_err(), "{late:?}");
    };

    let (_, outcomes) = records.record_together(first, &turns, drop).await;

    assert!(matches!(outcomes[0], Err(StoreError::Fenced)));
    let next = claimed(&outcomes[1]).unwrap().claim.operation_id;
    assert!(due.contains(&next));
    // Those of the turn that is fenced and of the loop that has gone.
    records.until(GIVEN_BACK).await;
    let expected = BTreeSet::from([first.claim.operation_id, next]);
    assert_eq!(records.held().await, expected);
    let woken = timeout(Duration::from_secs(10), listener.recv()).await;
    assert_eq!(woken.unwrap().unwrap().payload(), "default");
}

/// Such a turn may have outlived its loop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_outlived_its_lease_is_recorded_and_not_continued() {
    let records = Records::of_loops(Duration::from_secs(20)).await;
    let mut held = records.claim("late", "version = version").await;
    held.claim.taken_at -= LEASE;
    let recorded = records.record(&held, &of(NEXT)).await.unwrap();
    assert!(matches!(recorded.next, Next::Unknown), "{recorded:?}");
    assert_eq!(records.held().await, BTreeSet::new());
}

/// The record is answered, and the loops claim or read alone. What the late statement claims is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_claim_fails_no_record() {
    let records = Records::of_loops(Duration::from_millis(1_600)).await;
    let held = records.claim_all(["first", "a", "b", "kept"]).await;
    let [first, others @ ..] = &held;
    records.due(["x", "y"]).await;
    let slow = "create function slow() returns trigger language plpgsql as
                  'begin perform pg_sleep(0.3); return new; end';
                create trigger slow before update on operations for each row
                  when (old.owner is null and new.owner is not null) execute function slow()";
    records.env.pool.execute(slow).await.unwrap();
    let mut turns = turns(others, || wait(None));
    turns[2].1 = of(NEXT);

    let (_, outcomes) = records.record_together(first, &turns, async |_| {}).await;

    for outcome in &outcomes[..2] {
        let outcome = outcome.as_ref().unwrap();
        assert!(matches!(outcome.next, Next::Unknown), "{outcome:?}");
    }
    let Ok(Next::Held(kept)) = outcomes[2].as_ref().map(|kept| &kept.next) else {
        panic!("{outcomes:?}")
    };
    assert_eq!(records.store.task(kept).await.unwrap().step.position, 1);
    records.until(GIVEN_BACK).await;
    let expected = [first, &others[2]].map(|held| held.claim.operation_id);
    assert_eq!(records.held().await, BTreeSet::from(expected));
}

/// While the record waits for a lock, other loops can work on what was claimed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_waits_keeps_no_claim() {
    let records = Records::of_loops(Duration::from_millis(1_600)).await;
    let held = records.claim_all(["first", "a", "b"]).await;
    let [first, others @ ..] = &held;
    records.due(["x", "y"]).await;
    let mut holder = holder(&records, &others[0], LOCK_CLUSTER).await;
    let turns = turns(others, || with_details(wait(None)));
    let given_back = async {
        records.until(GIVEN_BACK).await;
        holder.execute("rollback").await.unwrap();
    };

    let recorded = records.record_together(first, &turns, async |_| {});
    let ((_, outcomes), ()) = tokio::join!(recorded, given_back);

    for outcome in &outcomes {
        let outcome = outcome.as_ref().unwrap();
        assert!(matches!(outcome.next, Next::Unknown), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_must_end_takes_no_other_turn() {
    let env = TestEnv::new().await;
    env.create(&plain_spec("orders")).await;
    let stop = CancellationToken::new();
    let after_stop = Arc::new(AtomicUsize::new(0));
    let (stopping, taken) = (stop.clone(), Arc::clone(&after_stop));
    let probe: Probe = Arc::new(move |point, _, _| {
        match point {
            Point::Recorded => stopping.cancel(),
            Point::Claimed => {
                taken.fetch_add(usize::from(stopping.is_cancelled()), Ordering::Relaxed);
            }
            Point::Checked | Point::Intended | Point::Answered => {}
        }
        Box::pin(async {})
    });
    let worker = env.worker("w").with_probe(probe);
    worker.run(1, false, stop).await;
    assert_eq!(after_stop.load(Ordering::Relaxed), 0);
}
