//! How the operation of each scenario is accepted, as the HTTP door would have it.

use dax_provisioner::domain::change::{ChangeSpec, Placement, RebootSpec, settings_of};
use dax_provisioner::domain::iam::policies::{Access, Tables};
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, Spec, SubnetGroup};
use dax_provisioner::store::{Accepted, Change};
use uuid::Uuid;

use crate::properties::scenario_setup::{SECURITY_GROUP, rich_spec, texts, their_role};
use crate::properties::scenarios::Doing;
use crate::support::requests::{new_operation, plain_spec};
use crate::support::test_env::TestEnv;

/// Has a change of a managed cluster accepted.
pub async fn accept(world: &TestEnv, cluster: &str, spec: Spec) -> Uuid {
    let found = world.store.cluster(cluster).await.unwrap().unwrap();
    let new = new_operation(spec.kind());
    let change = Change {
        cluster: cluster.to_owned(),
        since: found.operation_id,
        spec,
    };
    assert_eq!(
        world.store.accept_change(&new, &change).await.unwrap(),
        Accepted::Created(new.id)
    );
    new.id
}

/// Has new settings accepted.
pub async fn change(
    world: &TestEnv,
    cluster: &str,
    kind: Kind,
    alter: impl FnOnce(&mut ChangeSpec),
) -> Uuid {
    let desired = world.store.cluster(cluster).await.unwrap().unwrap().desired;
    let mut change = ChangeSpec {
        before: desired.clone(),
        after: desired,
        reboot_nodes_if_needed: false,
        placement: Placement::default(),
    };
    alter(&mut change);
    let change = Box::new(change);
    let spec = match kind {
        Kind::UpdateCluster => Spec::UpdateCluster(change),
        Kind::ScaleCluster => Spec::ScaleCluster(change),
        Kind::RepairCluster => Spec::RepairCluster(change),
        other => panic!("{} is no change of settings", other.as_str()),
    };
    accept(world, cluster, spec).await
}

pub fn create(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(async move { world.create(&rich_spec(world)).await })
}

/// A cluster of what is there: role and groups of others.
pub fn create_of_given(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(async move {
        let spec = ClusterSpec {
            service_role: ServiceRole::Existing {
                arn: their_role(world),
            },
            subnet_group: SubnetGroup::Existing {
                name: "theirs".to_owned(),
            },
            parameter_group: ParameterGroup::Existing {
                name: "given".to_owned(),
            },
            // The sandbox draws one otherwise, and no two runs would be alike.
            maintenance_window: Some("mon:01:00-mon:02:00".to_owned()),
            ..plain_spec("orders")
        };
        world.create(&spec).await
    })
}

pub fn delete(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(world.delete("orders"))
}

pub fn delete_legacy(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(world.delete("legacy"))
}

pub fn settings(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::UpdateCluster, |change| {
        change.after.description = Some("second".to_owned());
        change.after.maintenance_window = Some("tue:03:00-tue:04:00".to_owned());
        change.after.notification_topic_arn = None;
        change.after.security_group_ids = vec![SECURITY_GROUP.to_owned()];
        change.after.tags = texts([("team", "b"), ("new", "1")]);
    }))
}

/// Other values in a group of ours, and the reboots that make them hold.
pub fn values(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::New {
            values: texts([("query-ttl-millis", "7000")]),
        };
        change.reboot_nodes_if_needed = true;
    }))
}

pub fn to_default(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::Default;
    }))
}

pub fn to_given(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::Existing {
            name: "given".to_owned(),
        };
    }))
}

pub fn from_given(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "legacy", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::New {
            values: texts([("query-ttl-millis", "7000")]),
        };
    }))
}

/// Many tables with long names: more than one policy.
pub fn tables(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::UpdateCluster, |change| {
        let names = (0..60)
            .map(|number| format!("{}{number}", "Table".repeat(20)))
            .collect();
        change.after.service_role = ServiceRole::New {
            access: Access::ReadOnly,
            tables: Tables::Named(names),
        };
    }))
}

pub fn scale_up(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::ScaleCluster, |change| {
        change.after.replication_factor = 3;
        change.placement.availability_zones = vec!["us-east-1b".to_owned()];
    }))
}

pub fn scale_down(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::ScaleCluster, |change| {
        change.after.replication_factor = 1;
        change.placement.node_ids_to_remove = vec!["orders-a".to_owned()];
    }))
}

pub fn reboot_all(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(accept(
        world,
        "orders",
        Spec::RebootNodes(RebootSpec::default()),
    ))
}

pub fn reboot_named(world: &TestEnv) -> Doing<'_, Uuid> {
    let node_ids = vec!["orders-b".to_owned()];
    Box::pin(accept(
        world,
        "orders",
        Spec::RebootNodes(RebootSpec { node_ids }),
    ))
}

pub fn repair(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(change(world, "orders", Kind::RepairCluster, |_| {}))
}

pub fn adopt(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(async move {
        let seen = world.admin.cluster("legacy").await.unwrap().unwrap();
        let tags = world
            .admin
            .cluster_tags(seen.arn.as_ref().unwrap())
            .await
            .unwrap()
            .unwrap();
        let new = new_operation(Kind::AdoptCluster);
        let spec = settings_of(&plain_spec("legacy"), &seen, &tags);
        assert_eq!(
            world.store.accept_adopt(&new, &spec).await.unwrap(),
            Accepted::Created(new.id)
        );
        new.id
    })
}

/// Releases whichever cluster is managed.
pub fn release(world: &TestEnv) -> Doing<'_, Uuid> {
    Box::pin(async move {
        let name = world.store.managed_names().await.unwrap().pop().unwrap();
        accept(world, &name, Spec::ReleaseCluster).await
    })
}
