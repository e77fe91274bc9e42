//! What loops work on after turns that are recorded together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dax_provisioner::store::{Claimed, Next, StoreError, TurnReport};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::support::requests::plain_spec;

use super::sorts::{NEXT, of, wait};
use super::{Held, Outcome, Records};

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
        Next::Unknown | Next::Nothing => None,
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
            // What the record made due may be due now.
            Next::Unknown => {}
            Next::Nothing => panic!("{outcomes:?}"),
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

/// An operation that its own turn makes due is found, because the loop is not answered that nothing is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_recorded_alone_finds_what_it_makes_due() {
    let records = Records::of_loops(Duration::from_secs(20)).await;
    let held = records.claim("retried", "version = version").await;
    let retry = sqlx::query("update operations set retry_requested = true");
    retry.execute(&records.env.pool).await.unwrap();
    let retried = records.record(&held, &wait(None)).await;
    let next = claimed(&retried).unwrap();
    assert_eq!(next.claim.operation_id, held.claim.operation_id);
    assert!(next.claim.epoch > held.claim.epoch);
    let again = Held {
        name: held.name,
        claim: next.claim.clone(),
        task: next.task.as_ref().unwrap().clone(),
    };
    let waits = records.record(&again, &wait(None)).await.unwrap();
    assert!(matches!(waits.next, Next::Nothing), "{waits:?}");
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
    let given_back = "select count(*) = 2 from operations where epoch = 1 and owner is null
                      and claims_without_progress = 0 and wake_at <= now()";
    records.until(given_back).await;
    let expected = BTreeSet::from([first.claim.operation_id, next]);
    assert_eq!(records.held().await, expected);
}

/// The record is answered, and the loops claim alone. What the late statement claims is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_hangs_delays_no_record() {
    let records = Records::of_loops(Duration::from_millis(1_600)).await;
    let held = records.claim_all(["first", "a", "b"]).await;
    let [first, others @ ..] = &held;
    records.due(["x", "y"]).await;
    let slow = "create function hang() returns trigger language plpgsql as
                  'begin perform pg_advisory_xact_lock_shared(7); return new; end';
                create trigger hang before update on operations for each row
                  when (old.owner is null and new.owner is not null) execute function hang()";
    records.env.pool.execute(slow).await.unwrap();
    let url = records.env.database.url();
    let mut blocker = <PgConnection as Connection>::connect(&url).await.unwrap();
    blocker.execute("select pg_advisory_lock(7)").await.unwrap();
    let turns = turns(others, || wait(None));

    let (_, outcomes) = records.record_together(first, &turns, async |_| {}).await;

    for outcome in &outcomes {
        let outcome = outcome.as_ref().unwrap();
        assert!(matches!(outcome.next, Next::Unknown), "{outcome:?}");
    }
    assert_eq!(records.held().await.len(), 1, "the first turn's operation");
    blocker
        .execute("select pg_advisory_unlock(7)")
        .await
        .unwrap();
    let given_back = "select count(*) = 2 from operations where epoch = 1 and owner is null
                      and claims_without_progress = 0 and cluster_name in ('x', 'y')";
    records.until(given_back).await;
}
