//! Privilege escalation: every known way to gain more than the shipped policy must be denied. What
//! is not denied is in `reachable.rs`.

use std::collections::BTreeMap;

use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::IAM_PATH;
use serde_json::json;

use crate::iam::escalation_names::{
    ADMIN_ROLE, ADMINISTRATOR_ACCESS, ALLOW_ALL, BOUNDARY, MANAGED_POLICY, MANAGED_ROLE,
    TRUST_ACCOUNT, UNBOUNDED_ROLE, WIDE_POLICY,
};
use crate::iam::escalation_policy_calls::{OTHER_CALLS, POLICY_CALLS};
use crate::iam::escalation_role_calls::{NEW_ROLES, ROLE_CALLS};
use crate::iam::escalation_simulated::{OTHER_SERVICES, SIMULATED};
use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

pub const ADMINISTRATOR_KEYS: (&str, &str) = ("sandbox", "sandbox");
pub const SERVICE_KEYS: (&str, &str) = (SERVICE, SERVICE);

fn role(name: &str, path: &str, trust: &str, boundary: Option<&str>) -> Mutation {
    Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust.to_owned(),
        permissions_boundary: boundary.map(str::to_owned),
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

fn policy(name: &str, path: &str) -> Mutation {
    Mutation::CreatePolicy {
        name: name.to_owned(),
        path: path.to_owned(),
        document: ALLOW_ALL.to_owned(),
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

/// An account with the roles and policies of the escalation tests. The service has the policy that
/// a build with or without lookups ships.
pub async fn account(lookups: bool) -> TestEnv {
    let env = TestEnv::new().await;
    env.put_policies(&[env.policy_of_build(&[], lookups)]);
    let attach = |role: &str, arn: &str| Mutation::AttachRolePolicy {
        role: role.to_owned(),
        policy_arn: arn.to_owned(),
    };
    let dax = trust_policy().to_json();
    for mutation in [
        role("Admin", "/", TRUST_ACCOUNT, None),
        attach("Admin", ADMINISTRATOR_ACCESS),
        role("Worker", "/", TRUST_ACCOUNT, Some(BOUNDARY)),
        role(UNBOUNDED_ROLE, IAM_PATH, &dax, None),
        policy("Wide", "/"),
        Mutation::CreateServiceLinkedRole,
    ] {
        env.admin.send(&mutation, &env.account).await.unwrap();
    }
    // These calls are allowed, so a denied call below is denied for its input.
    for mutation in [
        role(MANAGED_ROLE, IAM_PATH, &dax, Some(BOUNDARY)),
        policy(MANAGED_ROLE, IAM_PATH),
        attach(MANAGED_ROLE, MANAGED_POLICY),
    ] {
        env.aws.send(&mutation, &env.account).await.unwrap();
    }
    let version = [("PolicyArn", WIDE_POLICY), ("PolicyDocument", ALLOW_ALL)];
    let call = "CreatePolicyVersion";
    let response = signed_calls::query(&env, ADMINISTRATOR_KEYS, "iam", call, &version).await;
    assert_eq!(response.status, 200);
    env
}

/// The calls that the service sent, all of which must be denied.
struct Denials<'a> {
    env: &'a TestEnv,
    count: usize,
}

impl Denials<'_> {
    /// Sends a call in the query protocol. It must be denied.
    async fn query(&mut self, service: &str, call: &str, input: &[(&str, &str)]) {
        let response = signed_calls::query(self.env, SERVICE_KEYS, service, call, input).await;
        let action = format!("{service}:{call}");
        self.check(&response, &action, &format!("{call} {input:?}"));
    }

    fn check(&mut self, response: &signed_calls::RawResponse, action: &str, what: &str) {
        let denial = format!("is not authorized to perform: {action}");
        assert!(response.status >= 400, "{what}: {response:?}");
        assert!(response.text.contains(&denial), "{what}: {response:?}");
        self.count += 1;
    }
}

#[tokio::test]
async fn every_known_escalation_is_denied() {
    every_escalation_is_denied(&account(false).await, false).await;
}

#[tokio::test]
async fn every_known_escalation_is_denied_with_lookups() {
    every_escalation_is_denied(&account(true).await, true).await;
}

/// With lookups, the service may describe tables.
async fn every_escalation_is_denied(env: &TestEnv, lookups: bool) {
    let before = env.sandbox.inventory();
    let mut denials = Denials { env, count: 0 };
    for (what, input) in NEW_ROLES {
        let mut input = input.to_vec();
        input.push(("AssumeRolePolicyDocument", TRUST_ACCOUNT));
        let call = "CreateRole";
        let response = signed_calls::query(env, SERVICE_KEYS, "iam", call, &input).await;
        denials.check(&response, "iam:CreateRole", what);
    }
    let calls = ROLE_CALLS.into_iter().chain(POLICY_CALLS);
    for (call, input) in calls.chain(OTHER_CALLS) {
        denials.query("iam", call, input).await;
    }
    for arn in [ADMIN_ROLE, "arn:aws:iam::123456789012:role/Worker"] {
        let session = [("RoleArn", arn), ("RoleSessionName", "me")];
        denials.query("sts", "AssumeRole", &session).await;
    }
    for role in [
        "Admin",
        "Worker",
        "service-role/DAXServiceRole",
        "dax-orders-abcdefghij",
    ] {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        let cluster = json!({
            "ClusterName": "x", "NodeType": "dax.t3.small", "ReplicationFactor": 1,
            "IamRoleArn": arn,
        });
        let call = "CreateCluster";
        let response = signed_calls::json(env, SERVICE_KEYS, "dax", call, &cluster).await;
        denials.check(&response, "iam:PassRole", role);
    }
    if !lookups {
        let table = json!({"TableName": "Orders"});
        let call = "DescribeTable";
        let response = signed_calls::json(env, SERVICE_KEYS, "dynamodb", call, &table).await;
        denials.check(&response, "dynamodb:DescribeTable", "Orders");
    }
    assert_eq!(env.sandbox.inventory(), before);
    let count = denials.count;
    println!("escalations: {count} calls, all denied");
    assert!(count >= 60, "{count}");
}

#[tokio::test]
async fn actions_that_the_sandbox_does_not_implement_are_denied() {
    simulated_actions_are_denied(&account(false).await).await;
    simulated_actions_are_denied(&account(true).await).await;
}

async fn simulated_actions_are_denied(env: &TestEnv) {
    let every_resource = ["*".to_owned()];
    let decisions = env
        .admin
        .simulate(SERVICE_ARN, &SIMULATED, &every_resource, &[])
        .await
        .unwrap();
    assert_eq!(decisions.len(), SIMULATED.len());
    for decision in decisions {
        assert!(decision.denied.is_some(), "{} is allowed", decision.action);
    }
    let other_region = [("aws:RequestedRegion", "eu-west-1".to_owned())];
    let decisions = env
        .admin
        .simulate(
            SERVICE_ARN,
            &["dax:CreateCluster"],
            &every_resource,
            &other_region,
        )
        .await
        .unwrap();
    assert!(decisions[0].denied.is_some(), "{decisions:?}");
}

#[tokio::test]
async fn a_managed_role_is_passed_to_dax_only() {
    for lookups in [false, true] {
        let env = account(lookups).await;
        let role = [env.account.iam_arn("role", MANAGED_ROLE)];
        let denial = async |service: &str| {
            let context = [("iam:PassedToService", service.to_owned())];
            let mut decisions = env
                .admin
                .simulate(SERVICE_ARN, &["iam:PassRole"], &role, &context)
                .await
                .unwrap();
            decisions.remove(0).denied
        };
        assert_eq!(denial("dax.amazonaws.com").await, None);
        for service in OTHER_SERVICES {
            assert!(denial(service).await.is_some(), "{service}");
        }
    }
}
