//! Property: the worker may crash around every mutating call. Nothing is lost, doubled or left
//! behind.

use std::collections::BTreeSet;

use aws_sandbox::Hold;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::Point;

use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared, create_and_delete};
use crate::properties::scenario_run::ScenarioRun;
use crate::support::crashing_worker::CrashingWorker;

/// Where the worker crashes around a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The intent is committed; the call is not sent.
    BeforeSend,
    /// The call took effect; the sandbox holds its response back.
    AfterEffect,
    /// The response has arrived; nothing of it is committed.
    BeforeCommit,
}

pub const CRASHES: [Crash; 3] = [Crash::BeforeSend, Crash::AfterEffect, Crash::BeforeCommit];

/// Every mutating call of a create and of a delete.
const CREATE_AND_DELETE_CALLS: [&str; 14] = [
    "iam:CreateRole",
    "iam:CreatePolicy",
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "dax:CreateSubnetGroup",
    "dax:CreateParameterGroup",
    "dax:UpdateParameterGroup",
    "dax:CreateCluster",
    "dax:DeleteCluster",
    "dax:DeleteSubnetGroup",
    "dax:DeleteParameterGroup",
    "iam:DetachRolePolicy",
    "iam:DeletePolicy",
    "iam:DeleteRole",
];

/// Takes turns until the worker crashes around a call, and ends its lease. The sandbox holds the
/// response back as long as the returned value exists.
pub async fn crash(run: &ScenarioRun, crash: Crash, call: &str) -> Option<Hold> {
    match crash {
        Crash::BeforeSend => crash_at(run, Point::Intended, call).await,
        Crash::BeforeCommit => crash_at(run, Point::Answered, call).await,
        Crash::AfterEffect => {
            let hold = run.env.sandbox.hold(call);
            let worker = run.env.worker("crashing");
            tokio::select! {
                () = hold.reached() => {}
                ended = run.env.finish(&worker, run.id) => panic!("{call} was not sent: {ended:?}"),
            }
            run.env.expire_leases().await;
            return Some(hold);
        }
    }
    None
}

async fn crash_at(run: &ScenarioRun, point: Point, call: &str) {
    let crashing = CrashingWorker::crash_once_at(&run.env, point, call);
    tokio::select! {
        () = crashing.crashed.notified() => {}
        ended = run.env.finish(&crashing.worker, run.id) => {
            panic!("{call} was not sent: {ended:?}")
        }
    }
    run.env.expire_leases().await;
}

/// Runs a scenario in which a worker crashes at each of these calls, and another one continues.
pub async fn crashed_at_each(prepared: &'static Prepared, place: Crash, calls: Vec<String>) {
    let run = prepared.begin().await;
    let mut held = Vec::new();
    for call in &calls {
        held.push(crash(&run, place, call).await);
    }
    let ended = run.finish(run.id).await;
    let what = format!("{} {place:?} {calls:?}", prepared.scenario.name);
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{what}: {:#?}",
        ended.fault
    );
    run.check_ended_like(&prepared.forward, &what).await;
    drop(held);
}

fn one_crash_at_each_call(prepared: &'static Prepared) -> impl Iterator<Item = Job> {
    CRASHES.into_iter().flat_map(move |place| {
        prepared.forward.mutations.iter().map(move |call| -> Job {
            let name = format!("{} {place:?} {call}", prepared.scenario.name);
            let job = crashed_at_each(prepared, place, vec![call.clone()]);
            (name, Box::pin(job))
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_around_each_call_of_every_scenario_leaves_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        for place in CRASHES {
            let calls = prepared.forward.mutations.clone();
            if !calls.is_empty() {
                let name = format!("{} {place:?}", prepared.scenario.name);
                jobs.push((name, Box::pin(crashed_at_each(prepared, place, calls))));
            }
        }
    }
    run_all("crashes, several in a run", jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_crash_around_a_call_of_create_or_delete_leaves_the_result_unchanged() {
    let scenarios = create_and_delete().await;
    let calls: BTreeSet<&str> = scenarios
        .iter()
        .flat_map(|prepared| prepared.forward.mutations.iter().map(String::as_str))
        .collect();
    for call in CREATE_AND_DELETE_CALLS {
        assert!(calls.contains(call), "{call} is not sent: {calls:?}");
    }
    let jobs = scenarios.into_iter().flat_map(one_crash_at_each_call);
    run_all("one crash in a create or delete", jobs.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn one_crash_around_each_call_of_every_scenario_leaves_the_result_unchanged() {
    let scenarios = all_prepared().await;
    let jobs = scenarios.into_iter().flat_map(one_crash_at_each_call);
    run_all("one crash", jobs.collect()).await;
}
