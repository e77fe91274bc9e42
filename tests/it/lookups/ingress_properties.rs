//! The laws of all operations, for those that open and close ports; the stage of lookups runs nothing else of the laws.

use dax_provisioner::domain::operation::Kind;

use crate::properties::aws_faults::{FAULTS, disturbed};
use crate::properties::crashes::{DEATHS, Death, many_deaths};
use crate::properties::deletes::{deleted_at, deleted_in_flight};
use crate::properties::parallel::{Job, all_hold};
use crate::properties::scenarios::{LIVES, Ready, ready};
use crate::properties::undo::{cancelled_at, cancelled_in_flight, rolled_back_at};

/// The scenarios in which a port is opened or closed.
async fn with_ports() -> Vec<&'static Ready> {
    let mut found = Vec::new();
    for (index, life) in LIVES.iter().enumerate() {
        if life.kind == Kind::ChangeIngress || life.name == "delete_opened" {
            found.push(ready(index).await);
        }
    }
    assert_eq!(found.len(), 3);
    found
}

fn calls_to_ec2(ready: &Ready) -> impl Iterator<Item = String> {
    let calls = ready
        .forward
        .mutations
        .iter()
        .chain(&ready.forward.reads)
        .cloned()
        .collect::<Vec<_>>();
    calls.into_iter().filter(|call| call.starts_with("ec2:"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_opened_and_closed_once_whoever_dies_and_whatever_is_answered() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in with_ports().await {
        let name = |what: String| format!("{} {what}", ready.life.name);
        for call in calls_to_ec2(ready) {
            for kind in FAULTS {
                let faults = vec![(call.clone(), kind.clone())];
                let job = async move { assert_eq!(disturbed(ready, faults).await, 1) };
                jobs.push((name(format!("{kind:?} {call}")), Box::pin(job)));
            }
            if ready.forward.mutations.contains(&call) {
                for death in DEATHS {
                    let deaths = many_deaths(ready, death, vec![call.clone()]);
                    jobs.push((name(format!("{death:?} {call}")), Box::pin(deaths)));
                }
            }
        }
    }
    println!("{} runs", all_hold("ports, disturbed", jobs).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_gives_up_or_deletes_leaves_no_port_open() {
    let mut jobs: Vec<Job> = Vec::new();
    for ready in with_ports().await {
        let name = |what: String| format!("{} {what}", ready.life.name);
        for &place in &ready.forward.places {
            jobs.push((
                name(format!("cancelled at {place}")),
                Box::pin(cancelled_at(ready, place)),
            ));
            jobs.push((
                name(format!("deleted at {place}")),
                Box::pin(deleted_at(ready, place)),
            ));
        }
        for call in ready
            .forward
            .mutations
            .iter()
            .filter(|call| call.starts_with("ec2:"))
        {
            for death in [Death::BeforeTheSend, Death::AfterTheEffect] {
                let job = cancelled_in_flight(ready, death, call.clone());
                jobs.push((name(format!("cancelled {death:?} {call}")), Box::pin(job)));
            }
            jobs.push((
                name(format!("deleted at {call}")),
                Box::pin(deleted_in_flight(ready, call.clone())),
            ));
            jobs.push((
                name(format!("rolled back at {call}")),
                Box::pin(rolled_back_at(ready, call.clone())),
            ));
        }
    }
    println!("{} runs", all_hold("ports, given up", jobs).await);
}
