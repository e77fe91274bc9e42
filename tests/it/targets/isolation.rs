//! Targets of one installation do not touch each other: two accounts, and two Regions of one.

use std::time::{Duration, Instant};

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::names::operation_suffix;
use dax_provisioner::domain::operation::{Kind, Status};
use dax_provisioner::domain::spec::DeleteSpec;
use dax_provisioner::domain::target::TargetName;
use dax_provisioner::inspections::Inspector;
use dax_provisioner::operations::timing::Settings;
use dax_provisioner::operations::{RoleCandidates, StepEnvironment};
use dax_provisioner::store::Store;
use dax_provisioner::worker::Worker;
use uuid::Uuid;

use crate::support::requests::{full_spec, new_operation, plain_spec};
use crate::support::test_env::TestEnv;
use crate::targets::setup::{
    AccessRole, MAIN, OTHER, administrator, assumed, put_principal, set_up, two_regions,
};

/// A target with a worker of its own.
pub struct TargetEnv {
    pub store: Store,
    pub worker: Worker,
    pub role: AccessRole,
}

impl TargetEnv {
    pub async fn new(env: &TestEnv, name: &str, account: &str, region: &str) -> Self {
        put_principal(&env.sandbox);
        let admin = administrator(&env.sandbox, &env.endpoint, account, region).await;
        let role = set_up(&admin, name, &[]).await;
        let aws = assumed(&env.sandbox, &env.endpoint, &role).await;
        let store = env.store.of_target(&TargetName::parse(name).unwrap());
        store.claim_account(&role.account).await.unwrap();
        let environment = StepEnvironment {
            aws,
            account: role.account.clone(),
            settings: Settings {
                permissions_boundary: Some(role.boundary.clone()),
                ..env.settings.clone()
            },
            candidates: RoleCandidates::default(),
        };
        let inspector = Inspector::new(environment.aws.clone());
        let worker = Worker::new(store.clone(), environment, inspector, name.to_owned());
        Self {
            store,
            worker,
            role,
        }
    }

    pub async fn create(&self, name: &str) -> Uuid {
        let new = new_operation(Kind::CreateCluster);
        let accepted = self
            .store
            .accept_create(&new, &full_spec_of(name))
            .await
            .unwrap();
        accepted.created().unwrap()
    }

    /// Everything that exists in the account and Region beyond what the account was set up with.
    fn created(&self, env: &TestEnv) -> Vec<String> {
        let account = &self.role.account;
        let inventory = env
            .sandbox
            .inventory_of(&account.account_id, &account.region);
        let mut created = inventory.created();
        created.retain(|arn| !arn.contains("/dax-provisioner-"));
        created.retain(|arn| arn.contains("/dax-") || !arn.starts_with("arn:aws:iam"));
        created
    }
}

fn full_spec_of(name: &str) -> dax_provisioner::domain::spec::ClusterSpec {
    let full = full_spec(name);
    dax_provisioner::domain::spec::ClusterSpec {
        parameter_group: full.parameter_group,
        ..plain_spec(name)
    }
}

async fn three(env: &TestEnv) -> [TargetEnv; 3] {
    [
        TargetEnv::new(env, "one", MAIN, "eu-west-1").await,
        TargetEnv::new(env, "two", OTHER, "us-east-1").await,
        TargetEnv::new(env, "three", OTHER, "eu-west-1").await,
    ]
}

async fn settle(env: &TestEnv, target: &TargetEnv, id: Uuid) {
    let ended = env.finish(&target.worker, id).await;
    assert_eq!(ended.status, Status::Succeeded, "{:#?}", ended.fault);
    assert_eq!(ended.target, *target.store.target());
}

#[tokio::test]
async fn equal_names_live_side_by_side_and_no_sweep_touches_another_target() {
    let env = TestEnv::with(two_regions()).await;
    let targets = three(&env).await;
    let mut creates = Vec::new();
    for target in &targets {
        let id = target.create("orders").await;
        creates.push(id);
        let (new, spec) = (new_operation(Kind::CreateCluster), plain_spec("orders"));
        let again = target.store.accept_create(&new, &spec).await.unwrap();
        assert_eq!(again.created(), None);
        settle(&env, target, id).await;
    }
    let before: Vec<_> = targets.iter().map(|target| target.created(&env)).collect();
    assert!(
        before.iter().all(|created| created.len() >= 4),
        "{before:#?}"
    );
    for target in &targets {
        env.make_jobs_due().await;
        assert_eq!(target.worker.sweep().await.unwrap(), Some(0));
        assert!(target.worker.poll().await.unwrap().is_some());
    }
    let after: Vec<_> = targets.iter().map(|target| target.created(&env)).collect();
    assert_eq!(before, after);
    // The delete in one Region leaves the other Region of its account, and its roles, alone.
    let new = new_operation(Kind::DeleteCluster);
    let (store, spec) = (&targets[1].store, DeleteSpec::default());
    let delete = store.accept_delete(&new, "orders", &spec);
    settle(&env, &targets[1], delete.await.unwrap().created().unwrap()).await;
    for target in &targets {
        env.make_jobs_due().await;
        assert_eq!(target.worker.sweep().await.unwrap(), Some(0));
    }
    assert!(targets[1].store.cluster("orders").await.unwrap().is_none());
    let left = targets[1].created(&env);
    let of_three = targets[2].created(&env);
    let mut kept = before[2].clone();
    kept.retain(|arn| !arn.ends_with(&operation_suffix(creates[1])));
    assert!(kept.len() < before[2].len(), "both Regions share IAM");
    assert_eq!(of_three, kept);
    // What is left of IAM in the account is that of the other Region.
    assert!(left.iter().all(|arn| of_three.contains(arn)), "{left:#?}");
    assert_eq!(targets[0].created(&env), before[0]);
}

