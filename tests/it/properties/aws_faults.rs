//! Law: whatever goes wrong with an answer, at any call, the work ends well and each effect happens once.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;

use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenario_run::Run;
use crate::properties::scenarios::{Ready, all_ready};

pub const FAULTS: [FaultKind; 7] = [
    FaultKind::Throttle,
    FaultKind::ErrorBefore,
    FaultKind::ErrorAfter,
    FaultKind::LoseAnswer,
    FaultKind::CutAnswer,
    FaultKind::Garbage,
    FaultKind::Deny,
];

/// Runs a scenario with these faults, one at each of some calls. Returns how many of them were met.
pub async fn disturbed(ready: &'static Ready, faults: Vec<(String, FaultKind)>) -> usize {
    let run = Run::begin(ready.life, &ready.frozen).await;
    let what = format!("{} with {faults:?}", ready.life.name);
    for (call, kind) in &faults {
        run.world
            .sandbox
            .add_fault(FaultRule::new(call, kind.clone()).count(1));
    }
    let mut blocked = 0;
    for _ in 0..1_000 {
        let status = run.status(run.id).await;
        if status.is_finished() {
            break;
        }
        if status == Status::Blocked {
            blocked += 1;
            let fault = run.world.operation(run.id).await.fault.unwrap();
            assert_eq!(
                fault.problem_code().as_str(),
                "permission_missing",
                "{what}: {fault:#?}"
            );
        }
        run.turn().await;
    }
    let ended = run.world.operation(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{what}: {:#?}",
        ended.fault
    );
    let left = run.world.sandbox.faults();
    let denied = |kind: &FaultKind| *kind == FaultKind::Deny;
    let denials = faults.iter().filter(|(_, kind)| denied(kind)).count();
    let unmet = left
        .iter()
        .filter(|fault| denied(&fault.rule.fault))
        .count();
    // Who may not look at the service-linked role goes on without it, and so never makes it.
    let excused = usize::from(
        faults
            .iter()
            .any(|(call, kind)| denied(kind) && call == "iam:GetRole"),
    );
    assert!(
        blocked + excused >= denials - unmet,
        "{what}: blocked {blocked} times"
    );
    run.check_like(&ready.forward, &what).await;
    run.world.end().await;
    faults.len() - left.len()
}

/// Each call of each scenario meets each fault once; many calls of a run meet one each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_answer_at_each_call_ends_well() {
    let mut jobs: Vec<Job> = Vec::new();
    let mut pairs = 0;
    let met = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for ready in all_ready().await {
        let calls: Vec<&String> = ready
            .forward
            .mutations
            .iter()
            .chain(&ready.forward.reads)
            .collect();
        if calls.is_empty() {
            continue;
        }
        for shift in 0..FAULTS.len() {
            let kind = |place: usize| FAULTS[(place + shift) % FAULTS.len()].clone();
            let faults: Vec<(String, FaultKind)> = calls
                .iter()
                .enumerate()
                .map(|(place, call)| ((*call).clone(), kind(place)))
                .collect();
            pairs += faults.len();
            let name = format!("{} {faults:?}", ready.life.name);
            let met = std::sync::Arc::clone(&met);
            jobs.push((
                name,
                Box::pin(async move {
                    met.fetch_add(
                        disturbed(ready, faults).await,
                        std::sync::atomic::Ordering::Relaxed,
                    );
                }),
            ));
        }
    }
    all_hold("bad answers", jobs).await;
    let met = met.load(std::sync::atomic::Ordering::Relaxed);
    println!("bad answers: {met} of {pairs} pairs of call and fault were met");
    assert!(met * 20 >= pairs * 19, "only {met} of {pairs}");
}

/// The same, one fault at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn each_bad_answer_alone_at_each_call_ends_well() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in all_ready().await {
        for call in ready.forward.mutations.iter().chain(&ready.forward.reads) {
            for kind in FAULTS {
                let faults = vec![(call.clone(), kind.clone())];
                let name = format!("{} {faults:?}", ready.life.name);
                jobs.push((
                    name,
                    Box::pin(async move {
                        disturbed(ready, faults).await;
                    }),
                ));
            }
        }
    }
    all_hold("bad answers, alone", jobs).await;
}
