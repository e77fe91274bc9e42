//! A denial is parsed alike whatever it is wrapped in.

use super::{Denial, DenialCause, PolicyKind, parse};
use crate::domain::pasted::wrappings::assert_read_alike;

const USER: &str = "arn:aws:iam::123456789012:user/portal";
const SESSION: &str = "arn:aws-eusc:sts::123456789012:assumed-role/Team.Portal/jo@example.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc";
const BUCKET: &str = "arn:aws:s3:::bucket/a+b=c,d";
const SCP: &str = "arn:aws:organizations::123456789012:policy/o-1/service_control_policy/p-1";

/// A sentence of AWS after `is not authorized to perform: `, and its parts.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    DenialCause,
    Option<&'static str>,
);

const SENTENCES: [Row; 16] = [
    (
        "iam:CreateRole",
        "iam:CreateRole",
        None,
        DenialCause::Unstated,
        None,
    ),
    (
        "iam:CreateRole on resource: arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc",
        "iam:CreateRole",
        Some(ROLE),
        DenialCause::Unstated,
        None,
    ),
    (
        "iam:CreateRole on resource: arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc, because no identity-based policy allows the iam:CreateRole action",
        "iam:CreateRole",
        Some(ROLE),
        DenialCause::IdentityPolicy,
        None,
    ),
    (
        "iam:CreatePolicy on resource: policy P",
        "iam:CreatePolicy",
        Some("policy P"),
        DenialCause::Unstated,
        None,
    ),
    (
        "iam:AttachRolePolicy on resource: role a.b@c because no session policy allows the iam:AttachRolePolicy action",
        "iam:AttachRolePolicy",
        Some("role a.b@c"),
        DenialCause::SessionPolicy,
        None,
    ),
    (
        "iam:ListPolicies on resource: policy path / because no permissions boundary allows the iam:ListPolicies action",
        "iam:ListPolicies",
        Some("policy path /"),
        DenialCause::PermissionsBoundary,
        None,
    ),
    (
        "iam:CreatePolicyVersion on resource: policy arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc",
        "iam:CreatePolicyVersion",
        Some("policy arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc"),
        DenialCause::Unstated,
        None,
    ),
    (
        "iam:GetInstanceProfile on resource: instance profile web",
        "iam:GetInstanceProfile",
        Some("instance profile web"),
        DenialCause::Unstated,
        None,
    ),
    (
        "iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE with an explicit deny",
        "iam:GetAccessKeyLastUsed",
        Some("access key AKIAIOSFODNN7EXAMPLE"),
        DenialCause::ExplicitDeny(None),
        None,
    ),
    (
        "dax:CreateCluster because no VPC endpoint policy allows the dax:CreateCluster action",
        "dax:CreateCluster",
        None,
        DenialCause::VpcEndpointPolicy,
        None,
    ),
    (
        "ec2:DescribeSubnets on resource: * because no service control policy allows the ec2:DescribeSubnets action",
        "ec2:DescribeSubnets",
        Some("*"),
        DenialCause::ServiceControlPolicy,
        None,
    ),
    (
        "s3:PutObject on resource: \"arn:aws:s3:::bucket/a+b=c,d\" because no resource control policy allows the s3:PutObject action",
        "s3:PutObject",
        Some(BUCKET),
        DenialCause::ResourceControlPolicy,
        None,
    ),
    (
        "iam:TagRole on resource: arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc with an explicit deny in an identity-based policy",
        "iam:TagRole",
        Some(ROLE),
        DenialCause::ExplicitDeny(Some(PolicyKind::Identity)),
        None,
    ),
    (
        "iam:TagRole on resource: role r with an explicit deny in a service control policy: arn:aws:organizations::123456789012:policy/o-1/service_control_policy/p-1",
        "iam:TagRole",
        Some("role r"),
        DenialCause::ExplicitDeny(Some(PolicyKind::ServiceControl)),
        Some(SCP),
    ),
    (
        "iam:PassRole on resource: arn:aws:iam::***:role/service-role/DAXtoDynamoDB because no resource-based policy allows the iam:PassRole action",
        "iam:PassRole",
        Some("arn:aws:iam::***:role/service-role/DAXtoDynamoDB"),
        DenialCause::ResourcePolicy,
        None,
    ),
    (
        "iam:PassRole on resource: arn:aws:iam::<account>:role/R",
        "iam:PassRole",
        Some("arn:aws:iam::<account>:role/R"),
        DenialCause::Unstated,
        None,
    ),
];

fn sentences() -> Vec<(String, Denial)> {
    let mut all = Vec::new();
    for (principal, count) in [(USER, SENTENCES.len()), (SESSION, 3)] {
        for (tail, action, resource, cause, policy_arn) in SENTENCES.into_iter().take(count) {
            let denial = Denial {
                principal: Some(principal.to_owned()),
                action: action.to_owned(),
                resource: resource.map(str::to_owned),
                cause,
                policy_arn: policy_arn.map(str::to_owned),
            };
            let text = format!("User: {principal} is not authorized to perform: {tail}");
            all.push((text, denial));
        }
    }
    all
}

#[test]
fn every_sentence_is_parsed_alike_in_every_wrapping_of_every_wrapping() {
    for (sentence, denial) in sentences() {
        assert_read_alike(&sentence, &Some(denial), parse);
    }
}