#[tokio::test]
async fn a_leftover_is_removed_by_the_sweep_of_its_target_only() {
    let env = TestEnv::with(two_regions()).await;
    let [_, two, three] = three(&env).await;
    let id = two.create("orders").await;
    settle(&env, &two, id).await;
    // The cluster and its rows vanish as if a delete had been done; the role reappears.
    sqlx::query("update clusters set deleted_at = now() where target = 'two'")
        .execute(&env.pool)
        .await
        .unwrap();
    sqlx::query("update inventory set presence = 'gone' where owner = 'managed'")
        .execute(&env.pool)
        .await
        .unwrap();
    env.make_jobs_due().await;
    assert_eq!(three.worker.sweep().await.unwrap(), Some(0));
    assert!(!two.created(&env).is_empty());
    let mut calls = 0;
    for _ in 0..20 {
        env.make_jobs_due().await;
        calls += two.worker.sweep().await.unwrap().unwrap();
    }
    assert!(calls >= 4, "{calls}");
    assert_eq!(two.created(&env), Vec::<String>::new());
}

/// Clusters of one measurement.
const CLUSTERS: usize = 6;
const ROUNDS: usize = 5;
/// An account that never answers in time, and one that throttles every call.
const HANGING: &str = "333333333333";
const THROTTLED: &str = "444444444444";

/// Requests the clusters of one measurement.
async fn create_all(target: &TargetEnv, prefix: &str) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 0..CLUSTERS {
        ids.push(target.create(&format!("{prefix}{number}")).await);
    }
    ids
}

/// How long a target takes for its creates, with four loops.
async fn time_of(target: &TargetEnv, env: &TestEnv, prefix: &str) -> Duration {
    let begun = Instant::now();
    let ids = create_all(target, prefix).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(target.worker.clone().run(4, false, stop.clone()));
    for id in ids {
        while !env.status(id).await.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(begun.elapsed() < Duration::from_secs(120));
        }
    }
    let elapsed = begun.elapsed();
    stop.cancel();
    worker.await.unwrap();
    elapsed
}

/// The same while the accounts of the other targets hang and throttle, under sixteen loops each.
async fn time_beside(
    target: &TargetEnv,
    env: &TestEnv,
    others: &[TargetEnv],
    prefix: &str,
) -> Duration {
    let hanging = FaultRule::new("*", FaultKind::Slow).of_account(HANGING);
    let hanging = hanging.count(1_000_000).seconds(60.0);
    env.sandbox.add_fault(hanging);
    let throttle = FaultRule::new("*", FaultKind::Throttle).of_account(THROTTLED);
    env.sandbox.add_fault(throttle.seconds(600.0));
    let stop = tokio_util::sync::CancellationToken::new();
    let mut running = Vec::new();
    for other in others {
        create_all(other, prefix).await;
        let worker = other.worker.clone();
        running.push(tokio::spawn(worker.run(16, false, stop.clone())));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let elapsed = time_of(target, env, prefix).await;
    stop.cancel();
    running.iter().for_each(tokio::task::JoinHandle::abort);
    env.sandbox.clear_faults();
    elapsed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "compares durations, which tests beside it change"]
async fn an_unreachable_and_a_throttled_account_do_not_slow_the_third() {
    let settings = aws_sandbox::Settings {
        quotas: aws_sandbox::Quotas {
            nodes: 1_000,
            parameter_groups: 1_000,
            ..aws_sandbox::Quotas::default()
        },
        ..two_regions()
    };
    let env = TestEnv::with(settings).await;
    let others = [
        TargetEnv::new(&env, "hanging", HANGING, "us-east-1").await,
        TargetEnv::new(&env, "throttled", THROTTLED, "us-east-1").await,
    ];
    let third = TargetEnv::new(&env, "third", "555555555555", "us-east-1").await;
    time_of(&third, &env, "warm").await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        alone.push(time_of(&third, &env, &format!("a{round}")).await);
        beside.push(time_beside(&third, &env, &others, &format!("b{round}")).await);
    }
    alone.sort_unstable();
    beside.sort_unstable();
    let (quiet, disturbed) = (alone[ROUNDS / 2], beside[ROUNDS / 2]);
    let noise = alone[ROUNDS - 1] - alone[0];
    println!(
        "{CLUSTERS} creates, {ROUNDS} rounds: alone {alone:.2?}, beside a hanging and a throttled account {beside:.2?}; \
         ratio of the medians {:.3}, noise of the time alone {noise:.2?}",
        disturbed.as_secs_f64() / quiet.as_secs_f64(),
    );
    // 10 %, and what the time alone varies by.
    assert!(
        disturbed < quiet.mul_f64(1.1) + noise,
        "{alone:?} {beside:?}"
    );
}
