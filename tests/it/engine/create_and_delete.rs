//! The main job, at the level of the engine: a cluster is made, used, and removed without a trace.

use dax_provisioner::domain::inventory::{Owner, Presence, ResourceKind};
use dax_provisioner::domain::operation::{ClusterStatus, Status, StepStatus};

use crate::support::requests::{plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

#[tokio::test]
async fn a_cluster_is_made_with_everything_it_needs_and_removed_without_a_trace() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let done = world.settle(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert!(
        done.steps.iter().all(|step| step.status.is_done()),
        "{:#?}",
        done.steps
    );

    let cluster = world.store.cluster("orders").await.unwrap().unwrap();
    assert_eq!(cluster.status, ClusterStatus::Available);
    let observed = cluster.observed.clone().unwrap();
    let endpoint = observed.endpoint.clone().unwrap();
    assert!(observed.is_usable());
    assert!(
        endpoint.url.starts_with("daxs://orders."),
        "{}",
        endpoint.url
    );
    assert_eq!((endpoint.port, endpoint.tls), (9111, true));
    for kind in [
        ResourceKind::Role,
        ResourceKind::SubnetGroup,
        ResourceKind::ParameterGroup,
        ResourceKind::Cluster,
    ] {
        assert_eq!(
            cluster.part(kind).unwrap().owner,
            Owner::Managed,
            "{kind:?}"
        );
    }
    assert_eq!(world.made_in_aws().len(), 5, "{:?}", world.made_in_aws());

    let delete = world.delete("orders").await;
    let gone = world.settle(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded, "{:#?}", gone.fault);
    assert_eq!(world.made_in_aws(), Vec::<String>::new());
    assert!(world.store.cluster("orders").await.unwrap().is_none());
    for item in gone
        .receipt
        .iter()
        .filter(|item| item.owner == Owner::Managed)
    {
        assert_eq!(item.presence, Presence::Gone, "{item:?}");
    }
    assert!(
        world.effects().values().all(|&count| count == 1),
        "{:#?}",
        world.effects()
    );
}

#[tokio::test]
async fn what_was_found_is_used_and_never_deleted() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&plain_spec("orders")).await;
    let done = world.settle(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    let skipped: Vec<&str> = done
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Skipped)
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(
        skipped,
        [
            "find_service_role",
            "prepare_parameter_group",
            "set_parameters"
        ]
    );
    let delete = world.delete("orders").await;
    let gone = world.settle(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded);
    let group = gone
        .receipt
        .iter()
        .find(|item| item.kind == ResourceKind::SubnetGroup)
        .unwrap();
    assert_eq!(
        (group.owner, group.presence),
        (Owner::External, Presence::Left)
    );
    assert!(
        world
            .sandbox
            .inventory()
            .subnet_groups
            .iter()
            .any(|group| group.name == "default")
    );
}

#[tokio::test]
async fn a_delete_takes_over_a_create_wherever_it_stands() {
    let steps = 24;
    let mut superseded = 0;
    for turns in 0..steps {
        let world = TestEnv::new().await;
        let worker = world.worker("w");
        let create = world.create(&spec_with_groups(&world, "orders")).await;
        for _ in 0..turns {
            if world.operation(create).await.status.is_finished() {
                break;
            }
            world.one_turn(&worker).await;
        }
        let was_live = !world.operation(create).await.status.is_finished();
        let delete = world.delete("orders").await;
        let gone = world.finish(&worker, delete).await;
        assert_eq!(gone.status, Status::Succeeded, "after {turns} turns");
        assert_eq!(
            world.made_in_aws(),
            Vec::<String>::new(),
            "after {turns} turns"
        );
        let create = world.operation(create).await;
        if was_live {
            superseded += 1;
            assert_eq!(
                (create.status, create.superseded_by),
                (Status::Cancelled, Some(delete))
            );
        } else {
            assert_eq!(create.status, Status::Succeeded);
        }
    }
    println!("a delete took over a live create at {superseded} of {steps} places");
    assert!(
        superseded > 10,
        "only {superseded} deletes met a live create"
    );
}
