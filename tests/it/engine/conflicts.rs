//! Conflicts: an unmanaged resource with a managed name is never adopted, changed or deleted.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::inventory::{Presence, ResourceKind};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::{IAM_PATH, managed_name};
use dax_provisioner::domain::operation::{ClusterStatus, Status};
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::{ClusterSpec, OnFailure, ServiceRole, SubnetGroup};
use dax_provisioner::domain::validation::typed::RoleArn;

use crate::support::requests::{plain_spec, spec_with_groups, unmanaged_cluster, unmanaged_role};
use crate::support::test_env::TestEnv;

#[tokio::test]
async fn an_unmanaged_role_with_a_managed_name_is_a_conflict_and_stays() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&plain_spec("orders")).await;
    let name = managed_name(&plain_spec("orders").name, create);
    // It even has the managed path, but no ownership tags.
    env.admin
        .send(&unmanaged_role(&name, IAM_PATH), &env.account)
        .await
        .unwrap();
    let ended = env.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    let fault = ended.fault.unwrap();
    assert_eq!(fault.class, FaultClass::Conflict);
    assert!(
        fault
            .differences
            .iter()
            .any(|one| one.field.starts_with("tag ")),
        "{:?}",
        fault.differences
    );
    assert_eq!(
        env.created_in_aws().len(),
        1,
        "only the unmanaged role stays"
    );
    assert_eq!(
        env.store.cluster("orders").await.unwrap().unwrap().status,
        ClusterStatus::Failed
    );

    // The name of a failed cluster is free again.
    let again = env.create(&plain_spec("orders")).await;
    assert_eq!(env.settle(&worker, again).await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_unmanaged_group_with_a_managed_name_is_a_conflict_and_stays() {
    for kind in [ResourceKind::ParameterGroup, ResourceKind::SubnetGroup] {
        let env = TestEnv::new().await;
        let worker = env.worker("w");
        let spec = spec_with_groups(&env, "orders");
        let create = env.create(&spec).await;
        let name = managed_name(&spec.name, create);
        let description = "created by hand".to_owned();
        let group = match (kind, &spec.subnet_group) {
            (ResourceKind::SubnetGroup, SubnetGroup::New { subnet_ids }) => {
                Mutation::CreateSubnetGroup {
                    name: name.clone(),
                    description,
                    subnet_ids: subnet_ids.clone(),
                }
            }
            _ => Mutation::CreateParameterGroup {
                name: name.clone(),
                description,
            },
        };
        env.admin.send(&group, &env.account).await.unwrap();
        let before = env.created_in_aws();
        let ended = env.settle(&worker, create).await;
        assert_eq!(ended.status, Status::Failed, "{kind:?}");
        assert_eq!(ended.fault.unwrap().class, FaultClass::Conflict);
        assert_eq!(env.created_in_aws(), before, "only the group stays");
    }
}

#[tokio::test]
async fn an_unmanaged_cluster_with_that_name_is_reported_with_its_differences_and_stays() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let role = unmanaged_role("DAXServiceRole", "/service-role/");
    let created = env.admin.send(&role, &env.account).await.unwrap();
    let unmanaged = unmanaged_cluster("orders", &created.arn.unwrap());
    env.admin
        .send(&Mutation::CreateCluster(Box::new(unmanaged)), &env.account)
        .await
        .unwrap();
    let before = env.created_in_aws();
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let ended = env.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    let fault = ended.fault.unwrap();
    assert_eq!(fault.problem_code().as_str(), "cluster_exists_in_aws");
    let fields: Vec<&str> = fault
        .differences
        .iter()
        .map(|one| one.field.as_str())
        .collect();
    for field in [
        "node_type",
        "replication_factor",
        "service_role",
        "subnet_group",
    ] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert_eq!(
        env.created_in_aws(),
        before,
        "only the unmanaged cluster stays"
    );
    assert_eq!(env.sent("dax:DeleteCluster"), 0);
}

