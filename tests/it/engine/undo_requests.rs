//! Requests to cancel that race with a worker's record: an undo begins once, and a failure keeps its
//! problem.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::spec::{ClusterSpec, LocalSettings, OnFailure};
use dax_provisioner::operations::plan;
use dax_provisioner::store::UndoRequested;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::cluster_fixture::ClusterFixture;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

fn rolls_back(name: &str) -> ClusterSpec {
    let spec = plain_spec(name);
    let local = LocalSettings {
        on_failure: OnFailure::RollBack,
        ..spec.local.clone()
    };
    ClusterSpec { local, ..spec }
}

/// A create that is being undone because of a capacity fault, at its first undo step.
async fn rolling_back(env: &TestEnv, name: &str) -> Uuid {
    let worker = env.worker("w");
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity));
    let id = env.create(&rolls_back(name)).await;
    while env.status(id).await != Status::RollingBack {
        env.one_turn(&worker).await;
    }
    id
}

async fn undo_steps(env: &TestEnv, id: Uuid) -> i64 {
    sqlx::query_scalar("select count(*) from operation_steps where operation_id = $1 and undo")
        .bind(id)
        .fetch_one(&env.pool)
        .await
        .unwrap()
}

/// Review A1: under READ COMMITTED a statement that locks the operation and joins its step sees the
/// old step once it has waited for the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_waits_for_a_record_does_not_begin_a_second_undo() {
    let env = TestEnv::new().await;
    let id = rolling_back(&env, "orders").await;
    let planned = undo_steps(&env, id).await;
    // Another session does what the record of a turn does: it holds the row while the position moves.
    let mut record = PgConnection::connect(&env.database.url()).await.unwrap();
    sqlx::query("begin").execute(&mut record).await.unwrap();
    sqlx::query(
        "update operations set current_position = current_position + 1,
           current_step = (select name from operation_steps s
                           where s.operation_id = operations.id and s.position = operations.current_position + 1)
         where id = $1",
    )
    .bind(id)
    .execute(&mut record)
    .await
    .unwrap();
    let store = env.store.clone();
    let cancel = tokio::spawn(async move {
        let undo = |kind| plan(kind).undo_names();
        store.cancel(id, "token:test", undo).await.unwrap()
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!cancel.is_finished(), "the cancel waits for the row");
    sqlx::query("commit").execute(&mut record).await.unwrap();
    assert_eq!(cancel.await.unwrap(), UndoRequested::TooLate);
    assert_eq!(undo_steps(&env, id).await, planned);
    let ended = env.finish(&env.worker("w"), id).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(ended.fault.is_some(), "the failure keeps its problem");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parallel_cancels_begin_one_undo() {
    cancel_in_parallel(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn many_parallel_cancels_begin_one_undo_each_time() {
    cancel_in_parallel(200).await;
}

/// Cancels so many operations, each by 50 requests at the same time.
async fn cancel_in_parallel(rounds: usize) {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let undo_plan = plan(dax_provisioner::domain::operation::Kind::CreateCluster)
        .undo_names()
        .len();
    for round in 0..rounds {
        let id = env.create(&plain_spec(&format!("orders{round}"))).await;
        env.one_turn(&worker).await;
        env.one_turn(&worker).await;
        let cancels = (0..50).map(|_| {
            let store = env.store.clone();
            tokio::spawn(async move {
                let undo = |kind| plan(kind).undo_names();
                store.cancel(id, "token:test", undo).await.unwrap()
            })
        });
        let cancels: Vec<_> = cancels.collect();
        let finish = env.finish(&worker, id);
        let ended = finish.await;
        let mut started = 0;
        for cancel in cancels {
            started += usize::from(cancel.await.unwrap() == UndoRequested::Started);
        }
        assert_eq!(ended.status, Status::Cancelled);
        assert_eq!(started, 1, "round {round}");
        let steps = usize::try_from(undo_steps(&env, id).await).unwrap();
        assert_eq!(steps, undo_plan, "round {round}");
    }
}

/// Review B3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_about_an_operation_are_recorded_with_their_caller() {
    let fixture = ClusterFixture::new().await;
    let env = &fixture.env;
    env.grant_all_except("iam:CreatePolicy");
    let id = env.create(&plain_spec("orders")).await;
    assert_eq!(
        env.settle(&fixture.worker, id).await.status,
        Status::Blocked
    );
    for verb in ["retry", "roll_back"] {
        let path = format!("/v1/operations/{id}/{verb}");
        let answer = fixture.api.send_empty("POST", &path).await;
        assert_eq!(answer.status, 202, "{verb}: {:#}", answer.body);
        if verb == "retry" {
            env.one_turn(&fixture.worker).await;
        }
    }
    let events = fixture
        .api
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await;
    for kind in ["retry_requested", "roll_back_requested"] {
        let items = events.body["items"].as_array().unwrap();
        let event = items.iter().find(|event| event["type"] == kind).unwrap();
        assert_eq!(event["data"]["requested_by"], "anonymous", "{event:#}");
    }
}
