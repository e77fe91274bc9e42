//! Properties of an environment like AWS: lists lack members, and the account has rate limits. The
//! lag of reads has properties of its own, in `lagging_reads`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule, RateLimit, aws_rate_limits};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::JobError;
use uuid::Uuid;

use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared};
use crate::properties::scenario_run::ScenarioRun;
use crate::support::test_env::TestEnv;

/// How far reads lag behind calls: a little less than `Timing::absence` of the test settings.
pub const LAG: Duration = Duration::from_millis(180);
/// How long a change of a cluster lasts: longer than a lag and than `Timing::absence`, as in AWS.
const CHANGE: Duration = Duration::from_millis(500);
/// Pause before each turn: `make_due` ends every wait, so turns would only repeat the same read.
const PAUSE: Duration = Duration::from_millis(15);

/// The calls that list. DescribeClusters has a gap only without names.
const LISTS: [&str; 4] = [
    "dax:DescribeClusters",
    "iam:ListAttachedRolePolicies",
    "iam:ListPolicies",
    "iam:ListRoles",
];
/// Only the sweep lists these; operations read a group by its name.
const GROUP_LISTS: [&str; 2] = ["dax:DescribeParameterGroups", "dax:DescribeSubnetGroups"];

/// Limit of turns; no run needs as many.
const TURNS: usize = 1_000;
/// A sweep takes long in the sandbox, so only some rounds have one.
const ROUNDS_PER_SWEEP: usize = 8;

/// Begins a run in which a change of a cluster lasts longer than a lag.
pub async fn begin_slowly(prepared: &Prepared) -> ScenarioRun {
    let mut env = prepared.template.fork_with_changes_of(CHANGE).await;
    let timing = &mut env.settings.timing;
    assert!(LAG < timing.absence && timing.absence < CHANGE);
    // The other interval that promises to be longer than a lag.
    timing.settle = timing.absence;
    let mut run = ScenarioRun::begin_in(prepared.scenario, env).await;
    run.pause = PAUSE;
    run
}

/// Whether the operation has succeeded. Until then it must run: where a request prefers a roll
/// back, a block would be one.
async fn has_succeeded(env: &TestEnv, id: Uuid, what: &str) -> bool {
    let status = env.status(id).await;
    if !matches!(
        status,
        Status::Pending | Status::Running | Status::Succeeded
    ) {
        let operation = env.operation(id).await;
        panic!("{what}: {operation:#?}");
    }
    status == Status::Succeeded
}

/// Takes turns until the operation has succeeded.
pub async fn succeed(run: &ScenarioRun, what: &str) {
    for _ in 0..TURNS {
        if has_succeeded(&run.env, run.id, what).await {
            return;
        }
        run.turn().await;
    }
    panic!("{what}: {TURNS} turns");
}

/// How often a fault hit each call.
type Hits = Arc<Mutex<BTreeMap<String, u32>>>;

/// The calls in which a fault is injected. A gap in a read by name would be an answer that AWS does
/// not give, so groups have gaps in the sweep only.
fn lists_with(kind: &FaultKind) -> Vec<&'static str> {
    let mut calls = LISTS.to_vec();
    if *kind != FaultKind::Gap {
        calls.extend(GROUP_LISTS);
    }
    calls
}

/// Takes turns, with polls and sweeps in between, until the operation has succeeded. A job may fail
/// at an answer that it does not trust. No sweep removes anything.
async fn succeed_with_jobs(run: &ScenarioRun, kind: &FaultKind, what: &str) {
    for round in 0..TURNS {
        if has_succeeded(&run.env, run.id, what).await {
            return;
        }
        run.env.make_jobs_due().await;
        match run.worker.poll().await {
            Ok(_) | Err(JobError::Aws(_)) => {}
            Err(JobError::Store(error)) => panic!("{what}: {error}"),
        }
        if round % ROUNDS_PER_SWEEP == 1 {
            sweep_with_gaps(run, kind, what).await;
        }
        run.turn().await;
    }
    panic!("{what}: {TURNS} turns");
}

async fn sweep_with_gaps(run: &ScenarioRun, kind: &FaultKind, what: &str) {
    if *kind == FaultKind::Gap {
        for call in GROUP_LISTS {
            run.env
                .sandbox
                .add_fault(FaultRule::new(call, FaultKind::Gap));
        }
    }
    match run.worker.sweep().await {
        Ok(calls) => assert_eq!(calls, Some(0), "{what}: the sweep removed a resource"),
        Err(JobError::Aws(_)) => {}
        Err(JobError::Store(error)) => panic!("{what}: {error}"),
    }
}

