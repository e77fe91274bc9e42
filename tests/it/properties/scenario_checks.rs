//! What must hold when the operation of a scenario has succeeded, as AWS shows it.

use std::collections::BTreeSet;

use dax_provisioner::domain::inventory::{Owner, Presence, ResourceKind};
use dax_provisioner::domain::names::managed_name;
use dax_provisioner::domain::observed::Observed;
use dax_provisioner::domain::operation::{ClusterStatus, Operation};
use dax_provisioner::domain::spec::ParameterGroup;

use crate::properties::scenario_run::picture;
use crate::properties::scenario_setup::{SECURITY_GROUP, TOPIC, texts};
use crate::properties::scenarios::{Doing, base};
use crate::support::test_env::TestEnv;

async fn seen(world: &TestEnv, name: &str) -> Observed {
    world.admin.cluster(name).await.unwrap().unwrap()
}

async fn tags(world: &TestEnv, name: &str) -> std::collections::BTreeMap<String, String> {
    world
        .admin
        .cluster_tags(&world.place.cluster_arn(name))
        .await
        .unwrap()
        .unwrap()
}

pub fn created<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        let seen = seen(world, "orders").await;
        assert_eq!(
            (seen.description.as_deref(), seen.node_count()),
            (Some("first"), 2)
        );
        assert_eq!(seen.notification_topic_arn.as_deref(), Some(TOPIC));
        let cluster = world.store.cluster("orders").await.unwrap().unwrap();
        assert_eq!(cluster.status, ClusterStatus::Available);
    })
}

/// What was given is used, and nothing but the cluster was made.
pub fn used<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        let made: Vec<_> = operation
            .receipt
            .iter()
            .filter(|item| item.owner == Owner::Managed)
            .collect();
        assert_eq!(
            made.iter().map(|item| item.kind).collect::<Vec<_>>(),
            [ResourceKind::Cluster]
        );
        let seen = seen(world, "orders").await;
        assert_eq!(
            (
                seen.subnet_group.as_deref(),
                seen.parameter_group.as_deref()
            ),
            (Some("theirs"), Some("given"))
        );
    })
}

pub fn nothing_left<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        assert_eq!(picture(world, &[operation.id]).await, base().await.picture);
        assert!(
            world
                .store
                .cluster(operation.cluster.as_str())
                .await
                .unwrap()
                .is_none()
        );
    })
}

pub fn settings<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        let seen = seen(world, "orders").await;
        assert_eq!(seen.description.as_deref(), Some("second"));
        assert_eq!(
            seen.maintenance_window.as_deref(),
            Some("tue:03:00-tue:04:00")
        );
        assert_eq!(seen.notification_topic_arn, None);
        assert_eq!(
            seen.security_group_ids,
            BTreeSet::from([SECURITY_GROUP.to_owned()])
        );
        let tags = tags(world, "orders").await;
        for (key, value) in texts([("team", "b"), ("new", "1"), ("theirs", "yes")]) {
            assert_eq!(tags.get(&key), Some(&value), "{tags:?}");
        }
        assert!(!tags.contains_key("stage"), "{tags:?}");
    })
}

async fn is_own_group(world: &TestEnv, operation: &Operation, name: &str) {
    let group = seen(world, name).await.parameter_group.unwrap();
    assert_eq!(group, managed_name(&operation.cluster, operation.id));
    let values = world.admin.parameters(&group).await.unwrap().unwrap();
    let desired = world.store.cluster(name).await.unwrap().unwrap().desired;
    let ParameterGroup::New { values: wanted } = desired.parameter_group else {
        panic!("no group of ours is desired")
    };
    assert!(
        wanted
            .iter()
            .all(|(key, value)| values.get(key) == Some(value)),
        "{values:?}"
    );
    let groups = world.sandbox.inventory().parameter_groups;
    let managed = groups
        .iter()
        .filter(|group| group.name.starts_with("dax-"))
        .count();
    assert_eq!(managed, 1, "the old group is gone: {groups:?}");
}

