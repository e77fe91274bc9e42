//! Messages crafted to obtain a policy that the service must not hand out.

use super::no_policy::NoPolicy;
use super::tests::{MANAGED_ROLE, pasted, remedy_for};
use super::{CallSite, remedy};
use crate::domain::iam::denial;

#[test]
fn a_resource_with_wildcards_variables_or_placeholders_gets_no_policy() {
    for resource in [
        "*",
        "policy *",
        "policy ${aws:username}",
        "arn:aws:iam::123456789012:policy/*",
        "arn:aws:iam::123456789012:policy/dax-provisioner/*",
        "arn:aws:iam::123456789012:policy/dax-provisioner/dax-*",
        "arn:aws:iam::123456789012:policy/dax-provisioner/dax-????",
        "arn:aws:iam::123456789012:policy/dax-provisioner/dax-${x}",
        "arn:aws:iam::*:policy/dax-provisioner/dax-x",
        "arn:*:iam::123456789012:policy/dax-provisioner/dax-x",
        "arn:aws:*::123456789012:policy/dax-provisioner/dax-x",
        "arn:aws:iam::123456789012:policy/dax-provisioner/dax-<name>",
        "arn:aws:iam::123456789012:policy/dax-provisioner/dax-x\u{430}",
    ] {
        let denied = format!("iam:CreatePolicy on resource: {resource}");
        let remedy = remedy_for(&denied, &pasted());
        assert!(remedy.is_err(), "{resource}: {remedy:?}");
    }
    let long = format!(
        "iam:CreateRole on resource: {MANAGED_ROLE}{}",
        "x".repeat(9_000)
    );
    assert_eq!(remedy_for(&long, &pasted()), Err(NoPolicy::Inexact));
}

#[test]
fn only_permissions_of_the_service_policy_get_a_policy() {
    for tail in [
        "iam:CreatePolicyVersion on resource: policy arn:aws:iam::123456789012:policy/dax-provisioner-boundary",
        "iam:DeleteRolePermissionsBoundary on resource: role dax-orders-abcdefghij",
        "iam:PutUserPolicy on resource: user portal",
        "iam:CreateUser on resource: arn:aws:iam::123456789012:user/x",
        "iam:UpdateAssumeRolePolicy on resource: role Admin",
        "sts:AssumeRole on resource: arn:aws:iam::123456789012:role/Admin",
        "sts:GetCallerIdentity",
        "organizations:LeaveOrganization",
        "s3:PutObject on resource: arn:aws:s3:::bucket/key",
        "sns:ListTopics on resource: *",
        "ec2:CreateNetworkInterface on resource: arn:aws:ec2:us-west-2:123456789012:network-interface/*",
        "dax:GetItem on resource: arn:aws:dax:us-west-2:123456789012:cache/orders",
    ] {
        assert_eq!(
            remedy_for(tail, &pasted()),
            Err(NoPolicy::NotNeeded),
            "{tail}"
        );
    }
    for tail in [
        "iam:AttachRolePolicy on resource: arn:aws:iam::123456789012:role/Admin",
        "iam:CreateRole on resource: arn:aws:iam::123456789012:role/service-role/dax-x",
        "iam:GetRole on resource: arn:aws:iam::123456789012:role/Admin",
        "iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache",
    ] {
        assert_eq!(
            remedy_for(tail, &pasted()),
            Err(NoPolicy::OtherResource),
            "{tail}"
        );
    }
    let of_lambda = CallSite {
        called_service: "lambda",
        ..pasted()
    };
    let passed = format!("iam:PassRole on resource: {MANAGED_ROLE}");
    assert_eq!(remedy_for(&passed, &of_lambda), Err(NoPolicy::NotNeeded));
}

/// Callers and resources of other accounts and partitions, and masked ones.
const OTHERS: [(&str, &str, NoPolicy); 12] = [
    (
        "arn:aws:iam::999999999999:user/x",
        MANAGED_ROLE,
        NoPolicy::OtherAccount,
    ),
    (
        "arn:aws-cn:iam::123456789012:user/x",
        MANAGED_ROLE,
        NoPolicy::OtherAccount,
    ),
    (
        "arn:aws:iam::999999999999:user/x",
        "role dax-orders-abcdefghij",
        NoPolicy::OtherAccount,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::999999999999:role/dax-provisioner/dax-x",
        NoPolicy::OtherAccount,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws-us-gov:iam::123456789012:role/dax-provisioner/dax-x",
        NoPolicy::OtherAccount,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::aws:role/dax-provisioner/dax-x",
        NoPolicy::OtherAccount,
    ),
    ("arn:aws:iam::***:user/x", MANAGED_ROLE, NoPolicy::Masked),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::***:role/dax-provisioner/dax-x",
        NoPolicy::Masked,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::XXXXXXXXXXXX:role/dax-provisioner/dax-x",
        NoPolicy::Masked,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::<account>:role/dax-provisioner/dax-x",
        NoPolicy::Masked,
    ),
    (
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::********9012:role/dax-provisioner/dax-x",
        NoPolicy::Masked,
    ),
    ("anonymous", MANAGED_ROLE, NoPolicy::Anonymous),
];

#[test]
fn another_account_or_partition_gets_no_policy() {
    for (principal, resource, reason) in OTHERS {
        let message = format!(
            "User: {principal} is not authorized to perform: iam:GetRole on resource: {resource}"
        );
        let denial = denial::parse(&message).expect("a denial");
        assert_eq!(remedy(&denial, &pasted()), Err(reason), "{message}");
    }
    let gov = CallSite {
        partition: "aws-us-gov",
        region: "us-gov-west-1",
        ..pasted()
    };
    let message = "User: arn:aws-us-gov:iam::123456789012:user/x is not authorized to perform: \
                   dax:CreateCluster on resource: arn:aws-us-gov:dax:us-gov-east-1:123456789012:cache/x";
    let denial = denial::parse(message).expect("a denial");
    let document = remedy(&denial, &gov).expect("a remedy").to_json();
    assert!(document.contains("us-gov-east-1"), "{document}");
}
