//! A missing permission blocks an operation, which resumes automatically once it is granted.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::worker::Worker;
use uuid::Uuid;

use crate::support::requests::spec_with_groups;
use crate::support::test_env::TestEnv;

/// The permissions that a create and a delete need.
const ACTIONS: [&str; 25] = [
    "iam:GetRole",
    "iam:CreateRole",
    "iam:TagRole",
    "iam:GetPolicy",
    "iam:CreatePolicy",
    "iam:TagPolicy",
    "iam:ListAttachedRolePolicies",
    "iam:AttachRolePolicy",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "dax:DescribeSubnetGroups",
    "dax:CreateSubnetGroup",
    "dax:DescribeParameterGroups",
    "dax:CreateParameterGroup",
    "dax:DescribeParameters",
    "dax:UpdateParameterGroup",
    "dax:DescribeClusters",
    "dax:CreateCluster",
    "dax:TagResource",
    "dax:DeleteCluster",
    "dax:DeleteSubnetGroup",
    "dax:DeleteParameterGroup",
    "iam:DetachRolePolicy",
    "iam:DeletePolicy",
    "iam:DeleteRole",
];

/// Takes turns until the operation has succeeded, and grants what blocks it each time.
async fn succeed_by_grants(env: &TestEnv, worker: &Worker, id: Uuid, missing: &mut Vec<&str>) {
    loop {
        let operation = env.settle(worker, id).await;
        if operation.status == Status::Succeeded {
            return;
        }
        assert_eq!(operation.status, Status::Blocked, "{operation:#?}");
        assert_eq!(operation.waiting_for, Some(WaitingFor::Permission));
        assert!(operation.next_attempt_at.is_some());
        let fault = operation.fault.unwrap();
        assert_eq!(fault.class, FaultClass::Permission);
        let message = fault.aws.unwrap().message;
        let is_denied = |action: &&str| message.contains(&format!("to perform: {action} "));
        let at = missing.iter().position(is_denied).expect(&message);
        let action = missing.remove(at);
        env.grant_all_except_any(missing);
        env.one_turn(worker).await;
        let now = env.operation(id).await.fault;
        let is_resolved = now
            .and_then(|fault| fault.aws)
            .is_none_or(|aws| aws.message != message);
        assert!(is_resolved, "{action}: granted, and still blocked by it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_missing_permission_blocks_the_operation_until_it_is_granted() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let mut missing = ACTIONS.to_vec();
    env.grant_all_except_any(&missing);
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    succeed_by_grants(&env, &worker, create, &mut missing).await;
    let delete = env.delete("orders").await;
    succeed_by_grants(&env, &worker, delete, &mut missing).await;
    assert!(missing.is_empty(), "never needed: {missing:?}");
}

#[tokio::test]
async fn a_role_that_dax_cannot_assume_yet_is_retried() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::NotAssumable).count(3));
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let done = env.settle(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert_eq!(env.sent("dax:CreateCluster"), 4);
}

#[tokio::test]
async fn an_invalid_value_is_sent_once_and_the_create_is_rolled_back() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let invalid = FaultKind::Error("InvalidParameterValueException".to_owned());
    env.sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", invalid).count(100));
    let create = env.create(&spec_with_groups(&env, "orders")).await;
    let ended = env.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(env.sent("dax:CreateCluster"), 1);
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
}
