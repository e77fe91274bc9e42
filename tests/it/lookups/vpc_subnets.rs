//! Subnet groups of a VPC: the create discovers the subnets.

use aws_sandbox::{FaultKind, FaultRule, NewSubnet};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::{ClusterSpec, NetworkType};
use dax_provisioner::domain::waiting::WaitingFor;

use crate::iam::plans::{
    Request, permissions_are_sufficient_and_necessary, steps_and_calls_are_planned,
};
use crate::lookups::{VPC, created_for_cluster, spec_of_vpc};
use crate::support::test_env::TestEnv;

/// Creates a subnet in the VPC.
pub fn put_subnet(env: &TestEnv, id: &str, zone: &str, network_types: &[&str]) {
    let subnet = NewSubnet {
        vpc_id: VPC.to_owned(),
        availability_zone: zone.to_owned(),
        network_types: network_types
            .iter()
            .map(|network_type| (*network_type).to_owned())
            .collect(),
    };
    env.sandbox.put_subnet(id, &subnet).unwrap();
}

fn group_subnets(env: &TestEnv) -> Vec<String> {
    let mut groups = env.sandbox.inventory().subnet_groups.into_iter();
    let group = groups.find(|group| group.name.starts_with("dax-orders-"));
    let mut ids = group.unwrap().subnet_ids;
    ids.sort();
    ids
}

#[tokio::test]
async fn a_group_has_the_subnets_that_support_the_network_type() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    put_subnet(&env, "subnet-0b1b2c32", "us-east-1b", &["ipv4", "ipv6"]);
    put_subnet(&env, "subnet-0b1b2c33", "us-east-1c", &["ipv6"]);
    for (network_type, ids) in [
        (None, vec!["subnet-0b1b2c31", "subnet-0b1b2c32"]),
        (Some(NetworkType::DualStack), vec!["subnet-0b1b2c32"]),
        (Some(NetworkType::Ipv6), vec!["subnet-0b1b2c33"]),
    ] {
        let spec = ClusterSpec {
            network_type,
            ..spec_of_vpc(VPC)
        };
        let create = env.create(&spec).await;
        let done = env.settle(&worker, create).await;
        assert_eq!(done.status, Status::Succeeded, "{done:#?}");
        assert_eq!(group_subnets(&env), ids, "{network_type:?}");
        let cluster = env.api().get("/v1/clusters/orders").await.body;
        let group = &cluster["desired"]["subnet_group"];
        assert_eq!(group["vpc_id"], VPC, "{cluster:#}");
        let delete = env.delete("orders").await;
        assert_eq!(env.settle(&worker, delete).await.status, Status::Succeeded);
        assert_eq!(created_for_cluster(&env), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_contains_the_lookup_and_its_permission() {
    steps_and_calls_are_planned(Request::OfVpc).await;
    assert!(permissions_are_sufficient_and_necessary(Request::OfVpc).await >= 16);
}

#[tokio::test]
async fn a_group_keeps_the_subnets_of_a_call_whose_response_was_lost() {
    for fault in [
        FaultKind::LoseAnswer,
        FaultKind::ErrorAfter,
        FaultKind::ErrorBefore,
        FaultKind::CutAnswer,
    ] {
        let env = TestEnv::new().await;
        let worker = env.worker("w");
        put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
        env.sandbox
            .add_fault(FaultRule::new("dax:CreateSubnetGroup", fault.clone()).count(1));
        let create = env.create(&spec_of_vpc(VPC)).await;
        while env.sent("dax:CreateSubnetGroup") == 0 {
            env.one_turn(&worker).await;
        }
        put_subnet(&env, "subnet-0b1b2c32", "us-east-1b", &["ipv4"]);
        let done = env.settle(&worker, create).await;
        assert_eq!(done.status, Status::Succeeded, "{fault:?}: {done:#?}");
        assert_eq!(group_subnets(&env), ["subnet-0b1b2c31"], "{fault:?}");
        for (effect, count) in env.effects() {
            assert_eq!(count, 1, "{fault:?}: {effect:?}");
        }
    }
}

#[tokio::test]
async fn a_create_succeeds_after_a_fault_of_the_lookup() {
    for fault in [
        FaultKind::Throttle,
        FaultKind::ErrorBefore,
        FaultKind::LoseAnswer,
        FaultKind::Garbage,
    ] {
        let env = TestEnv::new().await;
        put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
        env.sandbox
            .add_fault(FaultRule::new("ec2:DescribeSubnets", fault.clone()).count(1));
        let create = env.create(&spec_of_vpc(VPC)).await;
        let done = env.settle(&env.worker("w"), create).await;
        assert_eq!(done.status, Status::Succeeded, "{fault:?}: {done:#?}");
        for rule in env.sandbox.faults() {
            assert_eq!(rule.left, Some(0), "{fault:?} did not occur");
        }
    }
}

#[tokio::test]
async fn a_create_in_a_vpc_without_suitable_subnets_fails_and_leaves_no_resources() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    for (vpc, network_type, detail) in [
        ("vpc-0c1b2c3d", None, "vpc-0c1b2c3d has no subnets"),
        (
            VPC,
            Some(NetworkType::Ipv6),
            "none of the 1 subnets of vpc-0b1b2c3d supports ipv6",
        ),
    ] {
        let spec = ClusterSpec {
            network_type,
            ..spec_of_vpc(vpc)
        };
        let create = env.create(&spec).await;
        let ended = env.settle(&worker, create).await;
        assert_eq!(ended.status, Status::Failed);
        let fault = ended.fault.unwrap();
        assert_eq!(fault.class, FaultClass::Invalid);
        assert!(fault.detail.starts_with(detail), "{}", fault.detail);
        assert_eq!(created_for_cluster(&env), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_denied_lookup_blocks_until_it_is_allowed() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    put_subnet(&env, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    env.sandbox
        .add_fault(FaultRule::new("ec2:DescribeSubnets", FaultKind::Deny).count(2));
    let create = env.create(&spec_of_vpc(VPC)).await;
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.waiting_for, Some(WaitingFor::Permission));
    let path = format!("/v1/operations/{create}");
    let operation = env.api().get(&path).await.body;
    let problem = &operation["problem"];
    assert_eq!(problem["code"], "permission_missing");
    let hint = &problem["hints"][0];
    assert_eq!(hint["id"], "ec2_describe_subnets");
    let statement = &hint["policy"]["Statement"][0];
    assert_eq!(statement["Action"], "ec2:DescribeSubnets", "{problem:#}");
    let done = env.finish(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded);
}
