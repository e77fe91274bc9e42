//! A build with lookups finds subnets, groups and tables, and what is wrong with them.

use aws_sandbox::{FaultKind, FaultRule, NewSubnet};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::NetworkType;
use dax_provisioner::domain::waiting::WaitingFor;

use crate::iam::plans;
use crate::iam::plans::Wish;

use super::*;

fn put_subnet(world: &TestEnv, id: &str, zone: &str, network_types: &[&str]) {
    let subnet = NewSubnet {
        vpc_id: VPC.to_owned(),
        availability_zone: zone.to_owned(),
        network_types: network_types
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect(),
    };
    world.sandbox.put_subnet(id, &subnet).unwrap();
}

fn group_subnets(world: &TestEnv) -> Vec<String> {
    let groups = world.sandbox.inventory().subnet_groups;
    let mut ids = groups
        .into_iter()
        .find(|group| group.name.starts_with("dax-orders-"))
        .unwrap()
        .subnet_ids;
    ids.sort();
    ids
}

#[tokio::test]
async fn a_group_is_made_of_the_subnets_of_the_vpc_that_carry_the_address_family() {
    let world = TestEnv::new().await;
    put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    put_subnet(&world, "subnet-0b1b2c32", "us-east-1b", &["ipv4", "ipv6"]);
    put_subnet(&world, "subnet-0b1b2c33", "us-east-1c", &["ipv6"]);
    for (kind, ids) in [
        (None, vec!["subnet-0b1b2c31", "subnet-0b1b2c32"]),
        (Some(NetworkType::DualStack), vec!["subnet-0b1b2c32"]),
        (Some(NetworkType::Ipv6), vec!["subnet-0b1b2c33"]),
    ] {
        let worker = world.worker("w");
        let create = world
            .create(&ClusterSpec {
                network_type: kind,
                ..spec_of_vpc(VPC)
            })
            .await;
        let done = world.settle(&worker, create).await;
        assert_eq!(
            done.status,
            Status::Succeeded,
            "{kind:?}: {:#?}",
            done.fault
        );
        assert_eq!(group_subnets(&world), ids, "{kind:?}");
        let shown = world.api().get("/v1/clusters/orders").await;
        assert_eq!(
            shown.body["desired"]["subnet_group"]["vpc_id"], VPC,
            "{:#}",
            shown.body
        );
        let delete = world.delete("orders").await;
        assert_eq!(
            world.settle(&worker, delete).await.status,
            Status::Succeeded
        );
        assert_eq!(made_by_us(&world), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_tells_the_lookup_and_its_permission() {
    plans::steps_and_calls_are_told(Wish::OfVpc).await;
    assert!(plans::permissions_are_enough_and_needed(Wish::OfVpc).await >= 16);
}

#[tokio::test]
async fn after_a_lost_answer_the_subnets_that_were_sent_stay_the_group_s() {
    for fault in [
        FaultKind::LoseAnswer,
        FaultKind::ErrorAfter,
        FaultKind::ErrorBefore,
        FaultKind::CutAnswer,
    ] {
        let world = TestEnv::new().await;
        let worker = world.worker("w");
        put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
        world
            .sandbox
            .add_fault(FaultRule::new("dax:CreateSubnetGroup", fault.clone()).count(1));
        let create = world.create(&spec_of_vpc(VPC)).await;
        while world.sent("dax:CreateSubnetGroup") == 0 {
            world.one_turn(&worker).await;
        }
        put_subnet(&world, "subnet-0b1b2c32", "us-east-1b", &["ipv4"]);
        let done = world.settle(&worker, create).await;
        assert_eq!(
            done.status,
            Status::Succeeded,
            "{fault:?}: {:#?}",
            done.fault
        );
        assert_eq!(group_subnets(&world), ["subnet-0b1b2c31"], "{fault:?}");
        for (effect, count) in world.effects() {
            assert_eq!(count, 1, "{fault:?}: {effect:?}");
        }
    }
}

#[tokio::test]
async fn each_kind_of_bad_answer_to_the_lookup_ends_well() {
    for fault in [
        FaultKind::Throttle,
        FaultKind::ErrorBefore,
        FaultKind::LoseAnswer,
        FaultKind::Garbage,
    ] {
        let world = TestEnv::new().await;
        put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
        world
            .sandbox
            .add_fault(FaultRule::new("ec2:DescribeSubnets", fault.clone()).count(1));
        let create = world.create(&spec_of_vpc(VPC)).await;
        let done = world.settle(&world.worker("w"), create).await;
        assert_eq!(
            done.status,
            Status::Succeeded,
            "{fault:?}: {:#?}",
            done.fault
        );
        assert!(
            world
                .sandbox
                .faults()
                .iter()
                .all(|active| active.left == Some(0)),
            "{fault:?} was not met"
        );
    }
}

#[tokio::test]
async fn a_vpc_without_a_fitting_subnet_ends_the_create_and_leaves_nothing() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    for (vpc, kind, words) in [
        ("vpc-0c1b2c3d", None, "vpc-0c1b2c3d has no subnets"),
        (
            VPC,
            Some(NetworkType::Ipv6),
            "none of the 1 subnets of vpc-0b1b2c3d supports ipv6",
        ),
    ] {
        let create = world
            .create(&ClusterSpec {
                network_type: kind,
                ..spec_of_vpc(vpc)
            })
            .await;
        let ended = world.settle(&worker, create).await;
        let fault = ended.fault.unwrap();
        assert_eq!(
            (ended.status, fault.class),
            (Status::Failed, FaultClass::Invalid)
        );
        assert!(fault.detail.starts_with(words), "{}", fault.detail);
        assert_eq!(made_by_us(&world), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_refused_lookup_blocks_with_its_cure_and_goes_on_by_itself() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    world
        .sandbox
        .add_fault(FaultRule::new("ec2:DescribeSubnets", FaultKind::Deny).count(2));
    let create = world.create(&spec_of_vpc(VPC)).await;
    let blocked = world.settle(&worker, create).await;
    assert_eq!(
        (blocked.status, blocked.waiting_for),
        (Status::Blocked, Some(WaitingFor::Permission))
    );
    let shown = world.api()
        .get(&format!("/v1/operations/{create}"))
        .await;
    let problem = &shown.body["problem"];
    assert_eq!(
        (&problem["code"], &problem["hints"][0]["id"]),
        (&json!("permission_missing"), &json!("ec2_describe_subnets"))
    );
    assert_eq!(
        problem["hints"][0]["policy"]["Statement"][0]["Action"], "ec2:DescribeSubnets",
        "{problem:#}"
    );
    assert_eq!(
        world.finish(&worker, create).await.status,
        Status::Succeeded
    );
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn the_surroundings_of_a_cluster_are_looked_at() {
    let world = TestEnv::new().await;
    put_subnet(&world, "subnet-0b1b2c31", "us-east-1a", &["ipv4"]);
    put_subnet(&world, "subnet-0b1b2c33", "us-east-1c", &["ipv6"]);
    world.sandbox.put_table("Orders");
    let door = world.api();
    let default_subnet = world
        .sandbox
        .inventory()
        .subnets
        .iter()
        .find(|subnet| subnet.builtin)
        .unwrap()
        .id
        .clone();
    let theirs = |network: Value| with(json!({"subnet_group": {"vpc_id": VPC}}), network);
    let subnets = |ids: &[&str]| json!({"subnet_group": {"subnet_ids": ids}});
    let tables = |names: &[&str]| json!({"service_role": {"access": "read_only", "tables": names}});
    for (more, name, result, hint) in [
        (theirs(json!({})), "subnets", "pass", None),
        (theirs(json!({})), "network_type", "pass", None),
        (
            theirs(json!({"network_type": "dual_stack"})),
            "subnets",
            "fail",
            Some("dax_subnet_not_allowed"),
        ),
        (
            theirs(json!({"availability_zones": ["us-east-1b"]})),
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
        (
            theirs(json!({"security_group_ids": ["sg-0b1b2c3d"]})),
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
        (tables(&["Orders"]), "tables", "pass", None),
        (
            tables(&["Orders", "Custmers"]),
            "tables",
            "fail",
            Some("dynamodb_table_missing"),
        ),
    ] {
        let found = preflight(&door, &with(cluster_request("orders"), more.clone())).await;
        let check = check(&found, name);
        assert_eq!(check["result"], result, "{more}: {check:#}");
        assert_eq!(check["hints"][0]["id"].as_str(), hint, "{more}");
    }
    let missing = preflight(
        &door,
        &with(cluster_request("orders"), tables(&["Orders", "Custmers"])),
    )
    .await;
    let detail = check(&missing, "tables")["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        "no such table in account 123456789012 and us-east-1: Custmers"
    );
    assert_eq!(made_by_us(&world), Vec::<String>::new());
}

#[tokio::test]
async fn what_may_not_be_looked_at_is_not_checked() {
    let world = TestEnv::new().await;
    world.put_policies(&[world.policy_of_build(&[], false)]);
    for action in ["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"] {
        world
            .sandbox
            .add_fault(FaultRule::new(action, FaultKind::Deny).count(10));
    }
    let body = with(
        cluster_request("orders"),
        json!({"security_group_ids": ["sg-0b1b2c3d"], "subnet_group": {"vpc_id": VPC}}),
    );
    let found = preflight(&world.api(), &body).await;
    for (name, refused) in [
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
        let check = check(&found, name);
        assert_eq!(check["result"], "not_checked", "{check:#}");
        assert!(
            check["detail"].as_str().unwrap().ends_with(refused),
            "{check:#}"
        );
    }
}
