//! What exists before a scenario: unmanaged resources, a managed cluster, and an unmanaged one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sandbox::NewSecurityGroup;
use dax_provisioner::aws::Effect;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::{ClusterUpdate, NewCluster};
use dax_provisioner::domain::names::IAM_PATH;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::ClusterSpec;
use dax_provisioner::domain::validation::typed::{SubnetId, TagKey, TopicArn};
use futures_util::future::BoxFuture;

use crate::properties::scenario_actions;
use crate::support::requests::{spec_with_groups, unmanaged_cluster, unmanaged_role, window};
use crate::support::test_env::TestEnv;

pub const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:caches";
pub const SECURITY_GROUP: &str = "sg-0123456789abcdef0";

pub fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The tags of a spec.
pub fn tags<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<TagKey, String> {
    pairs
        .map(|(key, value)| (TagKey::parse(key).unwrap(), value.to_owned()))
        .into()
}

/// The administrator sends a call as soon as the cluster is in a state that accepts it.
pub async fn by_admin(env: &TestEnv, mutation: Mutation) -> Effect {
    for _ in 0..500 {
        match env.admin.send(&mutation, &env.account).await {
            Err(fault) if fault.class == FaultClass::WrongState => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            sent => return sent.unwrap(),
        }
    }
    panic!("{} stayed in the wrong state", mutation.target());
}

fn role(name: &str, path: &str) -> Mutation {
    let mut role = unmanaged_role(name, path);
    if let Mutation::CreateRole { tags, .. } = &mut role {
        *tags = texts([("team", "others")]);
    }
    role
}

fn cluster(name: &str, role_arn: &str, group: &str) -> Mutation {
    Mutation::CreateCluster(Box::new(NewCluster {
        description: Some("created by hand".to_owned()),
        subnet_group: "unmanaged".to_owned(),
        parameter_group: Some(group.to_owned()),
        maintenance_window: window("mon:01:00-mon:02:00"),
        tags: texts([("team", "others")]),
        ..unmanaged_cluster(name, role_arn)
    }))
}

/// Unmanaged resources, some of them with names like managed ones.
pub fn unmanaged_resources(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(create_unmanaged_resources(env))
}

async fn create_unmanaged_resources(env: &TestEnv) {
    let arn = by_admin(env, role("DAXServiceRole", "/service-role/"))
        .await
        .arn
        .unwrap();
    by_admin(env, role("dax-orders-aaaaaaaaaa", IAM_PATH)).await;
    let subnet_ids = env
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| SubnetId::from_aws(&subnet.id))
        .collect();
    let name = "unmanaged".to_owned();
    by_admin(
        env,
        Mutation::CreateSubnetGroup {
            name,
            description: "created by hand".to_owned(),
            subnet_ids,
        },
    )
    .await;
    for name in ["unmanaged", "existing"] {
        let (name, description) = (name.to_owned(), "created by hand".to_owned());
        by_admin(env, Mutation::CreateParameterGroup { name, description }).await;
    }
    by_admin(env, cluster("unmanaged", &arn, "unmanaged")).await;
    let vpc_id = env.sandbox.inventory().security_groups[0].vpc_id.clone();
    let group = NewSecurityGroup {
        vpc_id,
        name: "another".to_owned(),
    };
    env.sandbox
        .put_security_group(SECURITY_GROUP, &group)
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

/// A cluster that uses every setting.
pub fn rich_spec(env: &TestEnv) -> ClusterSpec {
    ClusterSpec {
        description: Some("first".to_owned()),
        replication_factor: 2,
        maintenance_window: window("sun:05:00-sun:06:00"),
        notification_topic_arn: Some(TopicArn::from_aws(TOPIC)),
        tags: tags([("team", "a"), ("stage", "dev")]),
        ..spec_with_groups(env, "orders")
    }
}

pub fn nothing(_: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async {})
}

/// The service may pass the unmanaged role.
pub fn granted(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move { env.grant(&[unmanaged_role_arn(env)], Vec::new()) })
}

/// The ARN of the unmanaged role.
pub fn unmanaged_role_arn(env: &TestEnv) -> String {
    let roles = env.sandbox.inventory().roles;
    roles
        .iter()
        .find(|role| role.name == "DAXServiceRole")
        .unwrap()
        .arn
        .clone()
}

/// The managed cluster `orders`, with a tag that the administrator added.
pub fn managed_cluster(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        let create = env.create(&rich_spec(env)).await;
        let done = env.finish(&env.worker("before"), create).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        let arn = env.account.cluster_arn("orders");
        by_admin(
            env,
            Mutation::TagCluster {
                arn,
                tags: texts([("unmanaged", "yes")]),
            },
        )
        .await;
        tokio::time::sleep(env.settings.timing.absence).await;
    })
}

/// The administrator changes everything that can be changed of the managed cluster.
pub fn drift(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        let cluster = env.store.cluster("orders").await.unwrap().unwrap();
        let group = cluster.observed.unwrap().parameter_group.unwrap();
        let update = |group: &str, text: &str| {
            Mutation::UpdateCluster(Box::new(ClusterUpdate {
                name: "orders".to_owned(),
                description: Some(text.to_owned()),
                parameter_group: Some(group.to_owned()),
                ..ClusterUpdate::default()
            }))
        };
        let (name, arn) = ("orders".to_owned(), env.account.cluster_arn("orders"));
        for mutation in [
            // The values of a group in use cannot be changed: the cluster first uses another one.
            update("existing", "drifting"),
            Mutation::UpdateParameterGroup {
                name: group.clone(),
                values: texts([("record-ttl-millis", "1")]),
            },
            update(&group, "drifted"),
            Mutation::IncreaseReplicationFactor {
                name,
                count: 3,
                availability_zones: Vec::new(),
            },
            Mutation::TagCluster {
                arn: arn.clone(),
                tags: texts([("stage", "prod")]),
            },
            Mutation::UntagCluster {
                arn,
                keys: BTreeSet::from(["team".to_owned()]),
            },
        ] {
            by_admin(env, mutation).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    })
}

/// The unmanaged cluster `legacy`.
pub fn legacy(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        by_admin(env, cluster("legacy", &unmanaged_role_arn(env), "existing")).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    })
}

/// The cluster `legacy`, adopted.
pub fn adopted(env: &TestEnv) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        legacy(env).await;
        let adopt = scenario_actions::adopt(env).await;
        let done = env.finish(&env.worker("before"), adopt).await;
        assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
        tokio::time::sleep(env.settings.timing.absence).await;
    })
}
