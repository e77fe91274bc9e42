//! The condition of the installation: states in which every process runs and nothing moves.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::condition::Condition;
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::operations::known_steps;
use strum::VariantArray;

use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const SWEEP_INTERVAL: Duration = Duration::from_secs(300);

async fn condition(env: &TestEnv) -> Condition {
    let kinds = Kind::VARIANTS.iter().map(|kind| kind.as_str().to_owned());
    let kinds: Vec<String> = kinds.collect();
    env.store
        .condition(&kinds, &known_steps(), None)
        .await
        .unwrap()
}

/// The problems of which the installation warns.
async fn problems(env: &TestEnv) -> Vec<String> {
    let warnings = condition(env).await.warnings(SWEEP_INTERVAL);
    warnings
        .into_iter()
        .map(|warning| warning.problem)
        .collect()
}

async fn execute(env: &TestEnv, statement: &'static str) {
    sqlx::query(statement).execute(&env.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_at_rest_has_no_warning() {
    let env = TestEnv::new().await;
    let id = env.create(&plain_spec("orders")).await;
    assert_eq!(problems(&env).await, Vec::<String>::new());
    env.finish(&env.worker("w"), id).await;
    assert_eq!(problems(&env).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_due_operation_that_no_worker_claims_is_a_warning() {
    let env = TestEnv::new().await;
    env.create(&plain_spec("orders")).await;
    execute(
        &env,
        "update operations set wake_at = now() - interval '2 minutes'",
    )
    .await;
    let problems = problems(&env).await;
    assert!(
        problems.len() == 1 && problems[0].contains("been due for 120 s"),
        "{problems:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_of_a_newer_version_and_crashed_ones_are_warnings() {
    let env = TestEnv::new().await;
    env.create(&plain_spec("newer")).await;
    execute(
        &env,
        "update operations set current_step = 'ask_the_oracle'",
    )
    .await;
    let newer = problems(&env).await;
    assert!(
        newer.len() == 1 && newer[0].contains("newer version"),
        "{newer:?}"
    );
    execute(
        &env,
        "update operations set current_step = 'find_service_role', spec = '{}'",
    )
    .await;
    env.worker("w").turn().await.unwrap();
    let unreadable = problems(&env).await;
    assert_eq!(unreadable, newer);
    execute(
        &env,
        "update operations set status = 'blocked', fault = '{\"class\": \"crashed\"}'",
    )
    .await;
    let crashed = problems(&env).await;
    assert!(
        crashed.len() == 1 && crashed[0].contains("ended its process"),
        "{crashed:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_never_completes_is_a_warning_only_while_an_operation_waits_for_it() {
    let env = TestEnv::new().await;
    execute(
        &env,
        "update duties set done_at = now() - interval '20 minutes' where name = 'poll'",
    )
    .await;
    assert_eq!(problems(&env).await, Vec::<String>::new());
    env.create(&plain_spec("orders")).await;
    execute(&env, "update operations set waiting_for = 'cluster'").await;
    let waiting = problems(&env).await;
    assert!(
        waiting.len() == 1 && waiting[0].contains("last read 1200 s ago"),
        "{waiting:?}"
    );
}

/// A sweep that AWS keeps from reading does not count as completed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_ends_early_again_and_again_is_a_warning() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    execute(
        &env,
        "update duties set done_at = now() - interval '1 hour' where name = 'sweep'",
    )
    .await;
    env.sandbox
        .add_fault(FaultRule::new("iam:ListRoles", FaultKind::Deny).seconds(3_600.0));
    env.make_jobs_due().await;
    worker.sweep().await.unwrap_err();
    let failing = problems(&env).await;
    assert!(
        failing.len() == 1 && failing[0].contains("leftovers may remain"),
        "{failing:?}"
    );
    env.sandbox.clear_faults();
    env.make_jobs_due().await;
    worker.sweep().await.unwrap().unwrap();
    assert_eq!(problems(&env).await, Vec::<String>::new());
}

/// The age of the oldest blocked operation is a metric, not a warning: it waits for its own cause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_operation_has_an_age_and_is_no_warning() {
    let env = TestEnv::new().await;
    env.sandbox
        .add_fault(FaultRule::new("iam:CreateRole", FaultKind::Deny).seconds(3_600.0));
    let id = env.create(&plain_spec("orders")).await;
    assert_eq!(
        env.settle(&env.worker("w"), id).await.status,
        Status::Blocked
    );
    execute(
        &env,
        "update operations set created_at = now() - interval '1 day'",
    )
    .await;
    assert!(condition(&env).await.blocked >= Duration::from_secs(86_400));
    assert_eq!(problems(&env).await, Vec::<String>::new());
}
