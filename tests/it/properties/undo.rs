//! Property: an undo is complete, whether an operation is cancelled at any place or rolled back at
//! any blocked call.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::{Kind, Operation, Status, StepStatus};
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::DeleteSpec;
use dax_provisioner::store::{Accepted, UndoRequested};
use dax_provisioner::worker::{Point, Probe};

use crate::properties::aws_snapshot::snapshot;
use crate::properties::crashes::{Crash, crash};
use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared, prepared_named};
use crate::properties::scenario_run::ScenarioRun;
use crate::properties::scenario_setup::rich_spec;
use crate::support::requests::new_operation;

/// Checks what holds when an operation was undone.
async fn check_undone(prepared: &Prepared, run: &ScenarioRun, ended: &Operation, what: &str) {
    run.check_invariants(what).await;
    let is_unfinished = |status: StepStatus| {
        matches!(
            status,
            StepStatus::Pending | StepStatus::Running | StepStatus::Blocked
        )
    };
    assert!(
        !ended.steps.iter().any(|step| is_unfinished(step.status)),
        "{what}: {:#?}",
        ended.steps
    );
    let (now, before) = (snapshot(&run.env, &[]).await, &prepared.template.snapshot);
    match run.scenario.kind {
        Kind::CreateCluster | Kind::AdoptCluster | Kind::DeleteCluster | Kind::ReleaseCluster => {
            assert_eq!(&now, before, "{what}: not as before");
        }
        Kind::UpdateCluster | Kind::ScaleCluster | Kind::RebootNodes => {}
        // A port that was opened is closed again; a port that was closed stays closed.
        Kind::ChangeIngress => assert!(
            &now == before || run.scenario.name == "close_ingress",
            "{what}: {now:#?}"
        ),
        Kind::RepairCluster => check_remaining_drift(run, what).await,
    }
    if run.scenario.kind != Kind::RepairCluster {
        assert_eq!(
            run.drift().await,
            Vec::<String>::new(),
            "{what}: the desired settings differ from AWS"
        );
    }
}

/// What a repair has not repaired yet still drifts; nothing else drifts, and the desired settings
/// are unchanged.
async fn check_remaining_drift(run: &ScenarioRun, what: &str) {
    let fields = [
        "description",
        "replication_factor",
        "parameters.",
        "tags.",
        "parameter_group",
    ];
    for field in run.drift().await {
        let is_expected = fields
            .iter()
            .any(|name| field.contains(&format!("field: \"{name}")));
        assert!(is_expected, "{what}: {field} drifts");
    }
    let cluster = run.env.store.cluster(run.scenario.cluster).await.unwrap();
    assert_eq!(cluster.unwrap().desired, rich_spec(&run.env), "{what}");
}

/// Checks that a later delete leaves nothing.
async fn check_deletable(run: &ScenarioRun, what: &str) {
    let new = new_operation(Kind::DeleteCluster);
    let accepted = run
        .env
        .store
        .accept_delete(&new, run.scenario.cluster, &DeleteSpec::default())
        .await
        .unwrap();
    match accepted {
        Accepted::NoSuchCluster => {
            let may_be_absent = [Kind::AdoptCluster, Kind::DeleteCluster];
            assert!(
                may_be_absent.contains(&run.scenario.kind),
                "{what}: no cluster"
            );
        }
        Accepted::Created(delete) => {
            let ended = run.finish(delete.id).await;
            assert_eq!(
                ended.status,
                Status::Succeeded,
                "{what}: {:#?}",
                ended.fault
            );
            let account = run.scenario.origin.account().await;
            assert_eq!(
                snapshot(&run.env, &[]).await,
                account.snapshot,
                "{what}: the delete left a resource"
            );
        }
        other => panic!("{what}: {other:?}"),
    }
}

/// Whether an item is the first, the middle or the last one. Only there does a delete follow the
/// cancel: the deletes have a property of their own, at every place.
fn is_sample<T: PartialEq>(all: &[T], item: &T) -> bool {
    [all.first(), all.get(all.len() / 2), all.last()].contains(&Some(item))
}

