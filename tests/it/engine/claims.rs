//! A claim reads the task in the statement that locks the operation.

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::operations::known_steps;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use strum::VariantArray;
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// The claim, with a wait between its snapshot and its lock.
fn claim_with_pause(condition: bool) -> String {
    let sql = include_str!("../../../src/store/sql/claim.sql");
    let compared = "and (o.epoch, o.version) = (select seen.epoch, seen.version from operations seen where seen.id = o.id)";
    assert_eq!(sql.matches(compared).count(), 2);
    let sql = if condition {
        sql.to_owned()
    } else {
        sql.replace(compared, "")
    };
    let from = "from callers c\n";
    assert_eq!(sql.matches(from).count(), 1);
    let paused = "from callers c cross join (select pg_advisory_xact_lock_shared(7)) pause\n";
    let names = [
        "caller!",
        "id?",
        "epoch?",
        "claims_without_progress?",
        "task?",
    ];
    names.iter().fold(sql.replace(from, paused), |sql, name| {
        sql.replace(name, name.trim_end_matches(['!', '?']))
    })
}

/// The claimed operation, and the faults in a row of the step in its task.
async fn claim(connection: &mut PgConnection, condition: bool) -> Option<(Uuid, i64)> {
    let kinds: Vec<&str> = Kind::VARIANTS.iter().map(|kind| kind.as_str()).collect();
    let row = sqlx::query(AssertSqlSafe(claim_with_pause(condition)))
        .bind("reader")
        .bind(15.0)
        .bind(kinds)
        .bind(known_steps())
        .bind(i32::MAX)
        .bind("")
        .bind(0_i16)
        .bind(300.0)
        .bind("default")
        .fetch_one(connection)
        .await
        .unwrap();
    let task: Option<serde_json::Value> = row.get("task");
    let faults = |task: serde_json::Value| task["step"]["faults_in_row"].as_i64().unwrap();
    Some((row.get::<Option<Uuid>, _>("id")?, faults(task?)))
}

/// A request that started before the claim changes the operation between the snapshot and the lock
/// of the claim. A task read with the old snapshot would have the new operation and the old step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_changes_during_a_claim_is_left_to_the_next_one() {
    for condition in [false, true] {
        let env = TestEnv::new().await;
        let id = env.create(&plain_spec("orders")).await;
        let url = env.database.url();
        let mut request = <PgConnection as Connection>::connect(&url).await.unwrap();
        let mut reader = <PgConnection as Connection>::connect(&url).await.unwrap();
        // `now()` is the start of a transaction, so what it makes due is due for the claim as well.
        request
            .execute("select pg_advisory_lock(7); begin")
            .await
            .unwrap();
        let change = async {
            let waits = "select exists (
                select 1 from pg_locks
                where locktype = 'advisory' and not granted
                  and database = (select oid from pg_database where datname = current_database()))";
            while !sqlx::query_scalar::<_, bool>(waits)
                .fetch_one(&env.pool)
                .await
                .unwrap()
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            request
                .execute(
                    "update operation_steps set faults_in_row = 7 where position = 0;
                     update operations set version = version + 1, wake_at = now();
                     commit;
                     select pg_advisory_unlock(7)",
                )
                .await
                .unwrap();
        };
        let (claimed, ()) = tokio::join!(claim(&mut reader, condition), change);
        if condition {
            assert_eq!(claimed, None);
            let claimed = claim(&mut reader, condition).await.unwrap();
            assert_eq!(claimed, (id, 7));
        } else {
            // Without the condition the race is lost: the test shows it.
            assert_eq!(claimed, Some((id, 0)));
        }
    }
}
