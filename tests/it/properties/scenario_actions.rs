//! How the operation of each scenario is accepted.

use dax_provisioner::domain::change::{ChangeSpec, Placement, RebootSpec, settings_of};
use dax_provisioner::domain::iam::policies::{Access, Tables};
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, Spec, SubnetGroup};
use dax_provisioner::domain::validation::typed::{AvailabilityZone, RoleArn, SecurityGroupId};
use dax_provisioner::store::Change;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::properties::scenario_setup::{
    SECURITY_GROUP, rich_spec, tags, texts, unmanaged_role_arn,
};
use crate::support::requests::{new_operation, plain_spec, window};
use crate::support::test_env::TestEnv;

/// Accepts a change of a managed cluster.
pub async fn accept(env: &TestEnv, cluster: &str, spec: Spec) -> Uuid {
    let row = env.store.cluster(cluster).await.unwrap().unwrap();
    let new = new_operation(spec.kind());
    let change = Change {
        cluster: cluster.to_owned(),
        since: row.operation_id,
        spec,
    };
    let accepted = env.store.accept_change(&new, &change, None).await.unwrap();
    assert_eq!(accepted.created(), Some(new.id), "{accepted:?}");
    new.id
}

/// Accepts a change of the settings.
pub async fn change(
    env: &TestEnv,
    cluster: &str,
    kind: Kind,
    alter: impl FnOnce(&mut ChangeSpec),
) -> Uuid {
    let desired = env.store.cluster(cluster).await.unwrap().unwrap().desired;
    let mut change = ChangeSpec {
        before: desired.clone(),
        after: desired,
        reboot_nodes_if_needed: false,
        placement: Placement::default(),
        project: None,
    };
    alter(&mut change);
    let change = Box::new(change);
    let spec = match kind {
        Kind::UpdateCluster => Spec::UpdateCluster(change),
        Kind::ScaleCluster => Spec::ScaleCluster(change),
        Kind::RepairCluster => Spec::RepairCluster(change),
        other => panic!("{} is not a change of settings", other.as_str()),
    };
    accept(env, cluster, spec).await
}

pub fn create(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(async move { env.create(&rich_spec(env)).await })
}

/// A cluster with an existing role and existing groups.
pub fn create_with_existing(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(async move {
        let spec = ClusterSpec {
            service_role: ServiceRole::Existing {
                arn: RoleArn::from_aws(unmanaged_role_arn(env)),
            },
            subnet_group: SubnetGroup::Existing {
                name: "unmanaged".to_owned(),
            },
            parameter_group: ParameterGroup::Existing {
                name: "existing".to_owned(),
            },
            // Without one the sandbox draws a random window, which differs between runs.
            maintenance_window: window("mon:01:00-mon:02:00"),
            ..plain_spec("orders")
        };
        env.create(&spec).await
    })
}

pub fn delete(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(env.delete("orders"))
}

pub fn delete_legacy(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(env.delete("legacy"))
}

pub fn settings(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::UpdateCluster, |change| {
        change.after.description = Some("second".to_owned());
        change.after.maintenance_window = window("tue:03:00-tue:04:00");
        change.after.notification_topic_arn = None;
        change.after.security_group_ids = vec![SecurityGroupId::parse(SECURITY_GROUP).unwrap()];
        change.after.tags = tags([("team", "b"), ("new", "1")]);
    }))
}

/// Other values in a managed group, and the reboots that apply them.
pub fn values(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::New {
            values: texts([("query-ttl-millis", "7000")]),
        };
        change.reboot_nodes_if_needed = true;
    }))
}

pub fn to_default(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::Default;
    }))
}

pub fn to_existing_group(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::Existing {
            name: "existing".to_owned(),
        };
    }))
}

pub fn from_existing_group(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "legacy", Kind::UpdateCluster, |change| {
        change.after.parameter_group = ParameterGroup::New {
            values: texts([("query-ttl-millis", "7000")]),
        };
    }))
}

/// Many tables with long names, which need more than one policy.
pub fn tables(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::UpdateCluster, |change| {
        let names = (0..60)
            .map(|number| format!("{}{number}", "Table".repeat(20)))
            .collect();
        change.after.service_role = ServiceRole::New {
            access: Access::ReadOnly,
            tables: Tables::Named(names),
        };
    }))
}

pub fn scale_up(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::ScaleCluster, |change| {
        change.after.replication_factor = 3;
        change.placement.availability_zones = vec![AvailabilityZone::from_aws("us-east-1b")];
    }))
}

pub fn scale_down(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::ScaleCluster, |change| {
        change.after.replication_factor = 1;
        change.placement.node_ids_to_remove = vec!["orders-a".to_owned()];
    }))
}

pub fn reboot_all(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(accept(
        env,
        "orders",
        Spec::RebootNodes(RebootSpec::default()),
    ))
}

pub fn reboot_named(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    let node_ids = vec!["orders-b".to_owned()];
    Box::pin(accept(
        env,
        "orders",
        Spec::RebootNodes(RebootSpec { node_ids }),
    ))
}

pub fn repair(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(change(env, "orders", Kind::RepairCluster, |_| {}))
}

pub fn adopt(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(async move {
        let observed = env.admin.cluster("legacy").await.unwrap().unwrap();
        let tags = env
            .admin
            .cluster_tags(observed.arn.as_ref().unwrap())
            .await
            .unwrap()
            .unwrap();
        let new = new_operation(Kind::AdoptCluster);
        let spec = settings_of(&plain_spec("legacy"), &observed, &tags);
        let accepted = env.store.accept_adopt(&new, &spec, None).await.unwrap();
        assert_eq!(accepted.created(), Some(new.id), "{accepted:?}");
        new.id
    })
}

/// Releases the only managed cluster.
pub fn release(env: &TestEnv) -> BoxFuture<'_, Uuid> {
    Box::pin(async move {
        let name = env.store.managed_names().await.unwrap().pop().unwrap();
        accept(env, &name, Spec::ReleaseCluster).await
    })
}
