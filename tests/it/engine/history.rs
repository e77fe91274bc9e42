//! What stays in the database: history up to its age, one row per rejected call, and one re-check
//! per cause. And the evidence of resources that several clusters share.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::inventory::{Presence, ResourceKind};
use dax_provisioner::domain::operation::Status;
use uuid::Uuid;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn deny_create_role(env: &TestEnv) {
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Deny).seconds(3_600.0));
}

/// Moves everything that has ended so far into the past.
async fn age_history(env: &TestEnv, days: i32) {
    for update in [
        "update operations set finished_at = finished_at - make_interval(days => $1)",
        "update clusters set deleted_at = deleted_at - make_interval(days => $1)",
    ] {
        let updated = sqlx::query(update).bind(days).execute(&env.pool);
        updated.await.unwrap();
    }
}

/// The number of rows of an operation in each table of its history.
async fn rows_of(env: &TestEnv, id: Uuid) -> Vec<i64> {
    sqlx::query_scalar(
        "select count(*) from operations where id = $1
         union all select count(*) from operation_steps where operation_id = $1
         union all select count(*) from operation_events where operation_id = $1
         union all select count(*) from attempts where operation_id = $1
         union all select count(*) from intents where operation_id = $1",
    )
    .bind(id)
    .fetch_all(&env.pool)
    .await
    .unwrap()
}

async fn sweep(env: &TestEnv) {
    env.make_jobs_due().await;
    let worker = env.worker("sweeper").with_history_age(400 * DAY);
    worker.sweep().await.unwrap().unwrap();
}

/// Review A11: old history is deleted, and nothing that the current state needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_deleted_at_its_age_and_the_current_state_stays() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let (old, kept) = (
        env.create(&plain_spec("old")).await,
        env.create(&plain_spec("kept")).await,
    );
    env.finish(&worker, old).await;
    env.finish(&worker, kept).await;
    let deletes_old = env.delete("old").await;
    env.finish(&worker, deletes_old).await;
    age_history(&env, 399).await;
    sweep(&env).await;
    assert!(rows_of(&env, old).await[0] == 1, "younger than 400 days");
    age_history(&env, 2).await;
    let recent = env.create(&plain_spec("recent")).await;
    env.finish(&worker, recent).await;
    sweep(&env).await;
    for id in [old, deletes_old] {
        assert_eq!(rows_of(&env, id).await, [0; 5], "{id}");
    }
    let clusters: Vec<String> = sqlx::query_scalar("select name from clusters order by name")
        .fetch_all(&env.pool)
        .await
        .unwrap();
    assert_eq!(clusters, ["kept", "recent"]);
    assert_eq!(env.status(kept).await, Status::Succeeded);
    for name in ["kept", "recent"] {
        let delete = env.delete(name).await;
        assert_eq!(env.finish(&worker, delete).await.status, Status::Succeeded);
    }
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
}

/// Review A11: a re-check of a blocked operation sends its call again, but adds no row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rechecks_of_a_blocked_operation_add_no_rows() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    deny_create_role(&env);
    let id = env.create(&plain_spec("orders")).await;
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    let (rows, sent) = (rows_of(&env, id).await, env.sent("iam:CreateRole"));
    for _ in 0..5 {
        env.one_turn(&worker).await;
    }
    assert_eq!(env.sent("iam:CreateRole"), sent + 5);
    let now = rows_of(&env, id).await;
    assert_eq!((now[1], now[2], now[4]), (rows[1], rows[2], rows[4]));
    env.sandbox.clear_faults();
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

/// Names and waits of the blocked operations, the next one first.
async fn waits(env: &TestEnv) -> Vec<f64> {
    sqlx::query_scalar(
        "select extract(epoch from wake_at - now())::float8 from operations
         where status = 'blocked' order by wake_at",
    )
    .fetch_all(&env.pool)
    .await
    .unwrap()
}

/// Review A11: of the operations that one cause blocks, one re-checks it often and wakes the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_with_one_cause_share_one_recheck() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    deny_create_role(&env);
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let id = env.create(&plain_spec(name)).await;
        while env.status(id).await != Status::Blocked {
            worker.turn().await.unwrap();
        }
        ids.push(id);
    }
    let before = waits(&env).await;
    assert!(
        before[0] < 120.0 && before[1] > 400.0 && before[2] > 400.0,
        "{before:?}"
    );

    env.sandbox.clear_faults();
    sqlx::query(
        "update operations set wake_at = now()
         where wake_at = (select min(wake_at) from operations where status = 'blocked')",
    )
    .execute(&env.pool)
    .await
    .unwrap();
    worker.turn().await.unwrap();
    let woken = waits(&env).await;
    assert!(woken.len() == 2 && woken[1] <= 0.0, "{woken:?}");
    for id in ids {
        assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
    }
}

/// Review B1: clusters that share a security group share its rule. A row of one that released it
/// does not hide the row of one that relies on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_one_cluster_still_uses_is_no_orphan() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let mut clusters = Vec::new();
    for name in ["left", "relies"] {
        let id = env.create(&plain_spec(name)).await;
        env.finish(&worker, id).await;
        clusters.push(env.store.cluster(name).await.unwrap().unwrap().id);
    }
    let maker: Uuid = sqlx::query_scalar("select operation_id from clusters where name = 'left'")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    for order in [["left", "present"], ["present", "left"]] {
        sqlx::query("delete from inventory where kind = 'security_group_rule'")
            .execute(&env.pool)
            .await
            .unwrap();
        for (cluster, presence) in clusters.iter().zip(order) {
            sqlx::query(
                "insert into inventory (cluster_id, operation_id, touched_by, kind, name, owner, presence)
                 values ($1, $2, $2, 'security_group_rule', 'sgr-1', 'managed', $3)",
            )
            .bind(cluster)
            .bind(maker)
            .bind(presence)
            .execute(&env.pool)
            .await
            .unwrap();
        }
        let evidence = env.store.evidence(&["sgr-1".to_owned()]).await.unwrap();
        let [one] = evidence.as_slice() else {
            panic!("{evidence:?}");
        };
        assert_eq!(one.kind, ResourceKind::SecurityGroupRule);
        assert_eq!(one.presence, Some(Presence::Present), "{order:?}");
    }
}
