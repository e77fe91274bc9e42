//! Subnets of every network type.
//!
//! `python/model_walk.py` and `python/security_group_rules.py` cover the operations of EC2.

use aws_sandbox::NewSubnet;
use aws_sdk_dax::types::NetworkType;

use crate::test_env::{TestEnv, code};

async fn setup() -> TestEnv {
    let env = TestEnv::new().await;
    for (id, zone, types) in [
        ("subnet-0000000a", "us-east-1a", vec!["ipv4", "ipv6"]),
        ("subnet-0000000b", "us-east-1b", vec!["ipv4", "ipv6"]),
        ("subnet-0000000c", "us-east-1c", vec!["ipv6"]),
        ("subnet-0000000d", "us-east-1d", vec!["ipv4"]),
    ] {
        let subnet = NewSubnet {
            vpc_id: "vpc-0000000a".to_owned(),
            availability_zone: zone.to_owned(),
            network_types: types.into_iter().map(str::to_owned).collect(),
        };
        env.sandbox.put_subnet(id, &subnet).unwrap();
    }
    env
}

async fn group(env: &TestEnv, name: &str, letters: &str) -> Result<Vec<String>, String> {
    let ids = letters
        .chars()
        .map(|letter| format!("subnet-0000000{letter}"))
        .collect();
    let create = env
        .dax()
        .create_subnet_group()
        .subnet_group_name(name)
        .set_subnet_ids(Some(ids))
        .send();
    match create.await {
        Ok(answer) => {
            let types = answer
                .subnet_group()
                .unwrap()
                .supported_network_types()
                .to_vec();
            Ok(types.iter().map(|kind| kind.as_str().to_owned()).collect())
        }
        Err(error) => Err(error.into_service_error().meta().code().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn a_group_supports_the_network_types_that_all_its_subnets_support() {
    let env = setup().await;
    assert_eq!(group(&env, "dual", "ab").await.unwrap(), ["ipv4", "ipv6"]);
    assert_eq!(group(&env, "mixed", "ad").await.unwrap(), ["ipv4"]);
    assert_eq!(group(&env, "six", "c").await.unwrap(), ["ipv6"]);
    assert_eq!(
        group(&env, "wrong", "ac").await.unwrap_err(),
        "SubnetNotAllowedFault"
    );
    let ids = vec![
        "subnet-0000000a".to_owned(),
        "subnet-0a1b2c3d4e5f60001".to_owned(),
    ];
    let two_vpcs = env
        .dax()
        .create_subnet_group()
        .subnet_group_name("two")
        .set_subnet_ids(Some(ids))
        .send()
        .await;
    assert_eq!(code(two_vpcs), "InvalidSubnet");
}

#[tokio::test]
async fn a_cluster_gets_the_requested_network_type_if_its_group_supports_it() {
    let env = setup().await;
    let role = env.service_role("Service").await;
    for (name, letters) in [("dual", "ab"), ("four", "d"), ("six", "c")] {
        group(&env, name, letters).await.unwrap();
    }
    let create = |name: &str, group: &str, kind: Option<NetworkType>| {
        env.create(name, 1, &role)
            .subnet_group_name(group)
            .set_network_type(kind)
            .send()
    };
    for (name, group, requested, expected) in [
        ("a", "dual", None, "dual_stack"),
        ("b", "dual", Some(NetworkType::Ipv4), "ipv4"),
        ("c", "four", None, "ipv4"),
        ("d", "six", None, "ipv6"),
    ] {
        let created = create(name, group, requested).await.unwrap();
        assert_eq!(
            created.cluster().unwrap().network_type().unwrap().as_str(),
            expected,
            "{group}"
        );
    }
    for (group, requested) in [
        ("four", NetworkType::DualStack),
        ("dual", NetworkType::Ipv6),
        ("six", NetworkType::Ipv4),
    ] {
        assert_eq!(
            code(create("e", group, Some(requested)).await),
            "SubnetNotAllowedFault",
            "{group}"
        );
    }
    assert_eq!(
        code(create("e", "dual", Some("ipv5".into())).await),
        "InvalidParameterValueException"
    );
    let elsewhere = env
        .create("e", 1, &role)
        .subnet_group_name("four")
        .availability_zones("us-east-1a")
        .send();
    assert_eq!(code(elsewhere.await), "InvalidVPCNetworkStateFault");
    let foreign = env
        .create("e", 1, &role)
        .subnet_group_name("four")
        .security_group_ids("sg-0a1b2c3d4e5f60718");
    assert_eq!(
        code(foreign.send().await),
        "InvalidParameterCombinationException"
    );
}

#[tokio::test]
async fn a_subnet_with_nodes_cannot_leave_its_group() {
    let env = setup().await;
    let role = env.service_role("Service").await;
    group(&env, "net", "ab").await.unwrap();
    env.create("c1", 2, &role)
        .subnet_group_name("net")
        .send()
        .await
        .unwrap();
    let update = |ids: &[&str]| {
        let ids = ids.iter().map(|id| format!("subnet-0000000{id}")).collect();
        env.dax()
            .update_subnet_group()
            .subnet_group_name("net")
            .set_subnet_ids(Some(ids))
            .send()
    };
    assert_eq!(code(update(&["a"]).await), "SubnetInUse");
    assert_eq!(
        code(update(&["a", "b", "d"]).await),
        "SubnetNotAllowedFault"
    );
    update(&["b", "a"]).await.unwrap();
}
