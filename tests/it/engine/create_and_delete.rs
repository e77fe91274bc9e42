//! Create and delete without HTTP: a cluster is created with everything it needs and deleted
//! completely.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dax_provisioner::domain::inventory::{Owner, Presence, ResourceKind};
use dax_provisioner::domain::operation::{ClusterStatus, Status, StepStatus};

use crate::properties::parallel::{Job, run_all};
use crate::support::requests::{plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

#[tokio::test]
async fn a_cluster_is_created_with_everything_it_needs_and_deleted_completely() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let done = env.settle(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert!(
        done.steps.iter().all(|step| step.status.is_done()),
        "{:#?}",
        done.steps
    );

    let cluster = env.store.cluster("orders").await.unwrap().unwrap();
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
            cluster.resource(kind).unwrap().owner,
            Owner::Managed,
            "{kind:?}"
        );
    }
    assert_eq!(env.created_in_aws().len(), 5, "{:?}", env.created_in_aws());

    let delete = env.delete("orders").await;
    let gone = env.settle(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded, "{:#?}", gone.fault);
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
    assert!(env.store.cluster("orders").await.unwrap().is_none());
    for item in gone
        .receipt
        .iter()
        .filter(|item| item.owner == Owner::Managed)
    {
        assert_eq!(item.presence, Presence::Gone, "{item:?}");
    }
    assert!(
        env.effects().values().all(|&count| count == 1),
        "{:#?}",
        env.effects()
    );
}

#[tokio::test]
async fn an_existing_group_is_used_and_never_deleted() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&plain_spec("orders")).await;
    let done = env.settle(&worker, create).await;
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
    let delete = env.delete("orders").await;
    let gone = env.settle(&worker, delete).await;
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
        env.sandbox
            .inventory()
            .subnet_groups
            .iter()
            .any(|group| group.name == "default")
    );
}

/// Deletes a cluster after some turns of its create. Returns whether the create was unfinished.
async fn delete_after(turns: usize) -> bool {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    for _ in 0..turns {
        if env.status(create).await.is_finished() {
            break;
        }
        env.one_turn(&worker).await;
    }
    let was_running = !env.status(create).await.is_finished();
    let delete = env.delete("orders").await;
    let deleted = env.finish(&worker, delete).await;
    assert_eq!(deleted.status, Status::Succeeded, "{:#?}", deleted.fault);
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
    let create = env.operation(create).await;
    if was_running {
        assert_eq!(create.status, Status::Cancelled);
        assert_eq!(create.superseded_by, Some(delete));
    } else {
        assert_eq!(create.status, Status::Succeeded);
    }
    was_running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_supersedes_a_create_after_every_turn() {
    let superseded = Arc::new(AtomicUsize::new(0));
    let jobs = (0..24).map(|turns| -> Job {
        let superseded = Arc::clone(&superseded);
        let job = async move {
            superseded.fetch_add(usize::from(delete_after(turns).await), Ordering::Relaxed);
        };
        (format!("after {turns} turns"), Box::pin(job))
    });
    let deletes = run_all("a delete supersedes a create", jobs.collect()).await;
    let superseded = superseded.load(Ordering::Relaxed);
    println!("{superseded} of {deletes} deletes superseded an unfinished create");
    assert!(
        superseded > 10,
        "only {superseded} deletes met an unfinished create"
    );
}
