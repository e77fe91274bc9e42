//! What `doctor` asks IAM's simulator: each permission of the service's own policy, and which of them is missing.

use dax_provisioner::domain::iam::policies::simulation::permissions_of;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::iam::policies::{Effect, PolicyDocument, Values};
use dax_provisioner::domain::preflight::{Check, CheckStatus};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::inspections::plan::permissions::region_of;

use crate::support::identity::SERVICE_ARN;
use crate::support::test_env::TestEnv;

async fn checks(world: &TestEnv, policy: &PolicyDocument) -> Vec<Check> {
    let permissions = permissions_of(policy, |action| region_of(action, &world.account));
    Inspector::new(world.aws.clone())
        .permission_checks(&permissions)
        .await
}

/// The policy without one action.
fn without(policy: &PolicyDocument, action: &str) -> PolicyDocument {
    let mut policy = policy.clone();
    for statement in policy
        .statement
        .iter_mut()
        .filter(|statement| statement.effect == Effect::Allow)
    {
        let left = statement
            .action
            .texts()
            .iter()
            .filter(|one| *one != action)
            .cloned();
        statement.action = Values::many(left);
    }
    policy
        .statement
        .retain(|statement| !statement.action.texts().is_empty());
    policy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_of_the_shipped_policy_is_asked_about_and_a_missing_one_is_named() {
    let world = TestEnv::new().await;
    let policy = world.shipped_policy(&[]);
    world.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    let all = checks(&world, &policy).await;
    for check in &all {
        assert_eq!(check.status(), CheckStatus::Pass, "{check:?}");
    }
    let mut actions: Vec<String> = all.iter().map(|check| check.name.clone()).collect();
    actions.sort_unstable();
    actions.dedup();
    for action in &actions {
        world.put_policies(&[without(&policy, action), simulation_policy(SERVICE_ARN)]);
        for check in checks(&world, &policy).await {
            let expected = if check.name == *action {
                CheckStatus::Fail
            } else {
                CheckStatus::Pass
            };
            assert_eq!(check.status(), expected, "without {action}: {check:?}");
        }
    }
    println!(
        "doctor: {} permissions, {} actions taken away one by one",
        all.len(),
        actions.len()
    );
    assert!(actions.len() > 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_simulate_nothing_is_called_missing() {
    let world = TestEnv::new().await;
    for check in checks(&world, &world.shipped_policy(&[])).await {
        assert_eq!(check.status(), CheckStatus::NotChecked, "{check:?}");
    }
}
