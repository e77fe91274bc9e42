//! What the service's own identity must never get: more than it has. Every way we know of, tried over the wire.

use std::collections::BTreeMap;

use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::IAM_PATH;
use serde_json::json;

use crate::iam::escalation_rows::{
    ADMIN_ROLE, ALL_RIGHTS, ANYBODY, ANYTHING, BOUNDARY, LOOSE_ROLE, MORE_RIGHTS, NEW_ROLES,
    OTHERS, OUR_POLICY, OUR_ROLE, SIMULATED, TAKERS, WIDE_POLICY,
};
use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

const ADMINISTRATOR: (&str, &str) = ("sandbox", "sandbox");
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
        document: ANYTHING.to_owned(),
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

/// An account with an administrator's role, a worker's role, a wide policy; and things as the service makes them. The
/// service holds the policy that a build with or without lookups is shipped with.
async fn account(lookups: bool) -> TestEnv {
    let world = TestEnv::new().await;
    world.put_policies(&[world.policy_of_build(&[], lookups)]);
    let attach = |role: &str, arn: &str| Mutation::AttachRolePolicy {
        role: role.to_owned(),
        policy_arn: arn.to_owned(),
    };
    let dax = trust_policy().to_json();
    for made in [
        role("Admin", "/", ANYBODY, None),
        attach("Admin", ALL_RIGHTS),
        role("Worker", "/", ANYBODY, Some(BOUNDARY)),
        role(LOOSE_ROLE, IAM_PATH, &dax, None),
        policy("Wide", "/"),
        Mutation::CreateServiceLinkedRole,
    ] {
        world.admin.send(&made, &world.account).await.unwrap();
    }
    // What the service may do, it can: else the refusals below would prove nothing.
    for made in [
        role(OUR_ROLE, IAM_PATH, &dax, Some(BOUNDARY)),
        policy(OUR_ROLE, IAM_PATH),
        attach(OUR_ROLE, OUR_POLICY),
    ] {
        world.aws.send(&made, &world.account).await.unwrap();
    }
    let second = [("PolicyArn", WIDE_POLICY), ("PolicyDocument", ANYTHING)];
    assert_eq!(
        signed_calls::query(&world, ADMINISTRATOR, "iam", "CreatePolicyVersion", &second)
            .await
            .status,
        200
    );
    world
}

fn assert_denied(said: &signed_calls::RawResponse, action: &str, what: &str) {
    let refusal = format!("is not authorized to perform: {action}");
    assert!(
        said.status >= 400 && said.text.contains(&refusal),
        "{what}: {} {}",
        said.status,
        said.text
    );
}

#[tokio::test]
async fn every_way_to_more_rights_is_denied() {
    every_way_is_denied(&account(false).await, true).await;
}

#[tokio::test]
async fn every_way_to_more_rights_is_denied_to_lookups_too() {
    every_way_is_denied(&account(true).await, false).await;
}

/// Everything is tried; reading about a table only where that is no right of the service.
async fn every_way_is_denied(world: &TestEnv, tables_are_closed: bool) {
    let before = world.sandbox.inventory();
    let keys = (SERVICE, SERVICE);
    let mut denied = 0;
    for (action, what, input) in NEW_ROLES {
        let mut input = input.to_vec();
        input.push(("AssumeRolePolicyDocument", ANYBODY));
        assert_denied(
            &signed_calls::query(world, keys, "iam", "CreateRole", &input).await,
            action,
            what,
        );
        denied += 1;
    }
    for (action, call, input) in MORE_RIGHTS.into_iter().chain(OTHERS) {
        assert_denied(
            &signed_calls::query(world, keys, "iam", call, input).await,
            action,
            &format!("{call} {input:?}"),
        );
        denied += 1;
    }
    let session = [("RoleArn", ADMIN_ROLE), ("RoleSessionName", "me")];
    assert_denied(
        &signed_calls::query(world, keys, "sts", "AssumeRole", &session).await,
        "sts:AssumeRole",
        "taking a role",
    );
    let worker = [
        ("RoleArn", "arn:aws:iam::123456789012:role/Worker"),
        ("RoleSessionName", "me"),
    ];
    assert_denied(
        &signed_calls::query(world, keys, "sts", "AssumeRole", &worker).await,
        "sts:AssumeRole",
        "taking a role",
    );
    for role in [
        "Admin",
        "Worker",
        "service-role/DAXServiceRole",
        "dax-orders-abcdefghij",
    ] {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        let cluster = json!({"ClusterName": "x", "NodeType": "dax.t3.small", "ReplicationFactor": 1, "IamRoleArn": arn});
        assert_denied(
            &signed_calls::json(world, keys, "dax", "CreateCluster", &cluster).await,
            "iam:PassRole",
            role,
        );
        denied += 1;
    }
    let table = json!({"TableName": "Orders"});
    if tables_are_closed {
        let read = signed_calls::json(world, keys, "dynamodb", "DescribeTable", &table).await;
        assert_denied(&read, "dynamodb:DescribeTable", "a table");
        denied += 1;
    }
    denied += 2;
    assert_eq!(world.sandbox.inventory(), before, "something was changed");
    println!("escalations: {denied} calls over the wire, all denied");
    assert!(denied >= 60, "{denied}");
}

#[tokio::test]
async fn what_the_sandbox_does_not_play_would_be_denied_too() {
    what_is_simulated_is_denied(&account(false).await).await;
    what_is_simulated_is_denied(&account(true).await).await;
}

async fn what_is_simulated_is_denied(world: &TestEnv) {
    let mut denied = 0;
    let anywhere = ["*".to_owned()];
    for said in world
        .admin
        .simulate(SERVICE_ARN, &SIMULATED, &anywhere, &[])
        .await
        .unwrap()
    {
        assert!(said.denied.is_some(), "{} is allowed", said.action);
        denied += 1;
    }
    assert_eq!(denied, SIMULATED.len());
    let managed = [world.account.iam_arn("role", OUR_ROLE)];
    let passed = async |service: &str| {
        let context = [("iam:PassedToService", service.to_owned())];
        world
            .admin
            .simulate(SERVICE_ARN, &["iam:PassRole"], &managed, &context)
            .await
            .unwrap()
            .remove(0)
            .denied
    };
    assert_eq!(passed("dax.amazonaws.com").await, None);
    for taker in TAKERS {
        assert!(
            passed(taker).await.is_some(),
            "a role may be passed to {taker}"
        );
        denied += 1;
    }
    let elsewhere = [("aws:RequestedRegion", "eu-west-1".to_owned())];
    let said = world
        .admin
        .simulate(SERVICE_ARN, &["dax:CreateCluster"], &anywhere, &elsewhere)
        .await
        .unwrap();
    assert!(
        said[0].denied.is_some(),
        "clusters may be made in any Region"
    );
    println!(
        "escalations: {} more by the simulator, all denied",
        denied + 1
    );
}