pub fn values<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        is_own_group(world, operation, "orders").await;
        assert_eq!(
            seen(world, "orders").await.node_ids_to_reboot,
            Vec::<String>::new()
        );
        assert_eq!(world.sent("dax:RebootNode"), 2);
    })
}

pub fn made<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(is_own_group(world, operation, "legacy"))
}

async fn has_group(world: &TestEnv, name: &str) {
    assert_eq!(
        seen(world, "orders").await.parameter_group.as_deref(),
        Some(name)
    );
    let groups = world.sandbox.inventory().parameter_groups;
    assert!(
        !groups.iter().any(|group| group.name.starts_with("dax-")),
        "the old group is gone: {groups:?}"
    );
}

pub fn defaults<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(has_group(world, "default.dax1.0"))
}

pub fn given<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(has_group(world, "given"))
}

pub fn tables<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        let inventory = world.sandbox.inventory();
        let suffix = dax_provisioner::domain::names::operation_suffix(operation.id);
        let role = inventory.roles.iter().find(|role| {
            inventory
                .clusters
                .iter()
                .any(|c| c.name == "orders" && c.role_arn == role.arn)
        });
        let attached = &role.unwrap().attached_policies;
        assert!(attached.len() > 1, "{attached:?}");
        assert!(
            attached.iter().all(|arn| arn.contains(&suffix)),
            "{attached:?}"
        );
        let policies = inventory
            .policies
            .iter()
            .filter(|policy| policy.name.starts_with("dax-orders-"));
        assert_eq!(policies.count(), attached.len(), "the old policy is gone");
    })
}

async fn nodes(world: &TestEnv) -> Vec<String> {
    seen(world, "orders")
        .await
        .nodes
        .into_iter()
        .filter_map(|node| node.node_id)
        .collect()
}

pub fn three_nodes<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert_eq!(nodes(world).await, ["orders-a", "orders-b", "orders-c"]) })
}

pub fn one_node<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert_eq!(nodes(world).await, ["orders-b"]) })
}

pub fn rebooted_all<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert_eq!(world.sent("dax:RebootNode"), 2) })
}

pub fn rebooted_one<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move { assert_eq!(world.sent("dax:RebootNode"), 1) })
}

pub fn repaired<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        is_own_group(world, operation, "orders").await;
        assert_eq!(
            seen(world, "orders").await.description.as_deref(),
            Some("first")
        );
        assert_eq!(nodes(world).await.len(), 2);
        let tags = tags(world, "orders").await;
        for (key, value) in texts([("team", "a"), ("stage", "dev"), ("theirs", "yes")]) {
            assert_eq!(tags.get(&key), Some(&value), "{tags:?}");
        }
    })
}

pub fn adopted<'a>(world: &'a TestEnv, _: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        let cluster = world.store.cluster("legacy").await.unwrap().unwrap();
        assert_eq!(cluster.status, ClusterStatus::Available);
        let owner = |kind| cluster.part(kind).unwrap().owner;
        assert_eq!(owner(ResourceKind::Cluster), Owner::Managed);
        for kind in [
            ResourceKind::Role,
            ResourceKind::SubnetGroup,
            ResourceKind::ParameterGroup,
        ] {
            assert_eq!(owner(kind), Owner::External, "{kind:?}");
        }
        assert_eq!(cluster.desired.description.as_deref(), Some("made by hand"));
        assert_eq!(
            tags(world, "legacy").await.get("team").map(String::as_str),
            Some("others")
        );
    })
}

pub fn released<'a>(world: &'a TestEnv, operation: &'a Operation) -> Doing<'a, ()> {
    Box::pin(async move {
        assert!(
            world
                .store
                .cluster(operation.cluster.as_str())
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            world
                .admin
                .cluster(operation.cluster.as_str())
                .await
                .unwrap()
                .is_some(),
            "AWS keeps it"
        );
        assert!(
            operation
                .receipt
                .iter()
                .all(|item| item.presence == Presence::Left),
            "{:#?}",
            operation.receipt
        );
    })
}
