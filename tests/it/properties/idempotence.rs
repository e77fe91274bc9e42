//! Law: every step twice is once, forwards and backwards, whether its record was lost or it is simply done again.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::operations::plan;
use dax_provisioner::store::UndoRequested;
use dax_provisioner::worker::{Point, Probe, Worker};
use tokio::sync::Notify;

use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::Run;
use crate::properties::scenarios::{Ready, all_ready};
use crate::support::test_env::TestEnv;

/// A worker that dies once at each call of each step, when the answer is there and nothing of it is written.
fn forgetful(world: &TestEnv) -> (Worker, Arc<Notify>) {
    let died = Arc::new(Notify::new());
    let (told, known) = (Arc::clone(&died), Arc::new(Mutex::new(HashSet::new())));
    let probe: Probe = Arc::new(move |at, step, mutation| {
        let place = mutation.map(|one| (step.to_owned(), one.words()));
        let dies =
            at == Point::Answered && place.is_some_and(|place| known.lock().unwrap().insert(place));
        let told = Arc::clone(&told);
        Box::pin(async move {
            if dies {
                told.notify_one();
                std::future::pending::<()>().await;
            }
        })
    });
    (world.worker("forgetful").with_probe(probe), died)
}

/// Where an operation stands, as it can be put back.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Stand {
    current_position: i32,
    name: String,
    status: String,
    cluster_status: String,
}

async fn stand(run: &Run) -> Stand {
    let query = "select o.current_position, s.name, o.status, c.status as cluster_status
                 from operations o join clusters c on c.id = o.cluster_id
                 join operation_steps s on s.operation_id = o.id and s.position = o.current_position
                 where o.id = $1";
    sqlx::query_as(query)
        .bind(run.id)
        .fetch_one(&run.world.pool)
        .await
        .unwrap()
}

/// Puts the operation back to a step that was done.
async fn put_back(run: &Run, to: &Stand) {
    for query in [
        "update operation_steps set status = 'running', finished_at = null where operation_id = $1 and position = $2 and $3 <> '' and $4 <> ''",
        "update operations set current_position = $2, current_step = $3, finished_at = null, owner = null, lease_until = null,
            wake_at = now(), status = case when $4 = 'pending' then 'running' else $4 end where id = $1",
    ] {
        let query = sqlx::query(query).bind(run.id).bind(to.current_position).bind(&to.name).bind(&to.status);
        query.execute(&run.world.pool).await.unwrap();
    }
    let query = "update clusters set status = $2, deleted_at = null
                 where id = (select cluster_id from operations where id = $1)";
    sqlx::query(query)
        .bind(run.id)
        .bind(&to.cluster_status)
        .execute(&run.world.pool)
        .await
        .unwrap();
}

/// Runs an operation to its end, each step twice. Returns how many records were lost, and how many steps done again.
async fn twice(run: &Run) -> (usize, usize) {
    let (worker, died) = forgetful(&run.world);
    let (mut lost, mut again) = (0, BTreeSet::new());
    for _ in 0..1_000 {
        if run.status(run.id).await.is_finished() {
            return (lost, again.len());
        }
        let before = stand(run).await;
        run.world.hurry().await;
        tokio::select! {
            turned = worker.turn() => { turned.unwrap(); }
            () = died.notified() => {
                lost += 1;
                run.world.end_leases().await;
            }
        }
        let is_over = run.status(run.id).await.is_finished();
        if (is_over || stand(run).await.current_position != before.current_position)
            && again.insert(before.current_position)
        {
            put_back(run, &before).await;
        }
    }
    panic!("not finished: {:#?}", run.world.operation(run.id).await);
}

async fn forwards(ready: &'static Ready) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    let (lost, again) = twice(&run).await;
    assert_eq!(
        run.status(run.id).await,
        Status::Succeeded,
        "{}",
        ready.life.name
    );
    assert!(
        again > 0 && lost >= ready.forward.mutations.len(),
        "{}: {lost} lost, {again} again",
        ready.life.name
    );
    run.check_like(&ready.forward, &format!("{} twice", ready.life.name))
        .await;
    run.world.end().await;
}

async fn cancelled(ready: &'static Ready) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.advance(ready.forward.furthest()).await;
    run.cancel().await;
    twice(&run).await;
    assert_eq!(run.status(run.id).await, Status::Cancelled);
    run.check_like(
        ready.undo.as_ref().unwrap(),
        &format!("{} undone twice", ready.life.name),
    )
    .await;
    run.world.end().await;
}

/// Blocks the operation at its last mutating call, and rolls it back.
async fn blocked(ready: &'static Ready, is_twice: bool) -> Option<Run> {
    let call = ready.forward.mutations.last()?;
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.world
        .sandbox
        .add_fault(FaultRule::new(call, FaultKind::Deny).seconds(3_600.0));
    let stopped = run.world.settle(&run.worker, run.id).await;
    assert_eq!(stopped.status, Status::Blocked, "{call}");
    run.world.sandbox.clear_faults();
    let undo = |kind| plan(kind).undo_names();
    assert_eq!(
        run.world.store.roll_back(run.id, undo).await.unwrap(),
        UndoRequested::Begun
    );
    if is_twice {
        twice(&run).await;
    } else {
        run.finish(run.id).await;
    }
    assert_eq!(run.status(run.id).await, Status::Failed);
    Some(run)
}

async fn rolled_back(ready: &'static Ready) {
    let Some(once) = blocked(ready, false).await else {
        return;
    };
    let ended = once.world.operation(once.id).await;
    let course = once.course(&ended, Vec::new()).await;
    let run = blocked(ready, true).await.unwrap();
    run.check_like(&course, &format!("{} rolled back twice", ready.life.name))
        .await;
    once.world.end().await;
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_twice_is_once() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        jobs.push((
            format!("{} forwards", ready.life.name),
            Box::pin(forwards(ready)),
        ));
        if ready.undo.is_some() {
            jobs.push((
                format!("{} cancelled", ready.life.name),
                Box::pin(cancelled(ready)),
            ));
            jobs.push((
                format!("{} rolled back", ready.life.name),
                Box::pin(rolled_back(ready)),
            ));
        }
    }
    all_hold("every step and every undo twice is once", jobs).await;
}
