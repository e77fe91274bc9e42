//! A claim and the task that is read after it belong together.

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::operations::known_steps;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use strum::VariantArray;
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// A statement of the store, without the suffixes of its column names.
fn plain(sql: &str) -> String {
    let names = ["caller", "id", "epoch", "claims_without_progress", "task"];
    names.iter().fold(sql.to_owned(), |sql, name| {
        let sql = sql.replace(&format!("\"{name}!\""), name);
        sql.replace(&format!("\"{name}?\""), name)
    })
}

/// The claim, with a wait between its snapshot and its lock.
fn claim_with_pause() -> String {
    let sql = plain(include_str!("../../../src/store/sql/claim.sql"));
    let from = "from callers c\n";
    assert_eq!(sql.matches(from).count(), 1);
    let paused = "from callers c cross join (select pg_advisory_xact_lock_shared(7)) pause\n";
    sql.replace(from, paused)
}

/// The claimed operation, and the faults in a row of the step in its task.
async fn claim(connection: &mut PgConnection) -> (Uuid, i64) {
    let kinds: Vec<&str> = Kind::VARIANTS.iter().map(|kind| kind.as_str()).collect();
    let row = sqlx::query(AssertSqlSafe(claim_with_pause()))
        .bind("reader")
        .bind(15.0)
        .bind(kinds)
        .bind(known_steps())
        .bind(i32::MAX)
        .bind("")
        .bind(0_i16)
        .bind("default")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let id: Uuid = row.get("id");
    let task = plain(include_str!("../../../src/store/sql/task.sql"));
    let task: serde_json::Value = sqlx::query_scalar(AssertSqlSafe(task))
        .bind(id)
        .bind(row.get::<i64, _>("epoch"))
        .bind("reader")
        .bind(300.0)
        .fetch_one(connection)
        .await
        .unwrap();
    (id, task["step"]["faults_in_row"].as_i64().unwrap())
}

/// A request that started before the claim changes the operation between the snapshot and the lock
/// of the claim. A task read with the old snapshot would have the new operation and the old step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_of_an_operation_that_changes_during_its_claim_is_the_changed_one() {
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
    let (claimed, ()) = tokio::join!(claim(&mut reader), change);
    assert_eq!(claimed, (id, 7));
}
