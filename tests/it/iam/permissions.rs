//! A missing permission: the operation stops and explains, and goes on by itself when the permission is there.

use aws_sandbox::{FaultKind, FaultRule, Identity};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::waiting::WaitingFor;
use serde_json::json;

use crate::support::requests::spec_with_groups;
use crate::support::test_env::{TestEnv, aws_as};

/// The permissions that create and delete need, with the call that lacks them.
const ACTIONS: [&str; 22] = [
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
];
const DELETE_ONLY: [&str; 3] = ["iam:DetachRolePolicy", "iam:DeletePolicy", "iam:DeleteRole"];

fn caller(denied: Option<&str>) -> Identity {
    let mut policies = vec![json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["iam:*", "dax:*", "ec2:Describe*"], "Resource": "*"}]
    })];
    // Not an explicit deny: the action is left out of what is allowed, as in the guide's table.
    if let Some(action) = denied {
        policies = vec![json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "NotAction": [action], "Resource": "*"}]
        })];
    }
    Identity {
        secret: "secret".to_owned(),
        arn: "arn:aws:iam::123456789012:user/portal".to_owned(),
        policies,
        permissions_boundary: None,
        session_policies: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_missing_permission_blocks_with_its_reason_and_the_work_goes_on_when_it_is_granted() {
    let mut checked = 0;
    for action in ACTIONS.into_iter().chain(DELETE_ONLY) {
        let mut world = TestEnv::new().await;
        world.sandbox.put_identity("portal", caller(Some(action)));
        world.aws = aws_as(&world.sandbox, &world.endpoint, "portal", "secret").await;
        let worker = world.worker("w");
        let create = world.create(&spec_with_groups(&world, "orders")).await;
        let mut stopped = world.settle(&worker, create).await;
        let mut id = create;
        if stopped.status == Status::Succeeded {
            id = world.delete("orders").await;
            stopped = world.settle(&worker, id).await;
        }
        assert_eq!(stopped.status, Status::Blocked, "{action} was not missed");
        assert_eq!(
            stopped.waiting_for,
            Some(WaitingFor::Permission),
            "{action}"
        );
        let fault = stopped.fault.unwrap();
        assert_eq!(fault.class, FaultClass::Permission, "{action}");
        let message = fault.aws.unwrap().message;
        assert!(
            message.contains(&format!("is not authorized to perform: {action}")),
            "{action}: {message}"
        );
        assert!(
            stopped.next_attempt_at.is_some(),
            "{action}: nobody looks again"
        );

        world.sandbox.put_identity("portal", caller(None));
        let done = world.finish(&worker, id).await;
        assert_eq!(
            done.status,
            Status::Succeeded,
            "{action}: {:#?}",
            done.fault
        );
        checked += 1;
    }
    println!("permissions: {checked} taken away, each blocked its operation and was cured");
    assert_eq!(checked, 25);
}

#[tokio::test]
async fn a_role_that_dax_cannot_assume_yet_is_waited_for_and_nothing_else_is_retried_blindly() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", FaultKind::NotAssumable).count(3));
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let done = world.settle(&worker, create).await;
    assert_eq!(done.status, Status::Succeeded, "{:#?}", done.fault);
    assert_eq!(world.sent("dax:CreateCluster"), 4);

    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let bogus = FaultKind::Error("InvalidParameterValueException".to_owned());
    world
        .sandbox
        .add_fault(FaultRule::new("dax:CreateCluster", bogus).count(100));
    let create = world.create(&spec_with_groups(&world, "orders")).await;
    let ended = world.settle(&worker, create).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(
        world.sent("dax:CreateCluster"),
        1,
        "an invalid value is sent once"
    );
    assert_eq!(
        world.created_in_aws(),
        Vec::<String>::new(),
        "a failed create leaves nothing"
    );
}