pub async fn cancelled_at(prepared: &'static Prepared, place: i64) {
    let places = &prepared.forward.places;
    let what = format!(
        "{} cancelled at {place} of {places:?}",
        prepared.scenario.name
    );
    let run = prepared.begin().await;
    run.advance(place).await;
    cancel_and_check(prepared, &run, is_sample(places, &place), &what).await;
}

async fn cancel_and_check(
    prepared: &'static Prepared,
    run: &ScenarioRun,
    then_delete: bool,
    what: &str,
) {
    let requested = run.request_cancel().await;
    let ended = run.finish(run.id).await;
    let fault = &ended.fault;
    match requested {
        UndoRequested::Started => {
            assert_eq!(ended.status, Status::Cancelled, "{what}: {fault:#?}");
            check_undone(prepared, run, &ended, what).await;
            if then_delete {
                check_deletable(run, what).await;
            }
        }
        UndoRequested::TooLate => {
            assert_eq!(run.scenario.kind, Kind::DeleteCluster, "{what}");
            assert!(
                run.calls().iter().any(|call| call.mutating),
                "{what}: no call was sent yet"
            );
            assert_eq!(ended.status, Status::Succeeded, "{what}: {fault:#?}");
            run.check_ended_like(&prepared.forward, what).await;
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_at_every_place_is_undone_completely() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        // A delete cannot be cancelled after its first call, so a few places are enough.
        let limit = match prepared.scenario.kind {
            Kind::DeleteCluster => 4,
            _ => usize::MAX,
        };
        for &place in prepared.forward.places.iter().take(limit) {
            let name = format!("{} cancelled at {place}", prepared.scenario.name);
            jobs.push((name, Box::pin(cancelled_at(prepared, place))));
        }
    }
    run_all("cancel at every place", jobs).await;
}

/// Cancels while the outcome of a call is unknown.
pub async fn cancelled_in_flight(prepared: &'static Prepared, place: Crash, call: String) {
    let what = format!("{} cancelled {place:?} {call}", prepared.scenario.name);
    let run = prepared.begin().await;
    let held = crash(&run, place, &call).await;
    let then_delete = is_sample(&prepared.forward.mutations, &call);
    cancel_and_check(prepared, &run, then_delete, &what).await;
    drop(held);
}

async fn cancel_at_every_call(property: &str, place: Crash) {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        for call in &prepared.forward.mutations {
            let name = format!("{} cancelled {place:?} {call}", prepared.scenario.name);
            let job = cancelled_in_flight(prepared, place, call.clone());
            jobs.push((name, Box::pin(job)));
        }
    }
    run_all(property, jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_a_call_is_in_flight_is_undone_completely() {
    cancel_at_every_call("cancel, a call took effect", Crash::AfterEffect).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and finds less than its sibling"]
async fn a_cancel_before_a_call_is_sent_is_undone_completely() {
    cancel_at_every_call("cancel, a call was not sent", Crash::BeforeSend).await;
}

pub async fn rolled_back_at(prepared: &'static Prepared, call: String) {
    let what = format!("{} rolled back at {call}", prepared.scenario.name);
    let run = prepared.begin().await;
    run.env
        .sandbox
        .add_fault(FaultRule::new(&call, FaultKind::Deny).seconds(3_600.0));
    let blocked = run.env.settle(&run.worker, run.id).await;
    assert_eq!(blocked.status, Status::Blocked, "{what}");
    let requested = run.request_roll_back().await;
    if run.scenario.kind == Kind::DeleteCluster {
        assert_eq!(requested, UndoRequested::TooLate, "{what}");
        return;
    }
    assert_eq!(requested, UndoRequested::Started, "{what}");
    let undoing = run.env.settle(&run.worker, run.id).await;
    if undoing.status == Status::Blocked {
        let fault = undoing.fault.unwrap();
        assert_eq!(
            fault.problem_code().as_str(),
            "undo_unfinished",
            "{what}: {fault:#?}"
        );
    }
    run.env.sandbox.clear_faults();
    let ended = run.finish(run.id).await;
    assert_eq!(ended.status, Status::Failed, "{what}");
    let fault = ended.fault.clone().unwrap();
    let denied = fault
        .aws
        .map(|aws| format!("{}:{}", aws.service, aws.operation));
    assert_eq!(
        (fault.class, denied),
        (FaultClass::Permission, Some(call)),
        "{what}: the original fault is kept"
    );
    check_undone(prepared, &run, &ended, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_at_every_blocked_call_is_undone_completely() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        for call in &prepared.forward.mutations {
            let name = format!("{} rolled back at {call}", prepared.scenario.name);
            jobs.push((name, Box::pin(rolled_back_at(prepared, call.clone()))));
        }
    }
    run_all("roll back at every blocked call", jobs).await;
}

/// Cancels after a call that AWS executes only later.
async fn cancelled_before_a_late_call(prepared: &'static Prepared, call: String) {
    let what = format!("{} cancelled, {call} late", prepared.scenario.name);
    let run = prepared.begin().await;
    run.env
        .sandbox
        .add_fault(FaultRule::new(&call, FaultKind::Late).count(1).seconds(0.1));
    while !run.env.sandbox.faults().is_empty() {
        assert!(
            !run.status().await.is_finished(),
            "{what}: {call} was not sent"
        );
        run.turn().await;
    }
    let then_delete = is_sample(&prepared.forward.mutations, &call);
    cancel_and_check(prepared, &run, then_delete, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute and finds less than its siblings"]
async fn a_cancel_before_a_late_call_is_undone_completely() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        for call in &prepared.forward.mutations {
            let name = format!("{} cancelled, {call} late", prepared.scenario.name);
            let job = cancelled_before_a_late_call(prepared, call.clone());
            jobs.push((name, Box::pin(job)));
        }
    }
    run_all("cancel before a late call", jobs).await;
}

/// A permanent failure, which only another request avoids, rolls back automatically and keeps its
/// reason.
async fn failed_permanently(prepared: &'static Prepared, call: String) {
    let what = format!("{}: {call} fails permanently", prepared.scenario.name);
    let run = prepared.begin().await;
    let invalid = FaultKind::Error("InvalidParameterValueException".to_owned());
    run.env
        .sandbox
        .add_fault(FaultRule::new(&call, invalid).count(1));
    if run.scenario.kind == Kind::DeleteCluster {
        let blocked = run.env.settle(&run.worker, run.id).await;
        assert_eq!(
            blocked.status,
            Status::Blocked,
            "{what}: a delete never fails"
        );
        assert_eq!(run.finish(run.id).await.status, Status::Succeeded, "{what}");
        run.check_ended_like(&prepared.forward, &what).await;
    } else {
        let ended = run.finish(run.id).await;
        assert_eq!(ended.status, Status::Failed, "{what}");
        let fault = ended.fault.as_ref().unwrap();
        assert_eq!(fault.class, FaultClass::Invalid, "{what}");
        check_undone(prepared, &run, &ended, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_failure_is_undone_completely() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        if let Some(call) = prepared.forward.mutations.last() {
            let name = format!("{}: {call} fails permanently", prepared.scenario.name);
            jobs.push((name, Box::pin(failed_permanently(prepared, call.clone()))));
        }
    }
    run_all("the last call fails permanently", jobs).await;
}

/// A kind without undo steps ends at once, with the reason why it was blocked.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_panics_is_rolled_back_with_its_reason() {
    let prepared = prepared_named("release").await;
    let run = prepared.begin().await;
    let probe: Probe = std::sync::Arc::new(|at, _, _| {
        Box::pin(async move { assert!(at != Point::Checked, "this test makes the step panic") })
    });
    let worker = run.env.worker("panicking").with_probe(probe);
    let blocked = run.env.settle(&worker, run.id).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(run.request_roll_back().await, UndoRequested::Started);
    let ended = run.env.operation(run.id).await;
    assert_eq!(ended.status, Status::Failed);
    let fault = ended.fault.as_ref().unwrap();
    assert_eq!(fault.class, FaultClass::Crashed);
    check_undone(prepared, &run, &ended, "a release that panicked").await;
}
