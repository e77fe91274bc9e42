//! Property: every step done twice has the effect of once, forwards and in an undo. A step is done
//! again after its record was lost, and after it was recorded.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::store::UndoRequested;
use dax_provisioner::worker::Point;

use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared};
use crate::properties::scenario_run::ScenarioRun;
use crate::support::crashing_worker::CrashingWorker;
use crate::support::test_env::TestEnv;

/// A worker that loses the record of each call of each step once: it crashes when the response has
/// arrived and nothing of it is committed.
fn lose_every_record(env: &TestEnv) -> CrashingWorker {
    let lost = Mutex::new(HashSet::new());
    CrashingWorker::new(env, move |at, step, mutation| {
        at == Point::Answered
            && mutation.is_some_and(|mutation| {
                let call = (step.to_owned(), mutation.summary());
                lost.lock().unwrap().insert(call)
            })
    })
}

/// The rows of an unfinished operation, as far as they are put back.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Progress {
    current_position: i32,
    name: String,
    status: String,
    cluster_status: String,
}

/// None if the operation is finished.
async fn progress(run: &ScenarioRun) -> Option<Progress> {
    let query = "
        select o.current_position, s.name, o.status, c.status as cluster_status
        from operations o
        join clusters c on c.id = o.cluster_id
        join operation_steps s on s.operation_id = o.id and s.position = o.current_position
        where o.id = $1 and o.finished_at is null";
    sqlx::query_as(query)
        .bind(run.id)
        .fetch_optional(&run.env.pool)
        .await
        .unwrap()
}

/// Puts the operation back to a step that was done.
async fn put_back(run: &ScenarioRun, to: &Progress) {
    let status = match to.status.as_str() {
        "pending" => "running",
        status => status,
    };
    let step = sqlx::query(
        "update operation_steps set status = 'running', finished_at = null
         where operation_id = $1 and position = $2",
    );
    let operation = sqlx::query(
        "update operations
         set current_position = $2, current_step = $3, status = $4, finished_at = null,
             owner = null, lease_until = null, wake_at = now()
         where id = $1",
    );
    let cluster = sqlx::query(
        "update clusters set status = $2, deleted_at = null
         where id = (select cluster_id from operations where id = $1)",
    );
    for query in [
        step.bind(run.id).bind(to.current_position),
        operation
            .bind(run.id)
            .bind(to.current_position)
            .bind(&to.name)
            .bind(status),
        cluster.bind(run.id).bind(&to.cluster_status),
    ] {
        query.execute(&run.env.pool).await.unwrap();
    }
}

/// Runs an operation to its end, each step twice. Returns the number of records that were lost, and
/// of steps that were done again.
async fn twice(run: &ScenarioRun) -> (usize, usize) {
    let crashing = lose_every_record(&run.env);
    let (mut lost, mut again) = (0, BTreeSet::new());
    for _ in 0..1_000 {
        let Some(before) = progress(run).await else {
            return (lost, again.len());
        };
        run.env.make_due().await;
        lost += usize::from(crashing.turn(&run.env).await);
        let after = progress(run).await;
        let is_done = after.is_none_or(|after| after.current_position != before.current_position);
        if is_done && again.insert(before.current_position) {
            put_back(run, &before).await;
        }
    }
    panic!("not finished: {:#?}", run.env.operation(run.id).await);
}

async fn forwards(prepared: &'static Prepared) {
    let run = prepared.begin().await;
    let name = run.scenario.name;
    let (lost, again) = twice(&run).await;
    assert_eq!(run.status().await, Status::Succeeded, "{name}");
    assert!(again > 0, "{name}: no step was done again");
    assert!(
        lost >= prepared.forward.mutations.len(),
        "{name}: {lost} lost records"
    );
    run.check_ended_like(&prepared.forward, &format!("{name} twice"))
        .await;
}

async fn cancelled(prepared: &'static Prepared) {
    let run = prepared.begin().await;
    run.advance(prepared.forward.furthest()).await;
    run.cancel().await;
    twice(&run).await;
    assert_eq!(run.status().await, Status::Cancelled);
    let what = format!("{} undone twice", run.scenario.name);
    run.check_ended_like(prepared.undo.as_ref().unwrap(), &what)
        .await;
}

/// Blocks the operation at its last mutating call and rolls it back. None if it sends no call.
async fn roll_back(prepared: &'static Prepared) -> Option<ScenarioRun> {
    let call = prepared.forward.mutations.last()?;
    let run = prepared.begin().await;
    run.env
        .sandbox
        .add_fault(FaultRule::new(call, FaultKind::Deny).seconds(3_600.0));
    let blocked = run.env.settle(&run.worker, run.id).await;
    assert_eq!(blocked.status, Status::Blocked, "{call}");
    run.env.sandbox.clear_faults();
    assert_eq!(run.request_roll_back().await, UndoRequested::Started);
    Some(run)
}

async fn rolled_back(prepared: &'static Prepared) {
    let Some(once) = roll_back(prepared).await else {
        return;
    };
    let ended = once.finish(once.id).await;
    assert_eq!(ended.status, Status::Failed);
    let baseline = once.baseline(&ended, Vec::new()).await;
    let run = roll_back(prepared).await.unwrap();
    twice(&run).await;
    assert_eq!(run.status().await, Status::Failed);
    let what = format!("{} rolled back twice", run.scenario.name);
    run.check_ended_like(&baseline, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_done_twice_has_the_effect_of_once() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        let name = prepared.scenario.name;
        let job = forwards(prepared);
        jobs.push((format!("{name} forwards"), Box::pin(job)));
        if prepared.undo.is_some() {
            let job = cancelled(prepared);
            jobs.push((format!("{name} cancelled"), Box::pin(job)));
            let job = rolled_back(prepared);
            jobs.push((format!("{name} rolled back"), Box::pin(job)));
        }
    }
    run_all("every step and every undo step twice", jobs).await;
}
