//! A claim and the task that is read after it belong together, and loops claim together.

use std::collections::BTreeSet;
use std::time::Duration;

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::operations::known_steps;
use dax_provisioner::store::NewOperation;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use strum::VariantArray;
use uuid::Uuid;

use crate::support::database::open_store;
use crate::support::database_proxy::DatabaseProxy;
use crate::support::requests::{claimant, new_operation, plain_spec};
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
    let sql = plain(include_str!("../../../src/store/sql/claims.sql"));
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
        .bind(1_i64)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let id: Uuid = row.get("id");
    let task = plain(include_str!("../../../src/store/sql/tasks.sql"));
    let task = sqlx::query(AssertSqlSafe(task))
        .bind([id])
        .bind([row.get::<i64, _>("epoch")])
        .bind(["reader"])
        .bind(300.0)
        .fetch_one(connection)
        .await
        .unwrap();
    let task: serde_json::Value = task.get("task");
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

/// A connection that holds a lock for which claims wait.
async fn locked(env: &TestEnv) -> PgConnection {
    let url = env.database.url();
    let mut blocker = <PgConnection as Connection>::connect(&url).await.unwrap();
    let lock = "begin; lock table operations in exclusive mode";
    blocker.execute(lock).await.unwrap();
    blocker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loops_that_claim_together_divide_a_statement_between_the_callers() {
    let env = TestEnv::new().await;
    let mut of_other = None;
    for number in 0..7 {
        let caller = if number == 6 { "other" } else { "many" };
        let new = NewOperation {
            requested_by: format!("token:{caller}"),
            ..new_operation(Kind::CreateCluster)
        };
        let spec = plain_spec(&format!("c{number}"));
        env.store.accept_create(&new, &spec).await.unwrap();
        of_other = Some(new.id);
    }
    let proxy = DatabaseProxy::start(&env.database.url()).await;
    let (store, claimant) = (open_store(proxy.url.clone(), 4), claimant("w"));
    let mut blocker = locked(&env).await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        blocker.execute("rollback").await.unwrap();
    };

    let claims = join_all((0..5).map(|_| store.claim(&claimant)));
    let (claims, ()) = tokio::join!(claims, release);

    let mut claimed = BTreeSet::new();
    for claim in claims {
        let claim = claim.unwrap().unwrap();
        assert_eq!(claim.task.unwrap().operation_id, claim.claim.operation_id);
        claimed.insert(claim.claim.operation_id);
    }
    assert_eq!(claimed.len(), 5);
    assert!(claimed.contains(&of_other.unwrap()), "{claimed:?}");
    let statements = proxy.take_statements();
    let claims = statements
        .iter()
        .filter(|text| text.contains("with recursive callers"));
    assert!(claims.count() < 5, "{statements:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_loop_has_gone_is_given_back_and_does_not_count() {
    let env = TestEnv::new().await;
    env.create(&plain_spec("orders")).await;
    let mut blocker = locked(&env).await;
    let claimant = claimant("w");
    let gone = env.store.claim(&claimant);
    let gone = tokio::time::timeout(Duration::from_millis(100), gone).await;
    assert!(gone.is_err(), "{gone:?}");
    blocker.execute("rollback").await.unwrap();
    let is_back =
        "select epoch = 1 and owner is null and wake_at <= now() and claims_without_progress = 0
                   from operations";
    let began = std::time::Instant::now();
    while !sqlx::query_scalar::<_, bool>(is_back)
        .fetch_one(&env.pool)
        .await
        .unwrap()
    {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// As a damaged page would: the server fails to read what belongs to one operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_the_server_cannot_read_fails_no_neighbour() {
    let env = TestEnv::new().await;
    let mut ids = Vec::new();
    // The first loop claims alone, the others together.
    for name in ["a", "damaged", "b"] {
        ids.push(env.create(&plain_spec(name)).await);
    }
    let damaged = ids[1];
    let damage = format!(
        "create function is_readable(operation uuid) returns bool language plpgsql as $$
         begin
           if operation = '{damaged}' then raise 'damaged' using errcode = 'XX001'; end if;
           return true;
         end $$;
         create policy readable on operation_steps using (is_readable(operation_id));
         alter table operation_steps enable row level security;"
    );
    env.pool.execute(AssertSqlSafe(damage)).await.unwrap();
    let claimant = claimant("w");
    let mut blocker = locked(&env).await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        blocker.execute("rollback").await.unwrap();
    };

    let claims = join_all((0..3).map(|_| env.store.claim(&claimant)));
    let (claims, ()) = tokio::join!(claims, release);

    for claim in claims {
        let claim = claim.unwrap().unwrap();
        let is_damaged = claim.claim.operation_id == damaged;
        assert_eq!(claim.task.is_err(), is_damaged, "{:?}", claim.task);
    }
}
