//! Law: a delete takes over everything, wherever it stands, and leaves nothing of ours; a released cluster is nobody's
//! to delete.

use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::store::Accepted;

use crate::properties::crashes::{Death, die};
use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::{Run, picture};
use crate::properties::scenarios::{LIVES, Ready, all_ready, base, ready};
use crate::support::requests::new_operation;

/// Has the cluster deleted while its operation is under way, and checks that nothing is left.
async fn delete_and_check(ready: &'static Ready, run: &Run, what: &str) {
    let was_live = !run.status(run.id).await.is_finished();
    let new = new_operation(Kind::DeleteCluster);
    let delete = match run
        .world
        .store
        .accept_delete(&new, ready.life.cluster, &Default::default())
        .await
        .unwrap()
    {
        Accepted::Created(delete) => delete,
        Accepted::Replayed(live) => {
            assert_eq!(
                (live, ready.life.kind),
                (run.id, Kind::DeleteCluster),
                "{what}"
            );
            live
        }
        other => panic!("{what}: {other:?}"),
    };
    let gone = run.finish(delete).await;
    assert_eq!(gone.status, Status::Succeeded, "{what}: {:#?}", gone.fault);
    if was_live && delete != run.id {
        let superseded = run.world.operation(run.id).await;
        assert_eq!(
            (superseded.status, superseded.superseded_by),
            (Status::Cancelled, Some(delete)),
            "{what}"
        );
    }
    let now = picture(&run.world, &[]).await;
    // A cluster that was not adopted yet is not ours, so the delete leaves it, and without our mark.
    let untouched = ready.life.kind == Kind::AdoptCluster && now == ready.before;
    if !untouched {
        assert_eq!(now, base().await.picture, "{what}");
    }
    assert!(
        run.world
            .store
            .cluster(ready.life.cluster)
            .await
            .unwrap()
            .is_none(),
        "{what}: the row is gone"
    );
    let open: i64 = sqlx::query_scalar("select count(*) from intents where closed_at is null")
        .fetch_one(&run.world.pool)
        .await
        .unwrap();
    assert_eq!(open, 0, "{what}: an intent stayed open");
}

pub async fn deleted_at(ready: &'static Ready, place: i64) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.advance(place).await;
    delete_and_check(
        ready,
        &run,
        &format!("{} deleted at {place}", ready.life.name),
    )
    .await;
    run.world.end().await;
}

pub async fn deleted_in_flight(ready: &'static Ready, call: String) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    let held = die(&run, Death::AfterTheEffect, &call).await;
    delete_and_check(
        ready,
        &run,
        &format!("{} deleted while {call} is under way", ready.life.name),
    )
    .await;
    drop(held);
    run.world.end().await;
}

/// A delete that meets an undo takes it over, too.
async fn deleted_while_undoing(ready: &'static Ready) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.advance(ready.forward.furthest()).await;
    run.cancel().await;
    run.turn().await;
    run.turn().await;
    if !run.status(run.id).await.is_finished() {
        delete_and_check(
            ready,
            &run,
            &format!("{} deleted while undoing", ready.life.name),
        )
        .await;
    }
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_takes_over_every_kind_at_every_place() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        // A delete of what is being deleted is the same delete; once is enough.
        let places = if ready.life.kind == Kind::DeleteCluster {
            1
        } else {
            usize::MAX
        };
        for &place in ready.forward.places.iter().take(places) {
            let name = format!("{} deleted at {place}", ready.life.name);
            jobs.push((name, Box::pin(deleted_at(ready, place))));
        }
        for call in ready.forward.mutations.iter().take(places) {
            let name = format!("{} deleted while {call} is under way", ready.life.name);
            jobs.push((name, Box::pin(deleted_in_flight(ready, call.clone()))));
        }
        if ready.undo.is_some() {
            jobs.push((
                format!("{} deleted while undoing", ready.life.name),
                Box::pin(deleted_while_undoing(ready)),
            ));
        }
    }
    all_hold("a delete takes over", jobs).await;
}

async fn swept(ready: &'static Ready) {
    let run = Run::begin(ready.life, &ready.frozen).await;
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
    let before = picture(&run.world, &[]).await;
    for _ in 0..2 {
        sqlx::query("update duties set due_at = now()")
            .execute(&run.world.pool)
            .await
            .unwrap();
        assert_eq!(
            run.worker.sweep().await.unwrap(),
            Some(0),
            "{}",
            ready.life.name
        );
    }
    assert_eq!(
        picture(&run.world, &[]).await,
        before,
        "{}",
        ready.life.name
    );
    let installation = run.world.store.installation().await.unwrap().id;
    let marked = Inspector::new(run.world.aws.clone())
        .marked(installation, &Default::default())
        .await
        .unwrap();
    assert!(
        marked
            .iter()
            .any(|thing| thing.name.contains(ready.life.cluster)),
        "our mark is still to be seen"
    );
    let names: Vec<String> = marked.iter().map(|thing| thing.name.clone()).collect();
    let evidence = run.world.store.evidence(&names).await.unwrap();
    let orphans = dax_provisioner::domain::orphan::orphans(marked, &evidence);
    let leftovers = dax_provisioner::operations::leftovers::leftovers(orphans);
    assert!(leftovers.is_empty(), "{}: {leftovers:#?}", ready.life.name);
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_released_cluster_is_ever_deleted() {
    let mut jobs: Vec<Job> = Vec::new();
    for (index, life) in LIVES
        .iter()
        .enumerate()
        .filter(|(_, life)| life.kind == Kind::ReleaseCluster)
    {
        jobs.push((life.name.to_owned(), Box::pin(swept(ready(index).await))));
    }
    assert_eq!(all_hold("sweeps after a release", jobs).await, 2);
}
