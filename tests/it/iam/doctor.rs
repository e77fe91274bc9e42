//! The permission checks of `doctor`: IAM's simulator decides on each permission of the shipped
//! policy.

use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::iam::policies::simulation::permissions_of;
use dax_provisioner::domain::preflight::{Check, CheckStatus};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::inspections::plan::permissions::region_of;

use crate::iam::without;
use crate::support::identity::SERVICE_ARN;
use crate::support::test_env::TestEnv;

async fn checks(env: &TestEnv, policy: &PolicyDocument) -> Vec<Check> {
    let permissions = permissions_of(policy, |action| region_of(action, &env.account));
    Inspector::new(env.aws.clone())
        .permission_checks(&permissions)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_of_the_shipped_policy_is_checked_and_a_missing_one_is_named() {
    let env = TestEnv::new().await;
    let policy = env.shipped_policy(&[]);
    env.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    let all = checks(&env, &policy).await;
    for check in &all {
        assert_eq!(check.status(), CheckStatus::Pass, "{check:?}");
    }
    let mut actions: Vec<String> = all.iter().map(|check| check.name.clone()).collect();
    actions.sort_unstable();
    actions.dedup();
    for action in &actions {
        env.put_policies(&[without(&policy, action), simulation_policy(SERVICE_ARN)]);
        for check in checks(&env, &policy).await {
            let expected = if check.name == *action {
                CheckStatus::Fail
            } else {
                CheckStatus::Pass
            };
            assert_eq!(check.status(), expected, "without {action}: {check:?}");
        }
    }
    println!(
        "doctor: {} permissions, {} actions",
        all.len(),
        actions.len()
    );
    assert!(actions.len() > 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_permission_to_simulate_every_permission_is_not_checked() {
    let env = TestEnv::new().await;
    for check in checks(&env, &env.shipped_policy(&[])).await {
        assert_eq!(check.status(), CheckStatus::NotChecked, "{check:?}");
    }
}