/// Half of the lists are incomplete. A gap omits the first member, which is the managed cluster.
async fn incomplete_lists(prepared: &'static Prepared, kind: FaultKind, index: u64, hits: Hits) {
    let what = format!("{} with {kind}", prepared.scenario.name);
    let run = begin_slowly(prepared).await;
    for call in lists_with(&kind) {
        // A multiple of 12 chooses the first of up to four members.
        let rule = FaultRule::new(call, kind.clone()).rate(0.5, 12 * index);
        run.env.sandbox.add_fault(rule);
    }
    succeed_with_jobs(&run, &kind, &what).await;
    for fault in run.env.sandbox.faults() {
        *hits.lock().unwrap().entry(fault.rule.call).or_default() += fault.hits;
    }
    run.check_ended_like(&prepared.forward, &what).await;
}

async fn incomplete_lists_of_all(property: &str, kind: FaultKind) {
    let mut jobs: Vec<Job> = Vec::new();
    let hits = Hits::default();
    for (index, prepared) in (1..).zip(all_prepared().await) {
        let job = incomplete_lists(prepared, kind.clone(), index, Arc::clone(&hits));
        jobs.push((prepared.scenario.name.to_owned(), Box::pin(job)));
    }
    run_all(property, jobs).await;
    let hits = hits.lock().unwrap();
    println!("{property}: {hits:?}");
    for call in lists_with(&kind) {
        assert!(
            hits.get(call).is_some_and(|hits| *hits > 0),
            "{call}: {hits:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_in_lists_leave_the_result_unchanged() {
    incomplete_lists_of_all("gaps in lists", FaultKind::Gap).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_without_their_list_leave_the_result_unchanged() {
    incomplete_lists_of_all("responses without their list", FaultKind::NoMember).await;
}

/// The next call of each list is incomplete.
async fn incomplete_lists_at(prepared: &'static Prepared, kind: FaultKind, place: i64) {
    let what = format!("{} with {kind} at {place}", prepared.scenario.name);
    let run = begin_slowly(prepared).await;
    run.advance(place).await;
    for call in lists_with(&kind) {
        run.env
            .sandbox
            .add_fault(FaultRule::new(call, kind.clone()));
    }
    succeed_with_jobs(&run, &kind, &what).await;
    run.check_ended_like(&prepared.forward, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn one_incomplete_list_at_each_place_leaves_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        for &place in &prepared.forward.places {
            for kind in [FaultKind::Gap, FaultKind::NoMember] {
                let name = format!("{} with {kind} at {place}", prepared.scenario.name);
                jobs.push((name, Box::pin(incomplete_lists_at(prepared, kind, place))));
            }
        }
    }
    run_all("one incomplete list at each place", jobs).await;
}

/// Runs a scenario in an account whose rate limit is exhausted at first and narrow later. The later
/// rate is above the lowest one of the budget in a sandbox.
async fn rate_limited(prepared: &'static Prepared) {
    let what = format!("{} with rate limits", prepared.scenario.name);
    let run = begin_slowly(prepared).await;
    let all_calls = RateLimit {
        call: "*".to_owned(),
        burst: 1.0,
        per_second: 0.01,
    };
    run.env.sandbox.set_rate_limits(vec![all_calls]);
    while !run.calls().iter().any(|call| call.outcome == "throttle") {
        if has_succeeded(&run.env, run.id, &what).await {
            assert!(run.calls().len() <= 1, "{what}: no call was rejected");
            break;
        }
        run.turn().await;
    }
    let narrow = aws_rate_limits().into_iter();
    let narrow = narrow.map(|limit| RateLimit {
        burst: 1.0,
        per_second: 12.0,
        ..limit
    });
    run.env.sandbox.set_rate_limits(narrow.collect());
    succeed(&run, &what).await;
    run.check_ended_like(&prepared.forward, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_succeeds_within_rate_limits() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_prepared().await {
        let job = rate_limited(prepared);
        jobs.push((prepared.scenario.name.to_owned(), Box::pin(job)));
    }
    run_all("rate limits", jobs).await;
}
