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

/// How long a target takes for these creates, with four loops, while others work as well.
async fn time_of(target: &TargetEnv, env: &TestEnv, clusters: usize) -> Duration {
    let begun = Instant::now();
    let mut ids = Vec::new();
    for number in 0..clusters {
        ids.push(target.create(&format!("c{number}")).await);
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "compares durations, which tests beside it change"]
async fn an_unreachable_and_a_throttled_account_do_not_slow_the_third() {
    const CLUSTERS: usize = 6;
    let env = TestEnv::with(two_regions()).await;
    let mut alone = Vec::new();
    for number in 0..2 {
        let quiet = TargetEnv::new(
            &env,
            &format!("alone{number}"),
            &format!("33333333333{number}"),
            "us-east-1",
        )
        .await;
        alone.push(time_of(&quiet, &env, CLUSTERS).await);
    }
    let alone = alone.into_iter().max().unwrap();
    let [_, slow, _] = three(&env).await;
    let throttled = TargetEnv::new(&env, "throttled", "444444444444", "us-east-1").await;
    let third = TargetEnv::new(&env, "third", "555555555555", "us-east-1").await;
    // One account never answers in time, the other throttles every call.
    let hanging = FaultRule::new("*", FaultKind::Slow).of_account(OTHER);
    env.sandbox
        .add_fault(hanging.count(1_000_000).seconds(60.0));
    let throttle = FaultRule::new("*", FaultKind::Throttle).of_account("444444444444");
    env.sandbox.add_fault(throttle.seconds(600.0));
    let stop = tokio_util::sync::CancellationToken::new();
    let mut others = Vec::new();
    for target in [&slow, &throttled] {
        for number in 0..CLUSTERS {
            target.create(&format!("c{number}")).await;
        }
        others.push(tokio::spawn(target.worker.clone().run(
            16,
            false,
            stop.clone(),
        )));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let beside = time_of(&third, &env, CLUSTERS).await;
    stop.cancel();
    for other in others {
        other.abort();
    }
    println!(
        "{CLUSTERS} creates: alone {alone:?}, beside a hanging and a throttled account {beside:?}"
    );
    // 10 %, and what two busy cores vary by.
    assert!(
        beside < alone.mul_f64(1.1) + Duration::from_millis(500),
        "{alone:?} {beside:?}"
    );
}
