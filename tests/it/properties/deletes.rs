//! Property: a delete supersedes an operation at every place, and removes every managed resource. A
//! released cluster is not managed, so a sweep leaves it alone.

use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::orphan::orphans;
use dax_provisioner::domain::spec::DeleteSpec;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::operations::leftovers::leftovers;
use dax_provisioner::store::Accepted;

use crate::properties::aws_snapshot::snapshot;
use crate::properties::crashes::{Crash, crash};
use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared, prepared};
use crate::properties::scenario_run::ScenarioRun;
use crate::properties::scenarios::SCENARIOS;
use crate::support::requests::new_operation;

/// Accepts a delete of the cluster while its operation runs. Returns the ID of the delete.
async fn accept_delete(run: &ScenarioRun, what: &str) -> uuid::Uuid {
    let new = new_operation(Kind::DeleteCluster);
    let accepted = run
        .env
        .store
        .accept_delete(&new, run.scenario.cluster, &DeleteSpec::default())
        .await
        .unwrap();
    match accepted {
        Accepted::Created(delete) => delete.id,
        Accepted::Replayed(running) => {
            assert_eq!(run.scenario.kind, Kind::DeleteCluster, "{what}");
            assert_eq!(running, run.id, "{what}");
            running
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// Deletes the cluster while its operation runs, and checks that nothing is left.
async fn delete_and_check(prepared: &'static Prepared, run: &ScenarioRun, what: &str) {
    let was_running = !run.status().await.is_finished();
    let delete = accept_delete(run, what).await;
    let ended = run.finish(delete).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{what}: {:#?}",
        ended.fault
    );
    if was_running && delete != run.id {
        let superseded = run.env.operation(run.id).await;
        assert_eq!(superseded.status, Status::Cancelled, "{what}");
        assert_eq!(superseded.superseded_by, Some(delete), "{what}");
    }
    let now = snapshot(&run.env, &[]).await;
    // A cluster that is not adopted yet is unmanaged: the delete keeps it, without ownership tags.
    let is_kept = run.scenario.kind == Kind::AdoptCluster && now == prepared.template.snapshot;
    if !is_kept {
        let account = run.scenario.origin.account().await;
        assert_eq!(now, account.snapshot, "{what}");
    }
    let row = run.env.store.cluster(run.scenario.cluster).await.unwrap();
    assert!(row.is_none(), "{what}: the row is still there");
    run.check_no_open_intent(what).await;
}

pub async fn deleted_at(prepared: &'static Prepared, place: i64) {
    let run = prepared.begin().await;
    run.advance(place).await;
    let what = format!("{} deleted at {place}", run.scenario.name);
    delete_and_check(prepared, &run, &what).await;
}

pub async fn deleted_in_flight(prepared: &'static Prepared, call: String) {
    let run = prepared.begin().await;
    let held = crash(&run, Crash::AfterEffect, &call).await;
    let what = format!("{} deleted while {call} is in flight", run.scenario.name);
    delete_and_check(prepared, &run, &what).await;
    drop(held);
}

/// A delete supersedes an undo as well.
async fn deleted_while_undoing(prepared: &'static Prepared) {
    let run = prepared.begin().await;
    run.advance(prepared.forward.furthest()).await;
    run.cancel().await;
    run.turn().await;
    run.turn().await;
    if !run.status().await.is_finished() {
        let what = format!("{} deleted while undoing", run.scenario.name);
        delete_and_check(prepared, &run, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_supersedes_every_kind_at_every_place() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        let name = prepared.scenario.name;
        // A second delete is the running delete itself, so one place is enough.
        let limit = match prepared.scenario.kind {
            Kind::DeleteCluster => 1,
            _ => usize::MAX,
        };
        for &place in prepared.forward.places.iter().take(limit) {
            let job = deleted_at(prepared, place);
            jobs.push((format!("{name} deleted at {place}"), Box::pin(job)));
        }
        for call in prepared.forward.mutations.iter().take(limit) {
            let job = deleted_in_flight(prepared, call.clone());
            let name = format!("{name} deleted while {call} is in flight");
            jobs.push((name, Box::pin(job)));
        }
        if prepared.undo.is_some() {
            let job = deleted_while_undoing(prepared);
            jobs.push((format!("{name} deleted while undoing"), Box::pin(job)));
        }
    }
    run_all("a delete supersedes", jobs).await;
}

async fn swept(prepared: &'static Prepared) {
    let run = prepared.begin().await;
    let name = run.scenario.name;
    assert_eq!(run.finish(run.id).await.status, Status::Succeeded);
    let before = snapshot(&run.env, &[]).await;
    for _ in 0..2 {
        run.env.make_jobs_due().await;
        assert_eq!(run.worker.sweep().await.unwrap(), Some(0), "{name}");
    }
    assert_eq!(snapshot(&run.env, &[]).await, before, "{name}");
    let installation = run.env.store.installation().await.unwrap().id;
    let tagged = Inspector::new(run.env.aws.clone())
        .tagged(installation, &Default::default())
        .await
        .unwrap();
    let names: Vec<String> = tagged.iter().map(|one| one.name.clone()).collect();
    assert!(
        names.iter().any(|one| one.contains(run.scenario.cluster)),
        "{name}: no resource has ownership tags"
    );
    let evidence = run.env.store.evidence(&names).await.unwrap();
    let leftovers = leftovers(orphans(tagged, &evidence));
    assert!(leftovers.is_empty(), "{name}: {leftovers:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_nothing_of_a_released_cluster() {
    let mut jobs: Vec<Job> = Vec::new();
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        if scenario.kind == Kind::ReleaseCluster {
            let job = swept(prepared(index).await);
            jobs.push((scenario.name.to_owned(), Box::pin(job)));
        }
    }
    assert_eq!(run_all("sweeps after a release", jobs).await, 2);
}
