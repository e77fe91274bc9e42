//! Figures of the engine at scale, which are printed: `cargo test --test it -- --ignored figures
//! --nocapture`.

use std::time::{Duration, Instant};

use aws_sandbox::{FaultKind, FaultRule, RateLimit, Settings};
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::store::NewOperation;
use dax_provisioner::worker::SharedJobs;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::requests::{new_operation, plain_spec};
use crate::support::test_env::{TestEnv, instant};

const CREATES: usize = 1_000;
/// Duration of every call to AWS.
const LATENCY: Duration = Duration::from_millis(100);
const LOOPS: usize = 16;

/// Limits of the sandbox that are not what is measured.
fn settings() -> Settings {
    let mut settings = instant();
    settings.quotas.nodes = 10_000;
    settings.quotas.clusters = 10_000;
    settings.quotas.certificates = 10_000;
    settings.quotas.roles = 10_000;
    settings.quotas.policies = 10_000;
    settings.rate_limits = vec![RateLimit {
        call: "iam:*".to_owned(),
        burst: 20.0,
        per_second: 20.0,
    }];
    settings
}

async fn create_by(env: &TestEnv, caller: &str, name: &str) -> Uuid {
    let new = NewOperation {
        requested_by: format!("token:{caller}"),
        requested_for: None,
        project: None,
        ..new_operation(Kind::CreateCluster)
    };
    let spec = plain_spec(name);
    env.store.accept_create(&new, &spec).await.unwrap();
    new.id
}

/// Waits until an operation has this status, or another one after it. Returns how long that took.
async fn wait_for(env: &TestEnv, id: Uuid, reached: impl Fn(Status) -> bool) -> Duration {
    let started = Instant::now();
    while !reached(env.status(id).await) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

async fn counts(env: &TestEnv) -> Vec<(String, i64)> {
    sqlx::query_as("select status, count(*) from operations group by status order by status")
        .fetch_all(&env.pool)
        .await
        .unwrap()
}

/// 1,000 creates by one caller and one by another, with IAM limited to 20 calls per second.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes"]
async fn a_thousand_creates_delay_no_other_caller_and_are_not_throttled() {
    let env = TestEnv::with(settings()).await;
    let slow = FaultRule::new("*", FaultKind::Slow).seconds(LATENCY.as_secs_f64());
    env.sandbox.add_fault(slow.rate(1.0, 1));
    for number in 0..CREATES {
        create_by(&env, "many", &format!("c{number}")).await;
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn(env.worker("w").run(LOOPS, false, stop.clone()));
    tokio::spawn(SharedJobs::new(env.store.clone()).run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let one = create_by(&env, "one", "one").await;
    let first_step = wait_for(&env, one, |status| status != Status::Pending).await;
    let succeeded = first_step + wait_for(&env, one, Status::is_finished).await;
    println!(
        "figures: first step of the other caller after {first_step:.1?}, done after {succeeded:.1?}"
    );
    let started = Instant::now();
    loop {
        let now = counts(&env).await;
        let unfinished = now.iter().filter(|(status, _)| status != "succeeded");
        let left: i64 = unfinished.map(|(_, count)| count).sum();
        if left == 0 || started.elapsed() > Duration::from_secs(1_500) {
            println!("figures: {now:?} after {:.0?}", started.elapsed());
            break;
        }
        assert!(
            now.iter()
                .all(|(status, _)| ["pending", "running", "succeeded"].contains(&status.as_str())),
            "{now:?}"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.cancel();
    worker.await.unwrap();
    let calls = env.service_calls();
    let rejected = calls
        .iter()
        .filter(|call| call.outcome == "throttle")
        .count();
    let share = 100.0 * rejected as f64 / calls.len() as f64;
    println!(
        "figures: {} calls, {rejected} throttled ({share:.1} %)",
        calls.len()
    );
    assert!(first_step < Duration::from_secs(2), "{first_step:?}");
    assert_eq!(counts(&env).await, [("succeeded".to_owned(), 1_001)]);
    assert!(share < 5.0, "{share:.1} %");
}
