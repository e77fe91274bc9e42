//! Law: whoever gives up gets everything back. Cancelled at every place, rolled back at every block, the undo is whole.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::{Kind, Operation, Status, StepStatus};
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::operations::plan;
use dax_provisioner::store::{Accepted, UndoRequested};
use dax_provisioner::worker::{Point, Probe};

use crate::properties::crashes::{Death, die};
use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::{Run, picture};
use crate::properties::scenario_setup::rich_spec;
use crate::properties::scenarios::{Ready, all_ready, base};
use crate::support::requests::new_operation;

/// What must hold when an operation was undone.
async fn check_undone(ready: &Ready, run: &Run, ended: &Operation, what: &str) {
    run.check_truth(what).await;
    let unfinished = |status: StepStatus| {
        matches!(
            status,
            StepStatus::Pending | StepStatus::Running | StepStatus::Blocked
        )
    };
    assert!(
        !ended.steps.iter().any(|step| unfinished(step.status)),
        "{what}: {:#?}",
        ended.steps
    );
    let now = picture(&run.world, &[]).await;
    match ready.life.kind {
        // What was made is unmade: all is as it was before.
        Kind::CreateCluster | Kind::AdoptCluster | Kind::DeleteCluster | Kind::ReleaseCluster => {
            assert_eq!(now, ready.before, "{what}: not as before");
        }
        Kind::UpdateCluster | Kind::ScaleCluster | Kind::RebootNodes => {}
        // What was opened is closed again; what was closed stays closed.
        Kind::ChangeIngress => assert!(
            now == ready.before || ready.life.name == "close_ingress",
            "{what}: {now:#?}"
        ),
        Kind::RepairCluster => {
            // What was not repaired yet drifts still, and nothing else does.
            let fields = [
                "description",
                "replication_factor",
                "parameters.",
                "tags.",
                "parameter_group",
            ];
            let drift = run.drift().await;
            let known = |field: &&String| {
                fields
                    .iter()
                    .any(|name| field.contains(&format!("field: \"{name}")))
            };
            assert_eq!(
                drift.iter().filter(known).count(),
                drift.len(),
                "{what}: {drift:#?}"
            );
            let desired = run
                .world
                .store
                .cluster(ready.life.cluster)
                .await
                .unwrap()
                .unwrap()
                .desired;
            assert_eq!(
                desired,
                rich_spec(&run.world),
                "{what}: a repair changes no wish"
            );
        }
    }
    if ready.life.kind != Kind::RepairCluster {
        assert_eq!(
            run.drift().await,
            Vec::<String>::new(),
            "{what}: the settings are not those of AWS"
        );
    }
}

/// A later delete leaves nothing.
async fn check_deletable(ready: &Ready, run: &Run, what: &str) {
    let new = new_operation(Kind::DeleteCluster);
    match run
        .world
        .store
        .accept_delete(&new, ready.life.cluster, &Default::default())
        .await
        .unwrap()
    {
        Accepted::NoSuchCluster => {
            assert!(
                matches!(ready.life.kind, Kind::AdoptCluster | Kind::DeleteCluster),
                "{what}: no cluster"
            );
        }
        Accepted::Created(delete) => {
            let gone = run.finish(delete).await;
            assert_eq!(gone.status, Status::Succeeded, "{what}: {:#?}", gone.fault);
            assert_eq!(
                picture(&run.world, &[]).await,
                base().await.picture,
                "{what}: the delete left something"
            );
        }
        other => panic!("{what}: {other:?}"),
    }
}

pub async fn cancelled_at(ready: &'static Ready, place: i64) {
    let what = format!(
        "{} cancelled at {place} of {:?}",
        ready.life.name, ready.forward.places
    );
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.advance(place).await;
    cancel_and_check(ready, &run, &what).await;
    run.world.end().await;
}

