//! What holds in AWS when the operation of a scenario has succeeded.

use std::collections::BTreeSet;

use dax_provisioner::domain::inventory::{Owner, Presence, ResourceKind};
use dax_provisioner::domain::names::managed_name;
use dax_provisioner::domain::observed::Observed;
use dax_provisioner::domain::operation::{ClusterStatus, Operation};
use dax_provisioner::domain::spec::ParameterGroup;
use futures_util::future::BoxFuture;

use crate::properties::aws_snapshot::snapshot;
use crate::properties::scenario_setup::{SECURITY_GROUP, TOPIC, texts};
use crate::properties::scenarios::Origin;
use crate::support::test_env::TestEnv;

async fn observed(env: &TestEnv, name: &str) -> Observed {
    env.admin.cluster(name).await.unwrap().unwrap()
}

async fn tags(env: &TestEnv, name: &str) -> std::collections::BTreeMap<String, String> {
    env.admin
        .cluster_tags(&env.account.cluster_arn(name))
        .await
        .unwrap()
        .unwrap()
}

pub fn created<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let observed = observed(env, "orders").await;
        assert_eq!(
            (observed.description.as_deref(), observed.node_count()),
            (Some("first"), 2)
        );
        assert_eq!(observed.notification_topic_arn.as_deref(), Some(TOPIC));
        let cluster = env.store.cluster("orders").await.unwrap().unwrap();
        assert_eq!(cluster.status, ClusterStatus::Available);
    })
}

/// The existing resources are used, and only the cluster was created.
pub fn uses_existing<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let created: Vec<_> = operation
            .receipt
            .iter()
            .filter(|item| item.owner == Owner::Managed)
            .collect();
        assert_eq!(
            created.iter().map(|item| item.kind).collect::<Vec<_>>(),
            [ResourceKind::Cluster]
        );
        let observed = observed(env, "orders").await;
        assert_eq!(
            (
                observed.subnet_group.as_deref(),
                observed.parameter_group.as_deref()
            ),
            (Some("unmanaged"), Some("existing"))
        );
    })
}

pub fn nothing_left<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let account = Origin::UsedAccount.account().await;
        assert_eq!(snapshot(env, &[operation.id]).await, account.snapshot);
        assert!(
            env.store
                .cluster(operation.cluster.as_str())
                .await
                .unwrap()
                .is_none()
        );
    })
}

pub fn settings<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let observed = observed(env, "orders").await;
        assert_eq!(observed.description.as_deref(), Some("second"));
        assert_eq!(
            observed.maintenance_window.as_deref(),
            Some("tue:03:00-tue:04:00")
        );
        assert_eq!(observed.notification_topic_arn, None);
        assert_eq!(
            observed.security_group_ids,
            BTreeSet::from([SECURITY_GROUP.to_owned()])
        );
        let tags = tags(env, "orders").await;
        for (key, value) in texts([("team", "b"), ("new", "1"), ("unmanaged", "yes")]) {
            assert_eq!(tags.get(&key), Some(&value), "{tags:?}");
        }
        assert!(!tags.contains_key("stage"), "{tags:?}");
    })
}

async fn has_managed_group(env: &TestEnv, operation: &Operation, name: &str) {
    let group = observed(env, name).await.parameter_group.unwrap();
    assert_eq!(group, managed_name(&operation.cluster, operation.id));
    let values = env.admin.parameters(&group).await.unwrap().unwrap();
    let desired = env.store.cluster(name).await.unwrap().unwrap().desired;
    let ParameterGroup::New { values: desired } = desired.parameter_group else {
        panic!("no managed group is desired")
    };
    assert!(
        desired
            .iter()
            .all(|(key, value)| values.get(key) == Some(value)),
        "{values:?}"
    );
    let groups = env.sandbox.inventory().parameter_groups;
    let managed = groups
        .iter()
        .filter(|group| group.name.starts_with("dax-"))
        .count();
    assert_eq!(managed, 1, "the old group is gone: {groups:?}");
}

pub fn values<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        has_managed_group(env, operation, "orders").await;
        assert_eq!(
            observed(env, "orders").await.node_ids_to_reboot,
            Vec::<String>::new()
        );
        assert_eq!(env.sent("dax:RebootNode"), 2);
    })
}

pub fn has_new_group<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(has_managed_group(env, operation, "legacy"))
}

async fn has_group(env: &TestEnv, name: &str) {
    assert_eq!(
        observed(env, "orders").await.parameter_group.as_deref(),
        Some(name)
    );
    let groups = env.sandbox.inventory().parameter_groups;
    assert!(
        !groups.iter().any(|group| group.name.starts_with("dax-")),
        "the old group is gone: {groups:?}"
    );
}

pub fn has_default_group<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(has_group(env, "default.dax1.0"))
}

pub fn has_existing_group<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(has_group(env, "existing"))
}

pub fn tables<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let inventory = env.sandbox.inventory();
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

async fn nodes(env: &TestEnv) -> Vec<String> {
    observed(env, "orders")
        .await
        .nodes
        .into_iter()
        .filter_map(|node| node.node_id)
        .collect()
}

pub fn three_nodes<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(nodes(env).await, ["orders-a", "orders-b", "orders-c"]) })
}

pub fn one_node<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(nodes(env).await, ["orders-b"]) })
}

pub fn rebooted_all<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(env.sent("dax:RebootNode"), 2) })
}

pub fn rebooted_one<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move { assert_eq!(env.sent("dax:RebootNode"), 1) })
}

pub fn repaired<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        has_managed_group(env, operation, "orders").await;
        assert_eq!(
            observed(env, "orders").await.description.as_deref(),
            Some("first")
        );
        assert_eq!(nodes(env).await.len(), 2);
        let tags = tags(env, "orders").await;
        for (key, value) in texts([("team", "a"), ("stage", "dev"), ("unmanaged", "yes")]) {
            assert_eq!(tags.get(&key), Some(&value), "{tags:?}");
        }
    })
}

pub fn adopted<'a>(env: &'a TestEnv, _: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let cluster = env.store.cluster("legacy").await.unwrap().unwrap();
        assert_eq!(cluster.status, ClusterStatus::Available);
        let owner = |kind| cluster.resource(kind).unwrap().owner;
        assert_eq!(owner(ResourceKind::Cluster), Owner::Managed);
        for kind in [
            ResourceKind::Role,
            ResourceKind::SubnetGroup,
            ResourceKind::ParameterGroup,
        ] {
            assert_eq!(owner(kind), Owner::External, "{kind:?}");
        }
        assert_eq!(
            cluster.desired.description.as_deref(),
            Some("created by hand")
        );
        assert_eq!(
            tags(env, "legacy").await.get("team").map(String::as_str),
            Some("others")
        );
    })
}

pub fn released<'a>(env: &'a TestEnv, operation: &'a Operation) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        assert!(
            env.store
                .cluster(operation.cluster.as_str())
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            env.admin
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
