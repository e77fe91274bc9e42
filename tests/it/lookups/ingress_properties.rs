//! The properties of all operations, for the scenarios that open and close ports. The CI stage for
//! lookups runs no other property.

use dax_provisioner::domain::operation::Kind;

use crate::properties::aws_faults::{FAULTS, disturbed};
use crate::properties::crashes::{CRASHES, Crash, crashed_at_each};
use crate::properties::deletes::{deleted_at, deleted_in_flight};
use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, prepared};
use crate::properties::scenarios::SCENARIOS;
use crate::properties::undo::{cancelled_at, cancelled_in_flight, rolled_back_at};

/// The scenarios that open or close a port.
async fn with_ports() -> Vec<&'static Prepared> {
    let mut scenarios = Vec::new();
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        if scenario.kind == Kind::ChangeIngress || scenario.name == "delete_with_open_port" {
            scenarios.push(prepared(index).await);
        }
    }
    assert_eq!(scenarios.len(), 3);
    scenarios
}

fn calls_to_ec2(prepared: &Prepared) -> impl Iterator<Item = String> {
    let calls = prepared
        .forward
        .mutations
        .iter()
        .chain(&prepared.forward.reads);
    let calls: Vec<String> = calls.cloned().collect();
    calls.into_iter().filter(|call| call.starts_with("ec2:"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_changed_once_whatever_fault_or_crash_disturbs_the_operation() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in with_ports().await {
        let name = |what: String| format!("{} {what}", prepared.scenario.name);
        for call in calls_to_ec2(prepared) {
            for kind in FAULTS {
                let faults = vec![(call.clone(), kind.clone())];
                let job = async move { assert_eq!(disturbed(prepared, faults).await, 1) };
                jobs.push((name(format!("{kind:?} {call}")), Box::pin(job)));
            }
            if prepared.forward.mutations.contains(&call) {
                for crash in CRASHES {
                    let job = crashed_at_each(prepared, crash, vec![call.clone()]);
                    jobs.push((name(format!("{crash:?} {call}")), Box::pin(job)));
                }
            }
        }
    }
    println!("{} runs", run_all("ingress, disturbed", jobs).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_a_roll_back_or_a_delete_leaves_no_port_open() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in with_ports().await {
        let name = |what: String| format!("{} {what}", prepared.scenario.name);
        for &place in &prepared.forward.places {
            jobs.push((
                name(format!("cancelled at {place}")),
                Box::pin(cancelled_at(prepared, place)),
            ));
            jobs.push((
                name(format!("deleted at {place}")),
                Box::pin(deleted_at(prepared, place)),
            ));
        }
        for call in prepared
            .forward
            .mutations
            .iter()
            .filter(|call| call.starts_with("ec2:"))
        {
            for crash in [Crash::BeforeSend, Crash::AfterEffect] {
                let job = cancelled_in_flight(prepared, crash, call.clone());
                jobs.push((name(format!("cancelled {crash:?} {call}")), Box::pin(job)));
            }
            jobs.push((
                name(format!("deleted at {call}")),
                Box::pin(deleted_in_flight(prepared, call.clone())),
            ));
            jobs.push((
                name(format!("rolled back at {call}")),
                Box::pin(rolled_back_at(prepared, call.clone())),
            ));
        }
    }
    println!("{} runs", run_all("ingress, undone or deleted", jobs).await);
}