async fn cancel_and_check(ready: &'static Ready, run: &Run, what: &str) {
    let given_up = run
        .world
        .store
        .cancel(run.id, |kind| plan(kind).undo_names())
        .await
        .unwrap();
    let ended = run.finish(run.id).await;
    match given_up {
        UndoRequested::Begun => {
            assert_eq!(
                ended.status,
                Status::Cancelled,
                "{what}: {:#?}",
                ended.fault
            );
            check_undone(ready, run, &ended, what).await;
            check_deletable(ready, run, what).await;
        }
        UndoRequested::TooLate => {
            assert_eq!(ready.life.kind, Kind::DeleteCluster, "{what}");
            assert!(
                run.calls().iter().any(|call| call.mutating),
                "{what}: nothing was sent yet"
            );
            assert_eq!(
                ended.status,
                Status::Succeeded,
                "{what}: {:#?}",
                ended.fault
            );
            run.check_like(&ready.forward, what).await;
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_at_every_place_is_undone_whole() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        // After its first call a delete cannot be cancelled any more; two refusals are enough.
        let places = if ready.life.kind == Kind::DeleteCluster {
            4
        } else {
            usize::MAX
        };
        for &place in ready.forward.places.iter().take(places) {
            let name = format!("{} cancelled at {place}", ready.life.name);
            jobs.push((name, Box::pin(cancelled_at(ready, place))));
        }
    }
    all_hold("cancel at every place", jobs).await;
}

/// A cancel that meets a call under way: whether it took effect is not known, and is found out.
pub async fn cancelled_in_flight(ready: &'static Ready, death: Death, call: String) {
    let what = format!("{} cancelled {death:?} {call}", ready.life.name);
    let run = Run::begin(ready.life, &ready.frozen).await;
    let held = die(&run, death, &call).await;
    cancel_and_check(ready, &run, &what).await;
    drop(held);
    run.world.end().await;
}

async fn cancel_in_flight_everywhere(law: &str, death: Death) {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        for call in &ready.forward.mutations {
            let name = format!("{} cancelled {death:?} {call}", ready.life.name);
            jobs.push((
                name,
                Box::pin(cancelled_in_flight(ready, death, call.clone())),
            ));
        }
    }
    all_hold(law, jobs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_while_a_call_is_under_way_is_undone_whole() {
    cancel_in_flight_everywhere(
        "cancel, a call having taken effect unheard",
        Death::AfterTheEffect,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute, and finds less than its sibling"]
async fn a_cancel_before_a_call_was_sent_is_undone_whole() {
    cancel_in_flight_everywhere("cancel, a call having been meant", Death::BeforeTheSend).await;
}

pub async fn rolled_back_at(ready: &'static Ready, call: String) {
    let what = format!("{} rolled back at {call}", ready.life.name);
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.world
        .sandbox
        .add_fault(FaultRule::new(&call, FaultKind::Deny).seconds(3_600.0));
    let blocked = run.world.settle(&run.worker, run.id).await;
    assert_eq!(blocked.status, Status::Blocked, "{what}");
    let given_up = run
        .world
        .store
        .roll_back(run.id, |kind| plan(kind).undo_names())
        .await
        .unwrap();
    if ready.life.kind == Kind::DeleteCluster {
        assert_eq!(given_up, UndoRequested::TooLate, "{what}");
        run.world.end().await;
        return;
    }
    assert_eq!(given_up, UndoRequested::Begun, "{what}");
    let undoing = run.world.settle(&run.worker, run.id).await;
    if undoing.status == Status::Blocked {
        let fault = undoing.fault.unwrap();
        assert_eq!(
            fault.problem_code().as_str(),
            "undo_unfinished",
            "{what}: {fault:#?}"
        );
    }
    run.world.sandbox.clear_faults();
    let ended = run.finish(run.id).await;
    assert_eq!(ended.status, Status::Failed, "{what}");
    let fault = ended.fault.clone().unwrap();
    let refused = fault
        .aws
        .map(|aws| format!("{}:{}", aws.service, aws.operation));
    assert_eq!(
        (fault.class, refused),
        (FaultClass::Permission, Some(call)),
        "{what}: the original fault is kept"
    );
    check_undone(ready, &run, &ended, &what).await;
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_back_at_every_blocked_call_is_undone_whole() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        for call in &ready.forward.mutations {
            let name = format!("{} rolled back at {call}", ready.life.name);
            jobs.push((name, Box::pin(rolled_back_at(ready, call.clone()))));
        }
    }
    all_hold("roll back at every blocked call", jobs).await;
}

/// A cancel that meets a call which AWS carries out only later.
async fn cancelled_before_a_late_call(ready: &'static Ready, call: String) {
    let what = format!("{} cancelled, {call} late", ready.life.name);
    let run = Run::begin(ready.life, &ready.frozen).await;
    run.world
        .sandbox
        .add_fault(FaultRule::new(&call, FaultKind::Late).count(1).seconds(0.1));
    while !run.world.sandbox.faults().is_empty() {
        assert!(
            !run.status(run.id).await.is_finished(),
            "{what}: {call} was not met"
        );
        run.turn().await;
    }
    cancel_and_check(ready, &run, &what).await;
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and finds less than its siblings"]
async fn a_cancel_before_a_late_call_is_undone_whole() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        for call in &ready.forward.mutations {
            let name = format!("{} cancelled, {call} late", ready.life.name);
            jobs.push((
                name,
                Box::pin(cancelled_before_a_late_call(ready, call.clone())),
            ));
        }
    }
    all_hold("cancel before a late call", jobs).await;
}

/// What only another request can cure rolls back by itself, and keeps its reason.
async fn refused_for_good(ready: &'static Ready, call: String) {
    let what = format!("{} refused for good at {call}", ready.life.name);
    let run = Run::begin(ready.life, &ready.frozen).await;
    let invalid = FaultKind::Error("InvalidParameterValueException".to_owned());
    run.world
        .sandbox
        .add_fault(FaultRule::new(&call, invalid).count(1));
    if ready.life.kind == Kind::DeleteCluster {
        let blocked = run.world.settle(&run.worker, run.id).await;
        assert_eq!(
            blocked.status,
            Status::Blocked,
            "{what}: a delete never gives up"
        );
        assert_eq!(run.finish(run.id).await.status, Status::Succeeded, "{what}");
        run.check_like(&ready.forward, &what).await;
    } else {
        let ended = run.finish(run.id).await;
        assert_eq!(ended.status, Status::Failed, "{what}");
        assert_eq!(
            ended.fault.as_ref().unwrap().class,
            FaultClass::Invalid,
            "{what}"
        );
        check_undone(ready, &run, &ended, &what).await;
    }
    run.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_is_undone_whole() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        if let Some(call) = ready.forward.mutations.last() {
            let name = format!("{} refused for good at {call}", ready.life.name);
            jobs.push((name, Box::pin(refused_for_good(ready, call.clone()))));
        }
    }
    all_hold("refused for good at the last call", jobs).await;
}

/// A kind that has nothing to undo ends at once, with the reason that blocked it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_crashes_is_rolled_back_with_its_reason() {
    let ready = all_ready()
        .await
        .into_iter()
        .find(|ready| ready.life.name == "release")
        .unwrap();
    let run = Run::begin(ready.life, &ready.frozen).await;
    let probe: Probe = std::sync::Arc::new(|at, _, _| {
        Box::pin(
            async move { assert!(at != Point::Checked, "the step panics, as this test wants") },
        )
    });
    let blocked = run
        .world
        .settle(&run.world.worker("broken").with_probe(probe), run.id)
        .await;
    assert_eq!(blocked.status, Status::Blocked);
    let given_up = run
        .world
        .store
        .roll_back(run.id, |kind| plan(kind).undo_names())
        .await
        .unwrap();
    assert_eq!(given_up, UndoRequested::Begun);
    let ended = run.world.operation(run.id).await;
    assert_eq!(
        (ended.status, ended.fault.as_ref().unwrap().class),
        (Status::Failed, FaultClass::Crashed)
    );
    check_undone(ready, &run, &ended, "a release that crashed").await;
    run.world.end().await;
}
