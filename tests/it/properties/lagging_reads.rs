//! Property: reads may lag behind calls. Every operation ends like an undisturbed one, and an
//! interrupted create leaves nothing.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::{Kind, Status};

use crate::properties::aws_snapshot::snapshot;
use crate::properties::environment_faults::{LAG, begin_slowly, succeed};
use crate::properties::parallel::{Job, run_all};
use crate::properties::prepared::{Prepared, all_prepared, create_and_delete};
use crate::properties::scenario_run::ScenarioRun;
use crate::support::test_env::TestEnv;

/// The services whose reads can lag.
const SERVICES: [&str; 3] = ["iam", "dax", "ec2"];

fn lag(env: &TestEnv, calls: &str) {
    let rule = FaultRule::new(calls, FaultKind::Lag).seconds(LAG.as_secs_f64());
    env.sandbox.add_fault(rule);
}

fn reads_of(prepared: &Prepared, service: &str) -> bool {
    let mut services = prepared
        .forward
        .reads
        .iter()
        .filter_map(|call| call.split_once(':'));
    services.any(|(one, _)| one == service)
}

/// Checks that the run ended like an undisturbed one, and that no call had another effect.
async fn check_ended_once(prepared: &Prepared, run: &ScenarioRun, what: &str) {
    run.check_ended_like(&prepared.forward, what).await;
}

async fn lagging(prepared: &'static Prepared, calls: String) {
    let what = format!("{} with lagging reads of {calls}", prepared.scenario.name);
    let run = begin_slowly(prepared).await;
    lag(&run.env, &calls);
    succeed(&run, &what).await;
    run.env.sandbox.clear_faults();
    check_ended_once(prepared, &run, &what).await;
}

/// Every scenario, and the one that creates the service-linked role.
async fn all_scenarios() -> Vec<&'static Prepared> {
    let [first_create, _] = create_and_delete().await;
    let mut all = all_prepared().await;
    all.push(first_create);
    all
}

/// Reads of one service lag.
#[tokio::test(flavor = "multi_thread")]
async fn lagging_reads_leave_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_scenarios().await {
        for service in SERVICES {
            if reads_of(prepared, service) {
                let name = format!("{}, lagging {service}", prepared.scenario.name);
                jobs.push((name, Box::pin(lagging(prepared, format!("{service}:*")))));
            }
        }
    }
    run_all("lagging reads of one service", jobs).await;
}

/// Reads of all services lag.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute and finds less than its sibling"]
async fn lagging_reads_of_all_services_leave_the_result_unchanged() {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_scenarios().await {
        let job = lagging(prepared, "*".to_owned());
        jobs.push((prepared.scenario.name.to_owned(), Box::pin(job)));
    }
    run_all("lagging reads of all services", jobs).await;
}

/// Where a create is interrupted: before its first call, or right after this call took effect.
/// The places of a baseline do not fit, because a lagging read makes a step repeat its call.
type Place = Option<String>;

fn places(prepared: &Prepared) -> Vec<Place> {
    let calls = prepared.forward.mutations.iter().cloned();
    std::iter::once(None).chain(calls.map(Some)).collect()
}

/// The first, the middle and the last place.
fn sample(mut places: Vec<Place>) -> Vec<Place> {
    let kept = [0, places.len() / 2, places.len() - 1];
    let mut index = 0..;
    places.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
    places
}

/// Begins a create with lagging reads, and advances it to a place.
async fn begin_lagging(
    prepared: &Prepared,
    service: &str,
    place: &Place,
    what: &str,
) -> ScenarioRun {
    let run = begin_slowly(prepared).await;
    lag(&run.env, &format!("{service}:*"));
    if let Some(call) = place {
        while !run.effects().contains_key(call) {
            let is_finished = run.status().await.is_finished();
            assert!(!is_finished, "{what}: {call} was not sent");
            run.turn().await;
        }
    }
    run
}

/// A cancelled create leaves nothing, and its receipt names nothing as gone that still exists.
async fn cancelled_lagging(prepared: &'static Prepared, service: &'static str, place: Place) {
    let name = prepared.scenario.name;
    let what = format!("{name} cancelled after {place:?}, lagging {service}");
    let run = begin_lagging(prepared, service, &place, &what).await;
    run.cancel().await;
    let ended = run.finish(run.id).await;
    run.env.sandbox.clear_faults();
    assert_eq!(
        ended.status,
        Status::Cancelled,
        "{what}: {:#?}",
        ended.fault
    );
    run.check_invariants(&what).await;
    if snapshot(&run.env, &[]).await != prepared.template.snapshot {
        println!(
            "{what}: the sweep has to remove {:?}",
            run.env.created_in_aws()
        );
        run.env.make_jobs_due().await;
        run.worker.sweep().await.unwrap();
    }
    assert_eq!(
        snapshot(&run.env, &[]).await,
        prepared.template.snapshot,
        "{what}"
    );
}

/// A delete that supersedes a create removes everything.
async fn deleted_lagging(prepared: &'static Prepared, service: &'static str, place: Place) {
    let name = prepared.scenario.name;
    let what = format!("{name} deleted after {place:?}, lagging {service}");
    let run = begin_lagging(prepared, service, &place, &what).await;
    let delete = run.env.delete(run.scenario.cluster).await;
    let ended = run.finish(delete).await;
    run.env.sandbox.clear_faults();
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{what}: {:#?}",
        ended.fault
    );
    assert_eq!(
        snapshot(&run.env, &[]).await,
        prepared.template.snapshot,
        "{what}"
    );
    let row = run.env.store.cluster(run.scenario.cluster).await.unwrap();
    assert!(row.is_none(), "{what}: the row is still there");
    run.check_no_open_intent(&what).await;
}

async fn interrupt_creates(property: &str, choose: fn(Vec<Place>) -> Vec<Place>) {
    let mut jobs: Vec<Job> = Vec::new();
    for prepared in all_scenarios().await {
        if prepared.scenario.kind != Kind::CreateCluster {
            continue;
        }
        for place in choose(places(prepared)) {
            for service in ["iam", "dax"] {
                let name = format!(
                    "{} after {place:?}, lagging {service}",
                    prepared.scenario.name
                );
                let cancelled = cancelled_lagging(prepared, service, place.clone());
                jobs.push((format!("{name}: cancelled"), Box::pin(cancelled)));
                let deleted = deleted_lagging(prepared, service, place.clone());
                jobs.push((format!("{name}: deleted"), Box::pin(deleted)));
            }
        }
    }
    run_all(property, jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_create_with_lagging_reads_leaves_nothing() {
    interrupt_creates("cancel and delete with lagging reads", sample).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_create_interrupted_anywhere_with_lagging_reads_leaves_nothing() {
    interrupt_creates("cancel and delete anywhere with lagging reads", |all| all).await;
}