#[tokio::test]
async fn an_existing_role_is_discovered_as_in_the_console_and_never_deleted() {
    let discovering = ClusterSpec {
        service_role: ServiceRole::Discover {
            default_access: None,
        },
        ..plain_spec("orders")
    };
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let none = env.create(&discovering).await;
    let ended = env.settle(&worker, none).await;
    assert_eq!(
        (ended.status, ended.fault.unwrap().class),
        (Status::Failed, FaultClass::RoleUnspecified)
    );
    assert_eq!(
        env.created_in_aws(),
        Vec::<String>::new(),
        "nothing was created"
    );

    let role = unmanaged_role("DAXServiceRole", "/service-role/");
    let created = env.admin.send(&role, &env.account).await.unwrap();
    let another = "arn:aws:iam::123456789012:role/AnotherDAXRole".to_owned();
    env.grant(&[created.arn.unwrap(), another], Vec::new());
    let create = env.create(&discovering).await;
    assert_eq!(env.settle(&worker, create).await.status, Status::Succeeded);
    let delete = env.delete("orders").await;
    let gone = env.settle(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded);
    let left = gone
        .receipt
        .iter()
        .find(|item| item.kind == ResourceKind::Role)
        .unwrap();
    assert_eq!(left.presence, Presence::Left);
    assert_eq!(env.created_in_aws().len(), 1);

    env.admin
        .send(&unmanaged_role("AnotherDAXRole", "/"), &env.account)
        .await
        .unwrap();
    let several = env.create(&discovering).await;
    let ended = env.settle(&worker, several).await;
    let fault = ended.fault.unwrap();
    assert_eq!(
        (fault.class, fault.candidates.len()),
        (FaultClass::RoleUnspecified, 2)
    );
}

/// Review B7: creates at the same time share one list of the account's roles.
#[tokio::test]
async fn creates_that_discover_a_role_at_the_same_time_list_the_roles_once() {
    let mut env = TestEnv::new().await;
    env.settings.timing.role_recheck = Duration::from_secs(60);
    let role = unmanaged_role("DAXServiceRole", "/service-role/");
    let created = env.admin.send(&role, &env.account).await.unwrap();
    env.grant(&[created.arn.unwrap()], Vec::new());
    let worker = env.worker("w");
    for name in ["one", "two", "three"] {
        let spec = ClusterSpec {
            service_role: ServiceRole::Discover {
                default_access: None,
            },
            ..plain_spec(name)
        };
        let create = env.create(&spec).await;
        assert_eq!(env.settle(&worker, create).await.status, Status::Succeeded);
    }
    assert_eq!(env.sent("iam:ListRoles"), 1);
}

#[tokio::test]
async fn an_existing_role_that_does_not_trust_dax_blocks_with_the_reason() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let mut mistrusting = unmanaged_role("Mine", "/");
    if let Mutation::CreateRole { trust_policy, .. } = &mut mistrusting {
        *trust_policy = trust_policy.replace("dax.amazonaws.com", "ec2.amazonaws.com");
    }
    let arn = env
        .admin
        .send(&mistrusting, &env.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    env.grant(std::slice::from_ref(&arn), Vec::new());
    let create = env
        .create(&ClusterSpec {
            service_role: ServiceRole::Existing {
                arn: RoleArn::from_aws(arn),
            },
            ..plain_spec("orders")
        })
        .await;
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.problem_code().as_str(), "role_not_assumable");
    assert!(fault.detail.contains("trust policy"), "{}", fault.detail);
}

#[tokio::test]
async fn roll_back_undoes_everything_instead_of_waiting() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let mut spec = spec_with_groups(&env, "orders");
    spec.local.on_failure = OnFailure::RollBack;
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1));
    let create = env.create(&spec).await;
    let ended = env.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(
        ended.fault.unwrap().class,
        FaultClass::Capacity,
        "the original problem is kept"
    );
    assert_eq!(env.created_in_aws(), Vec::<String>::new());

    // With `hold`, the create waits for capacity and continues automatically.
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1));
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(env.finish(&worker, create).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_cluster_that_does_not_become_available_blocks_and_continues_when_it_does() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Stuck));
    let create = env.create(&plain_spec("orders")).await;
    for _ in 0..60 {
        env.one_turn(&worker).await;
    }
    assert_eq!(env.operation(create).await.status, Status::Running);
    sqlx::query(
        "update operation_steps set patience_from = patience_from - interval '1 hour'
         where name = 'await_available'",
    )
    .execute(&env.pool)
    .await
    .unwrap();
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.problem_code().as_str(), "cluster_not_available");
    assert!(
        env.sent("dax:DescribeEvents") > 0,
        "the events of the cluster were read from AWS"
    );
    env.sandbox.clear_faults();
    assert_eq!(env.finish(&worker, create).await.status, Status::Succeeded);
}
