//! The sweep: a call that takes effect after everything was removed is found and undone; what is not ours is listed only.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::spec::{ClusterSpec, ServiceRole};

use crate::support::requests::{plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

const MAKING: [&str; 5] = [
    "iam:CreateRole",
    "iam:CreatePolicy",
    "dax:CreateSubnetGroup",
    "dax:CreateParameterGroup",
    "dax:CreateCluster",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_takes_effect_after_the_delete_is_found_and_undone() {
    let mut swept = 0;
    for call in MAKING {
        let world = TestEnv::new().await;
        let worker = world.worker("w");
        // A late CreateCluster meets no role any more if the role was ours, so that cluster uses one that stays.
        let spec = match call {
            "dax:CreateCluster" => ClusterSpec {
                service_role: given_role(&world).await,
                ..plain_spec("orders")
            },
            _ => spec_with_groups(&world, "orders"),
        };
        let before = world.made_in_aws();
        world.create(&spec).await;
        world
            .sandbox
            .add_fault(FaultRule::new(call, FaultKind::Late).count(1).seconds(1.0));
        while !world
            .service_calls()
            .iter()
            .any(|one| one.operation == call)
        {
            world.one_turn(&worker).await;
            if world
                .sandbox
                .faults()
                .iter()
                .all(|fault| fault.left == Some(0))
            {
                break;
            }
        }
        let delete = world.delete("orders").await;
        let gone = world.finish(&worker, delete).await;
        assert_eq!(gone.status, Status::Succeeded, "{call}: {:#?}", gone.fault);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while world.made_in_aws() == before {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{call} never took effect late"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for _ in 0..3 {
            sqlx::query("update duties set due_at = now()")
                .execute(&world.pool)
                .await
                .unwrap();
            worker.sweep().await.unwrap();
        }
        assert_eq!(world.made_in_aws(), before, "{call}");
        swept += 1;
    }
    println!("sweep: {swept} of {} late effects removed", MAKING.len());
    assert_eq!(swept, MAKING.len());
}

async fn given_role(world: &TestEnv) -> ServiceRole {
    let made = Mutation::CreateRole {
        name: "DAXServiceRole".to_owned(),
        path: "/service-role/".to_owned(),
        trust_policy: dax_provisioner::domain::iam::policies::trust_policy().to_json(),
        permissions_boundary: None,
        description: "made by an administrator".to_owned(),
        tags: Default::default(),
    };
    let effect = world.admin.send(&made, &world.place).await.unwrap();
    let arn = effect.arn.unwrap();
    world.grant(std::slice::from_ref(&arn), Vec::new());
    ServiceRole::Existing { arn }
}

#[tokio::test]
async fn what_no_row_of_ours_names_is_never_touched() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let stranger = Mutation::CreateRole {
        name: "dax-orders-aaaaaaaaaa".to_owned(),
        path: "/dax-provisioner/".to_owned(),
        trust_policy: dax_provisioner::domain::iam::policies::trust_policy().to_json(),
        permissions_boundary: None,
        description: "made by another installation".to_owned(),
        tags: Default::default(),
    };
    world.admin.send(&stranger, &world.place).await.unwrap();
    assert_eq!(worker.sweep().await.unwrap(), Some(0));
    assert_eq!(world.made_in_aws().len(), 1);
    assert_eq!(
        worker.sweep().await.unwrap(),
        None,
        "it is not due again yet"
    );
}
