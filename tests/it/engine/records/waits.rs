//! Shared statements that wait: for a row that stays locked, and for a server that no longer answers.

use std::time::Duration;

use dax_provisioner::store::{StoreError, TurnReport};
use futures_util::future::join_all;
use sqlx::{Connection, Executor, PgConnection};

use super::sorts::{NEXT, of, with_details};
use super::{Held, Outcome, Records};

/// Only the turn whose operation is locked waits for the lock, alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_stays_locked_delays_no_neighbour() {
    let records = Records::new().await;
    let held = records.claim_all(["first", "locked", "a", "b"]).await;
    let [first, others @ ..] = &held;
    let lock = "select 1 from operations where id = $1 for update";
    let mut holder = holder(&records, &others[0], lock).await;
    let turns: Vec<(&Held, TurnReport)> = others.iter().map(|held| (held, of(NEXT))).collect();

    let (outcome, outcomes) = records.record_together(first, &turns, async |_| {}).await;

    outcome.unwrap();
    check_only_first_failed(&outcomes);
    let answered = records.answered.lock().unwrap().clone();
    let [(_, first_at), .., (_, neighbour_at), (last, last_at)] = answered.as_slice() else {
        panic!("{answered:?}")
    };
    assert_eq!(last, "locked");
    let (delay, wait) = (*neighbour_at - *first_at, *last_at - *first_at);
    assert!(delay < Duration::from_secs(1), "{answered:?}");
    assert!(wait > Duration::from_secs(1), "{answered:?}");
    holder.execute("rollback").await.unwrap();
    records.record(&others[0], &of(NEXT)).await.unwrap();
    check_recorded_once(&records, &held).await;
}

/// The statement waits for the lock, for its limit. Then each turn is recorded alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_stays_locked_fails_no_neighbour() {
    let records = Records::new().await;
    let held = records.claim_all(["first", "locked", "a", "b"]).await;
    let [first, others @ ..] = &held;
    let mut holder = holder(&records, &others[0], LOCK_CLUSTER).await;
    let observed = || with_details(of(NEXT));
    let turns: Vec<(&Held, TurnReport)> = others.iter().map(|held| (held, observed())).collect();

    let (outcome, outcomes) = records.record_together(first, &turns, async |_| {}).await;

    outcome.unwrap();
    check_only_first_failed(&outcomes);
    assert_eq!(records.stored(&others[0]).await[0]["current_position"], 0);
    holder.execute("rollback").await.unwrap();
    records.record(&others[0], &observed()).await.unwrap();
    check_recorded_once(&records, &held).await;
}

/// The operation that is locked is that of the first turn.
fn check_only_first_failed(outcomes: &[Outcome]) {
    let error = outcomes[0].as_ref().unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    for outcome in &outcomes[1..] {
        outcome.as_ref().unwrap();
    }
}

/// Locks the cluster of the operation $1.
pub const LOCK_CLUSTER: &str = "select 1 from clusters where id = (select cluster_id from operations where id = $1) for update";

/// A connection that holds a lock of what belongs to an operation.
pub async fn holder(records: &Records, held: &Held, lock: &'static str) -> PgConnection {
    let url = records.env.database.url();
    let mut holder = <PgConnection as Connection>::connect(&url).await.unwrap();
    holder.execute("begin").await.unwrap();
    let lock = sqlx::query(lock).bind(held.claim.operation_id);
    lock.execute(&mut holder).await.unwrap();
    holder
}

/// The statement that was sent is executed, and its answer never arrives. Those who wait for it do not wait
/// for its limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_connection_fails_no_turn_of_the_next_statement() {
    let records = Records::with_timeout(Duration::from_millis(3_000)).await;
    let held = records
        .claim_all(["prepared", "first", "a", "b", "c"])
        .await;
    let [prepared, first, others @ ..] = &held;
    // A statement that waits while it is prepared is not executed.
    records.record(prepared, &of(NEXT)).await.unwrap();
    // Several connections are open, and freeze.
    join_all((0..3).map(|_| records.store.managed_names())).await;
    let turns: Vec<(&Held, TurnReport)> = others.iter().map(|held| (held, of(NEXT))).collect();
    let freeze = async |_: &mut PgConnection| records.proxy.freeze_present_connections();

    let (outcome, outcomes) = records.record_together(first, &turns, freeze).await;

    let error = outcome.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    for outcome in outcomes {
        outcome.unwrap();
    }
    check_recorded_once(&records, &held).await;
}

async fn check_recorded_once(records: &Records, held: &[Held]) {
    for held in held {
        let stored = records.stored(held).await;
        assert_eq!(stored[0]["current_position"], 1, "{}", held.name);
    }
}
