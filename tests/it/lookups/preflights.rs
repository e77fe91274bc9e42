//! Preflights of subnets, security groups and tables.

use aws_sandbox::{FaultKind, FaultRule};
use serde_json::{Value, json};

use crate::iam::preflights::{check, preflight, with};
use crate::lookups::vpc_subnets::put_subnet;
use crate::lookups::{VPC, created_for_cluster};
use crate::support::api::cluster_request;
use crate::support::test_env::TestEnv;

/// Checks the result of one check, and its hint, for requests with these members added.
async fn check_results(env: &TestEnv, cases: Vec<(Value, &str, &str, Option<&str>)>) {
    let api = env.api();
    for (more, name, result, hint) in cases {
        let body = with(cluster_request("orders"), more.clone());
        let response = preflight(&api, &body).await;
        let check = check(&response, name);
        assert_eq!(check["result"], result, "{more}: {check:#}");
        assert_eq!(check["hints"][0]["id"].as_str(), hint, "{more}");
    }
    assert_eq!(created_for_cluster(env), Vec::<String>::new());
}

async fn env_with_subnets() -> TestEnv {
    let env = TestEnv::new().await;
    put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    put_subnet(&env, "subnet-0b1b2c33", "us-east-1c", &["ipv6"]);
    env
}

/// Members of a request for a subnet group of the VPC.
fn in_vpc(more: Value) -> Value {
    with(json!({"subnet_group": {"vpc_id": VPC}}), more)
}

#[tokio::test]
async fn the_subnets_of_a_vpc_are_checked() {
    let env = env_with_subnets().await;
    let cases = vec![
        (in_vpc(json!({})), "subnets", "pass", None),
        (in_vpc(json!({})), "network_type", "pass", None),
        (
            in_vpc(json!({"network_type": "dual_stack"})),
            "subnets",
            "fail",
            Some("dax_subnet_not_allowed"),
        ),
        (
            in_vpc(json!({"availability_zones": ["us-east-1b"]})),
            "subnets",
            "fail",
            Some("dax_vpc_state"),
        ),
        (
            json!({"subnet_group": {"vpc_id": "vpc-0c1b2c3d"}}),
            "subnets",
            "fail",
            Some("ec2_vpc_missing"),
        ),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn the_subnets_of_a_request_are_checked() {
    let env = env_with_subnets().await;
    let mut all = env.sandbox.inventory().subnets.into_iter();
    let default_subnet = all.find(|subnet| subnet.builtin).unwrap().id;
    let subnets = |ids: &[&str]| json!({"subnet_group": {"subnet_ids": ids}});
    let cases = vec![
        (subnets(&["subnet-0b1b2c31"]), "subnets", "pass", None),
        (
            subnets(&["subnet-0b1b2c31", "subnet-0b1b2c39"]),
            "subnets",
            "fail",
            Some("dax_subnet_unknown"),
        ),
        (
            subnets(&["subnet-0b1b2c31", &default_subnet]),
            "subnets",
            "fail",
            Some("dax_subnet_unknown"),
        ),
        (
            subnets(&["subnet-0b1b2c31", "subnet-0b1b2c33"]),
            "network_type",
            "fail",
            Some("dax_subnet_not_allowed"),
        ),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn security_groups_are_checked() {
    let env = env_with_subnets().await;
    let cases = vec![
        (
            in_vpc(json!({"security_group_ids": ["sg-0b1b2c3d"]})),
            "security_groups",
            "pass",
            None,
        ),
        (
            json!({"security_group_ids": ["sg-0b1b2c3d"]}),
            "security_groups",
            "fail",
            Some("dax_cluster_combination"),
        ),
        (
            json!({"security_group_ids": ["sg-0c1b2c3d"]}),
            "security_groups",
            "fail",
            Some("ec2_security_group_missing"),
        ),
        (json!({}), "security_groups", "pass", None),
    ];
    check_results(&env, cases).await;
}

#[tokio::test]
async fn tables_are_checked() {
    let env = TestEnv::new().await;
    env.sandbox.put_table("Orders");
    let tables = |names: &[&str]| json!({"service_role": {"access": "read_only", "tables": names}});
    let missing = tables(&["Orders", "Custmers"]);
    let cases = vec![
        (tables(&["Orders"]), "tables", "pass", None),
        (
            missing.clone(),
            "tables",
            "fail",
            Some("dynamodb_table_missing"),
        ),
    ];
    check_results(&env, cases).await;
    let response = preflight(&env.api(), &with(cluster_request("orders"), missing)).await;
    assert_eq!(
        check(&response, "tables")["detail"],
        "no such table in account 123456789012 and us-east-1: Custmers"
    );
}

#[tokio::test]
async fn what_the_service_may_not_read_is_not_checked() {
    let env = TestEnv::new().await;
    env.put_policies(&[env.policy_of_build(&[], false)]);
    for action in ["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"] {
        env.sandbox
            .add_fault(FaultRule::new(action, FaultKind::Deny).count(10));
    }
    let body = with(
        cluster_request("orders"),
        in_vpc(json!({"security_group_ids": ["sg-0b1b2c3d"]})),
    );
    let response = preflight(&env.api(), &body).await;
    for (name, reason) in [
        (
            "subnets",
            "ec2:DescribeSubnets returned UnauthorizedOperation",
        ),
        (
            "network_type",
            "ec2:DescribeSubnets returned UnauthorizedOperation",
        ),
        (
            "security_groups",
            "ec2:DescribeSecurityGroups returned UnauthorizedOperation",
        ),
        (
            "tables",
            "dynamodb:DescribeTable returned AccessDeniedException",
        ),
    ] {
        let check = check(&response, name);
        assert_eq!(check["result"], "not_checked", "{check:#}");
        let detail = check["detail"].as_str().unwrap();
        assert!(detail.ends_with(reason), "{detail}");
    }
}
