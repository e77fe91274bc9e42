//! The sweep: it undoes a call that took effect after the delete, and leaves unmanaged resources
//! alone.

use std::time::Duration;

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::spec::{ClusterSpec, ServiceRole};
use dax_provisioner::domain::validation::typed::RoleArn;
use dax_provisioner::store::StoreError;

use crate::properties::parallel::{Job, run_all};
use crate::support::requests::{plain_spec, spec_with_groups, unmanaged_role};
use crate::support::test_env::TestEnv;

const CREATING_CALLS: [&str; 5] = [
    "iam:CreateRole",
    "iam:CreatePolicy",
    "dax:CreateSubnetGroup",
    "dax:CreateParameterGroup",
    "dax:CreateCluster",
];

/// Lets a call of a create take effect after the delete, and sweeps.
async fn swept_after_a_late(call: &str) {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    // A late CreateCluster needs a role that still exists after the delete.
    let spec = match call {
        "dax:CreateCluster" => ClusterSpec {
            service_role: existing_role(&env).await,
            ..plain_spec("orders")
        },
        _ => spec_with_groups(&env, "orders"),
    };
    let before = env.created_in_aws();
    env.create(&spec).await;
    env.sandbox
        .add_fault(FaultRule::new(call, FaultKind::Late).count(1).seconds(1.0));
    while env.sent(call) == 0 {
        env.one_turn(&worker).await;
        if env.sandbox.faults().is_empty() {
            break;
        }
    }
    let delete = env.delete("orders").await;
    let deleted = env.finish(&worker, delete).await;
    assert_eq!(deleted.status, Status::Succeeded, "{:#?}", deleted.fault);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while env.created_in_aws() == before {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{call} took no effect"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..3 {
        env.make_jobs_due().await;
        worker.sweep().await.unwrap();
    }
    assert_eq!(env.created_in_aws(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_effect_after_the_delete_is_undone() {
    let jobs = CREATING_CALLS
        .map(|call| -> Job { (format!("late {call}"), Box::pin(swept_after_a_late(call))) });
    run_all("sweep after a late call", jobs.into()).await;
}

async fn existing_role(env: &TestEnv) -> ServiceRole {
    let role = unmanaged_role("DAXServiceRole", "/service-role/");
    let effect = env.admin.send(&role, &env.account).await.unwrap();
    let arn = effect.arn.unwrap();
    env.grant(std::slice::from_ref(&arn), Vec::new());
    ServiceRole::Existing {
        arn: RoleArn::from_aws(arn),
    }
}

#[tokio::test]
async fn a_resource_that_no_row_names_is_never_deleted() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let unmanaged = unmanaged_role("dax-orders-aaaaaaaaaa", "/dax-provisioner/");
    env.admin.send(&unmanaged, &env.account).await.unwrap();
    assert_eq!(worker.sweep().await.unwrap(), Some(0));
    assert_eq!(env.created_in_aws().len(), 1);
    assert_eq!(worker.sweep().await.unwrap(), None, "not due again yet");
}

/// Review B4: a long sweep keeps its job, until another process has taken it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_job_is_not_due_for_others() {
    let env = TestEnv::new().await;
    let (short, long) = (Duration::from_millis(1), Duration::from_secs(60));
    env.make_jobs_due().await;
    let mut job = env
        .store
        .take_job("sweep", "one", short)
        .await
        .unwrap()
        .unwrap();
    env.store.renew_job(&mut job, long).await.unwrap();
    let other = env.store.take_job("sweep", "two", long).await.unwrap();
    assert!(other.is_none(), "the lease was renewed");
    env.make_jobs_due().await;
    env.store
        .take_job("sweep", "two", long)
        .await
        .unwrap()
        .unwrap();
    let lost = env.store.renew_job(&mut job, long).await;
    assert!(matches!(lost, Err(StoreError::Fenced)), "{lost:?}");
}
