//! A missing permission blocks an operation, which resumes automatically once it is granted.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::waiting::WaitingFor;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_missing_permission_blocks_the_operation_until_it_is_granted() {
    for action in ACTIONS {
        let env = TestEnv::new().await;
        env.grant_all_except(action);
        let worker = env.worker("w");
        let create = env.create(&spec_with_groups(&env, "orders")).await;
        let mut blocked = env.settle(&worker, create).await;
        let mut id = create;
        if blocked.status == Status::Succeeded {
            id = env.delete("orders").await;
            blocked = env.settle(&worker, id).await;
        }
        assert_eq!(blocked.status, Status::Blocked, "{action}");
        let permission = Some(WaitingFor::Permission);
        assert_eq!(blocked.waiting_for, permission, "{action}");
        assert!(blocked.next_attempt_at.is_some(), "{action}");
        let fault = blocked.fault.unwrap();
        assert_eq!(fault.class, FaultClass::Permission, "{action}");
        let message = fault.aws.unwrap().message;
        assert!(
            message.contains(&format!("is not authorized to perform: {action}")),
            "{action}: {message}"
        );

        env.grant(&[], Vec::new());
        let done = env.finish(&worker, id).await;
        assert_eq!(done.status, Status::Succeeded, "{action}: {done:#?}");
    }
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
