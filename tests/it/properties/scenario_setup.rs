//! What is there before a scenario begins: things of others, a cluster of ours, an older one that somebody else made.

use std::collections::{BTreeMap, BTreeSet};

use aws_sandbox::NewSecurityGroup;
use dax_provisioner::aws::Effect;
use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::{ClusterUpdate, NewCluster};
use dax_provisioner::domain::names::IAM_PATH;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::ClusterSpec;

use crate::properties::scenario_actions;
use crate::properties::scenarios::Doing;
use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

pub const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:caches";
pub const SECURITY_GROUP: &str = "sg-0123456789abcdef0";

/// Text by text.
pub fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The administrator sends a call, when the cluster is at rest.
pub async fn by_admin(world: &TestEnv, mutation: Mutation) -> Effect {
    for _ in 0..500 {
        match world.admin.send(&mutation, &world.place).await {
            Err(fault) if fault.class == FaultClass::WrongState => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            sent => return sent.unwrap(),
        }
    }
    panic!("{} stayed in the wrong state", mutation.target());
}

fn role(name: &str, path: &str) -> Mutation {
    Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: "made by hand".to_owned(),
        tags: texts([("team", "others")]),
    }
}

fn cluster(name: &str, role_arn: &str, group: &str) -> Mutation {
    Mutation::CreateCluster(Box::new(NewCluster {
        name: name.to_owned(),
        description: Some("made by hand".to_owned()),
        node_type: "dax.r5.large".to_owned(),
        replication_factor: 2,
        availability_zones: Vec::new(),
        iam_role_arn: role_arn.to_owned(),
        subnet_group: "theirs".to_owned(),
        security_group_ids: Vec::new(),
        network_type: None,
        parameter_group: Some(group.to_owned()),
        encryption_at_rest: true,
        encryption_in_transit: false,
        maintenance_window: Some("mon:01:00-mon:02:00".to_owned()),
        notification_topic_arn: None,
        tags: texts([("team", "others")]),
    }))
}

/// Things of others, some with names like ours.
pub async fn others(world: &TestEnv) {
    let arn = by_admin(world, role("DAXServiceRole", "/service-role/"))
        .await
        .arn
        .unwrap();
    by_admin(world, role("dax-orders-aaaaaaaaaa", IAM_PATH)).await;
    let subnet_ids = world
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| subnet.id.clone())
        .collect();
    let name = "theirs".to_owned();
    by_admin(
        world,
        Mutation::CreateSubnetGroup {
            name,
            description: "made by hand".to_owned(),
            subnet_ids,
        },
    )
    .await;
    for name in ["theirs", "given"] {
        let (name, description) = (name.to_owned(), "made by hand".to_owned());
        by_admin(world, Mutation::CreateParameterGroup { name, description }).await;
    }
    by_admin(world, cluster("theirs", &arn, "theirs")).await;
    let vpc_id = world.sandbox.inventory().security_groups[0].vpc_id.clone();
    let group = NewSecurityGroup {
        vpc_id,
        name: "another".to_owned(),
    };
    world
        .sandbox
        .put_security_group(SECURITY_GROUP, &group)
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

/// A cluster that uses every setting.
pub fn rich_spec(world: &TestEnv) -> ClusterSpec {
    ClusterSpec {
        description: Some("first".to_owned()),
        replication_factor: 2,
        maintenance_window: Some("sun:05:00-sun:06:00".to_owned()),
        notification_topic_arn: Some(TOPIC.to_owned()),
        tags: texts([("team", "a"), ("stage", "dev")]),
        ..spec_with_groups(world, "orders")
    }
}

pub fn nothing(_: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async {})
}

/// The service may use the role that somebody else has made.
pub fn granted(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move { world.grant(&[their_role(world)], Vec::new()) })
}

/// The role that somebody else has made.
pub fn their_role(world: &TestEnv) -> String {
    let roles = world.sandbox.inventory().roles;
    roles
        .iter()
        .find(|role| role.name == "DAXServiceRole")
        .unwrap()
        .arn
        .clone()
}

/// A cluster of ours, on which somebody else has put a tag.
pub fn created(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move {
        let create = world.create(&rich_spec(world)).await;
        let done = world.finish(&world.worker("before"), create).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        let arn = world.place.cluster_arn("orders");
        by_admin(
            world,
            Mutation::TagCluster {
                arn,
                tags: texts([("theirs", "yes")]),
            },
        )
        .await;
        tokio::time::sleep(world.settings.timing.absence).await;
    })
}

/// Somebody changes everything that can be changed of a cluster of ours with two nodes.
pub fn drift(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move {
        let own = world
            .store
            .cluster("orders")
            .await
            .unwrap()
            .unwrap()
            .observed
            .unwrap()
            .parameter_group
            .unwrap();
        let update = |group: &str, text: &str| {
            Mutation::UpdateCluster(Box::new(ClusterUpdate {
                name: "orders".to_owned(),
                description: Some(text.to_owned()),
                parameter_group: Some(group.to_owned()),
                ..ClusterUpdate::default()
            }))
        };
        // The values of a group in use cannot be changed, so it is out of use for a moment.
        by_admin(world, update("given", "drifting")).await;
        let values = texts([("record-ttl-millis", "1")]);
        by_admin(
            world,
            Mutation::UpdateParameterGroup {
                name: own.clone(),
                values,
            },
        )
        .await;
        by_admin(world, update(&own, "drifted")).await;
        let name = "orders".to_owned();
        by_admin(
            world,
            Mutation::IncreaseReplicationFactor {
                name,
                count: 3,
                availability_zones: Vec::new(),
            },
        )
        .await;
        let arn = world.place.cluster_arn("orders");
        by_admin(
            world,
            Mutation::TagCluster {
                arn: arn.clone(),
                tags: texts([("stage", "prod")]),
            },
        )
        .await;
        by_admin(
            world,
            Mutation::UntagCluster {
                arn,
                keys: BTreeSet::from(["team".to_owned()]),
            },
        )
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    })
}

/// A cluster that somebody else has made.
pub fn legacy(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move {
        by_admin(world, cluster("legacy", &their_role(world), "given")).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    })
}

/// The same, adopted.
pub fn adopted(world: &TestEnv) -> Doing<'_, ()> {
    Box::pin(async move {
        legacy(world).await;
        let adopt = scenario_actions::adopt(world).await;
        let done = world.finish(&world.worker("before"), adopt).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        tokio::time::sleep(world.settings.timing.absence).await;
    })
}
