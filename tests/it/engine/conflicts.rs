//! Things of others: what has our name and is not ours is never adopted, changed or deleted.

use std::collections::BTreeMap;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::inventory::{Presence, ResourceKind};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::names::{IAM_PATH, managed_name};
use dax_provisioner::domain::operation::{ClusterStatus, Status};
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::{ClusterSpec, OnFailure, ServiceRole};

use crate::support::requests::{plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

fn role(name: &str, path: &str, tags: BTreeMap<String, String>) -> Mutation {
    Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: "made by hand".to_owned(),
        tags,
    }
}

#[tokio::test]
async fn a_foreign_role_of_our_name_is_a_conflict_and_stays() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&plain_spec("orders")).await;
    let name = managed_name(&plain_spec("orders").name, create);
    // One that even lies under our path, but carries no tags of ours.
    world
        .admin
        .send(&role(&name, IAM_PATH, BTreeMap::new()), &world.place)
        .await
        .unwrap();
    let ended = world.settle(&worker, create).await;
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
        world.made_in_aws().len(),
        1,
        "the foreign role stays, and nothing of ours is left"
    );
    assert_eq!(
        world.store.cluster("orders").await.unwrap().unwrap().status,
        ClusterStatus::Failed
    );

    // The name may be asked for again.
    let again = world.create(&plain_spec("orders")).await;
    assert_eq!(world.settle(&worker, again).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_foreign_cluster_of_that_name_is_told_with_its_differences_and_stays() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let made = world
        .admin
        .send(
            &role("DAXServiceRole", "/service-role/", BTreeMap::new()),
            &world.place,
        )
        .await
        .unwrap();
    let foreign = NewCluster {
        name: "orders".to_owned(),
        description: None,
        node_type: "dax.r5.large".to_owned(),
        replication_factor: 2,
        availability_zones: Vec::new(),
        iam_role_arn: made.arn.unwrap(),
        subnet_group: "default".to_owned(),
        security_group_ids: Vec::new(),
        network_type: None,
        parameter_group: None,
        encryption_at_rest: true,
        encryption_in_transit: false,
        maintenance_window: None,
        notification_topic_arn: None,
        tags: BTreeMap::new(),
    };
    world
        .admin
        .send(&Mutation::CreateCluster(Box::new(foreign)), &world.place)
        .await
        .unwrap();
    let before = world.made_in_aws();
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let ended = world.settle(&worker, create).await;
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
        world.made_in_aws(),
        before,
        "everything of ours is undone, and the foreign cluster stays"
    );
    assert_eq!(world.sent("dax:DeleteCluster"), 0);
}

#[tokio::test]
async fn a_role_is_found_as_the_console_does_and_never_deleted() {
    let found = ClusterSpec {
        service_role: ServiceRole::Discover {
            default_access: None,
        },
        ..plain_spec("orders")
    };
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let none = world.create(&found).await;
    let ended = world.settle(&worker, none).await;
    assert_eq!(
        (ended.status, ended.fault.unwrap().class),
        (Status::Failed, FaultClass::RoleUnspecified)
    );
    assert_eq!(
        world.made_in_aws(),
        Vec::<String>::new(),
        "nothing was made"
    );

    let made = world
        .admin
        .send(
            &role("DAXServiceRole", "/service-role/", BTreeMap::new()),
            &world.place,
        )
        .await
        .unwrap();
    let another = "arn:aws:iam::123456789012:role/AnotherDAXRole".to_owned();
    world.grant(&[made.arn.unwrap(), another], Vec::new());
    let create = world.create(&found).await;
    assert_eq!(
        world.settle(&worker, create).await.status,
        Status::Succeeded
    );
    let delete = world.delete("orders").await;
    let gone = world.settle(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded);
    let left = gone
        .receipt
        .iter()
        .find(|item| item.kind == ResourceKind::Role)
        .unwrap();
    assert_eq!(left.presence, Presence::Left);
    assert_eq!(world.made_in_aws().len(), 1);

    world
        .admin
        .send(&role("AnotherDAXRole", "/", BTreeMap::new()), &world.place)
        .await
        .unwrap();
    let several = world.create(&found).await;
    let ended = world.settle(&worker, several).await;
    let fault = ended.fault.unwrap();
    assert_eq!(
        (fault.class, fault.candidates.len()),
        (FaultClass::RoleUnspecified, 2)
    );
}

#[tokio::test]
async fn a_given_role_that_does_not_trust_dax_blocks_with_the_reason() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let ec2 = trust_policy()
        .to_json()
        .replace("dax.amazonaws.com", "ec2.amazonaws.com");
    let Mutation::CreateRole {
        name,
        path,
        permissions_boundary,
        description,
        tags,
        ..
    } = role("Mine", "/", BTreeMap::new())
    else {
        unreachable!("made a line above")
    };
    let mistrusting = Mutation::CreateRole {
        name,
        path,
        trust_policy: ec2,
        permissions_boundary,
        description,
        tags,
    };
    let arn = world
        .admin
        .send(&mistrusting, &world.place)
        .await
        .unwrap()
        .arn
        .unwrap();
    world.grant(std::slice::from_ref(&arn), Vec::new());
    let create = world
        .create(&ClusterSpec {
            service_role: ServiceRole::Existing { arn },
            ..plain_spec("orders")
        })
        .await;
    let blocked = world.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.problem_code().as_str(), "role_not_assumable");
    assert!(fault.detail.contains("trust policy"), "{}", fault.detail);
}

#[tokio::test]
async fn roll_back_undoes_everything_instead_of_waiting() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let spec = ClusterSpec {
        on_failure: OnFailure::RollBack,
        ..spec_with_groups(&world, "orders")
    };
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1));
    let create = world.create(&spec).await;
    let ended = world.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(
        ended.fault.unwrap().class,
        FaultClass::Capacity,
        "the original problem is kept"
    );
    assert_eq!(world.made_in_aws(), Vec::<String>::new());

    // Held instead, it waits for capacity and goes on by itself.
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1));
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let blocked = world.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(
        world.finish(&worker, create).await.status,
        Status::Succeeded
    );
}

#[tokio::test]
async fn a_cluster_that_never_becomes_available_blocks_with_awss_events_and_goes_on_when_it_does() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::Stuck));
    let create = world.create(&plain_spec("orders")).await;
    for _ in 0..60 {
        world.one_turn(&worker).await;
    }
    assert_eq!(world.operation(create).await.status, Status::Running);
    sqlx::query(
        "update operation_steps set patience_from = patience_from - interval '1 hour' where name = 'await_available'",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let blocked = world.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.problem_code().as_str(), "cluster_not_available");
    assert!(
        world.sent("dax:DescribeEvents") > 0,
        "AWS was asked what has happened to the cluster"
    );
    world.sandbox.clear_faults();
    assert_eq!(
        world.finish(&worker, create).await.status,
        Status::Succeeded
    );
}
