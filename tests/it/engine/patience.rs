//! What the service does not conclude yet: that a call whose effect does not show was not executed, that what was
//! just made is gone, that a node which has just been rebooted is back.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::spec::ClusterSpec;
use dax_provisioner::operations::plan;
use dax_provisioner::worker::Worker;

use crate::properties::scenario_actions::reboot_all;
use crate::properties::scenario_setup::by_admin;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const HOUR: Duration = Duration::from_secs(3_600);

/// An environment whose delays do not end during a test.
async fn patient() -> TestEnv {
    let mut env = TestEnv::new().await;
    env.settings.timing.absence = HOUR;
    env.settings.timing.settle = HOUR;
    env
}

/// More turns than an operation takes that waits for nothing.
async fn many_turns(env: &TestEnv, worker: &Worker) {
    for _ in 0..40 {
        env.make_due().await;
        worker.turn().await.unwrap();
    }
}

/// A worker for which the delays have ended.
fn later(env: &mut TestEnv) -> Worker {
    env.settings.timing.absence = Duration::ZERO;
    env.settings.timing.settle = Duration::ZERO;
    env.worker("later")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_a_visible_effect_may_still_take_effect() {
    let mut env = patient().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    let late = FaultRule::new("iam:CreateRole", FaultKind::Late);
    env.sandbox
        .add_fault(late.count(1).seconds(HOUR.as_secs_f64()));
    while !env.sandbox.faults().is_empty() {
        env.one_turn(&worker).await;
    }
    let undo = |kind| plan(kind).undo_names();
    env.store.cancel(id, "token:test", undo).await.unwrap();
    many_turns(&env, &worker).await;
    assert_eq!(env.status(id).await, Status::Cancelling);
    let worker = later(&mut env);
    assert_eq!(env.finish(&worker, id).await.status, Status::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_that_was_just_made_is_not_gone_because_a_read_lacks_it() {
    let mut env = patient().await;
    let worker = env.worker("w");
    let id = env.create(&plain_spec("orders")).await;
    env.finish(&worker, id).await;
    let name = "orders".to_owned();
    by_admin(&env, Mutation::DeleteCluster { name }).await;
    let delete = env.delete("orders").await;
    many_turns(&env, &worker).await;
    assert_eq!(env.status(delete).await, Status::Running);
    let worker = later(&mut env);
    assert_eq!(env.finish(&worker, delete).await.status, Status::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_node_is_rebooted_after_a_pause() {
    let mut env = patient().await;
    let worker = env.worker("w");
    let spec = ClusterSpec {
        replication_factor: 2,
        ..plain_spec("orders")
    };
    let id = env.create(&spec).await;
    env.finish(&worker, id).await;
    let reboot = reboot_all(&env).await;
    many_turns(&env, &worker).await;
    assert_eq!(env.sent("dax:RebootNode"), 1);
    assert_eq!(env.status(reboot).await, Status::Running);
    let worker = later(&mut env);
    assert_eq!(env.finish(&worker, reboot).await.status, Status::Succeeded);
    assert_eq!(env.sent("dax:RebootNode"), 2);
}
