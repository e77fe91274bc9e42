//! Property: whatever fault a call meets, the operation ends like an undisturbed one, and each
//! effect happens once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;

use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared, create_and_delete};

pub const FAULTS: [FaultKind; 7] = [
    FaultKind::Throttle,
    FaultKind::ErrorBefore,
    FaultKind::ErrorAfter,
    FaultKind::LoseAnswer,
    FaultKind::CutAnswer,
    FaultKind::Garbage,
    FaultKind::Deny,
];

/// Runs a scenario in which each of these calls meets its fault once. Returns how many calls met
/// their fault.
pub async fn disturbed(prepared: &'static Prepared, faults: Vec<(String, FaultKind)>) -> usize {
    let run = prepared.begin().await;
    let what = format!("{} with {faults:?}", prepared.scenario.name);
    for (call, kind) in &faults {
        run.env
            .sandbox
            .add_fault(FaultRule::new(call, kind.clone()).count(1));
    }
    let mut blocked = 0;
    for _ in 0..1_000 {
        let status = run.status().await;
        if status.is_finished() {
            break;
        }
        if status == Status::Blocked {
            blocked += 1;
            let fault = run.env.operation(run.id).await.fault.unwrap();
            assert_eq!(
                fault.problem_code().as_str(),
                "permission_missing",
                "{what}: {fault:#?}"
            );
        }
        run.turn().await;
    }
    let ended = run.env.operation(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{what}: {:#?}",
        ended.fault
    );
    let unmet = run.env.sandbox.faults();
    let is_denial = |kind: &FaultKind| *kind == FaultKind::Deny;
    let denials = faults.iter().filter(|(_, kind)| is_denial(kind)).count();
    let unmet_denials = unmet
        .iter()
        .filter(|fault| is_denial(&fault.rule.fault))
        .count();
    // Without permission to read the service-linked role, the step that creates it is skipped; without
    // the simulator, a create finds only later that it may not pass the role.
    let optional = ["iam:GetRole", "iam:SimulatePrincipalPolicy"];
    let is_optional = |call: &str| optional.contains(&call);
    let optional_denials = faults
        .iter()
        .filter(|(call, kind)| is_denial(kind) && is_optional(call))
        .count();
    // Every other denial that was met has blocked the operation.
    assert!(
        blocked + optional_denials + unmet_denials >= denials,
        "{what}: blocked {blocked} times"
    );
    run.check_ended_like(&prepared.forward, &what).await;
    faults.len() - unmet.len()
}

/// Each call of each scenario meets each fault once. In a run, every call meets one fault.
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_at_each_call_leaves_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    let mut pairs = 0;
    let met = Arc::new(AtomicUsize::new(0));
    for prepared in all_prepared().await {
        let forward = &prepared.forward;
        let calls: Vec<&String> = forward.mutations.iter().chain(&forward.reads).collect();
        if calls.is_empty() {
            continue;
        }
        for shift in 0..FAULTS.len() {
            let faults: Vec<(String, FaultKind)> = calls
                .iter()
                .enumerate()
                .map(|(index, call)| {
                    let kind = &FAULTS[(index + shift) % FAULTS.len()];
                    ((*call).clone(), kind.clone())
                })
                .collect();
            pairs += faults.len();
            let name = format!("{} {faults:?}", prepared.scenario.name);
            let met = Arc::clone(&met);
            let job = async move {
                met.fetch_add(disturbed(prepared, faults).await, Ordering::Relaxed);
            };
            jobs.push((name, Box::pin(job)));
        }
    }
    run_all("faults", jobs).await;
    let met = met.load(Ordering::Relaxed);
    println!("faults: {met} of {pairs} pairs of call and fault were met");
    assert!(met * 20 >= pairs * 19, "only {met} of {pairs}");
}

/// Each mutating call of a create and of a delete meets each fault that goes away on its own, one
/// fault in a run.
#[tokio::test(flavor = "multi_thread")]
async fn one_fault_at_a_call_of_create_or_delete_leaves_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in create_and_delete().await {
        for call in &prepared.forward.mutations {
            for kind in FAULTS.into_iter().filter(|kind| *kind != FaultKind::Deny) {
                let name = format!("{} {kind:?} at {call}", prepared.scenario.name);
                let faults = vec![(call.clone(), kind)];
                let job = async move {
                    let met = disturbed(prepared, faults).await;
                    assert_eq!(met, 1, "the fault was not met");
                };
                jobs.push((name, Box::pin(job)));
            }
        }
    }
    run_all("one fault in a create or delete", jobs).await;
}

/// Each call of each scenario meets each fault, one fault in a run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn one_fault_at_each_call_leaves_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        let forward = &prepared.forward;
        for call in forward.mutations.iter().chain(&forward.reads) {
            for kind in FAULTS {
                let faults = vec![(call.clone(), kind)];
                let name = format!("{} {faults:?}", prepared.scenario.name);
                let job = async move {
                    disturbed(prepared, faults).await;
                };
                jobs.push((name, Box::pin(job)));
            }
        }
    }
    run_all("one fault", jobs).await;
}
