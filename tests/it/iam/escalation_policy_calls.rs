//! Calls about policies and other principals that the service's policy must deny.

use dax_provisioner::domain::names::IAM_PATH;

use crate::iam::escalation_names::{
    ADMIN_ROLE, ALLOW_ALL, BOUNDARY, MANAGED_POLICY, Row, WIDE_POLICY,
};

/// New policies and versions, and changes of existing policies: versions, tags, deletion.
pub const POLICY_CALLS: [Row; 20] = [
    (
        "CreatePolicy",
        &[("PolicyName", "Wide2"), ("PolicyDocument", ALLOW_ALL)],
    ),
    (
        "CreatePolicy",
        &[
            ("PolicyName", "wide"),
            ("Path", IAM_PATH),
            ("PolicyDocument", ALLOW_ALL),
        ],
    ),
    (
        "CreatePolicy",
        &[
            ("PolicyName", "dax-x"),
            ("Path", "/service-role/"),
            ("PolicyDocument", ALLOW_ALL),
        ],
    ),
    (
        "CreatePolicy",
        &[
            ("PolicyName", "dax-provisioner-boundary"),
            ("PolicyDocument", ALLOW_ALL),
        ],
    ),
    (
        "CreatePolicyVersion",
        &[
            ("PolicyArn", MANAGED_POLICY),
            ("PolicyDocument", ALLOW_ALL),
            ("SetAsDefault", "true"),
        ],
    ),
    (
        "CreatePolicyVersion",
        &[
            ("PolicyArn", BOUNDARY),
            ("PolicyDocument", ALLOW_ALL),
            ("SetAsDefault", "true"),
        ],
    ),
    (
        "CreatePolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("PolicyDocument", ALLOW_ALL)],
    ),
    (
        "SetDefaultPolicyVersion",
        &[("PolicyArn", MANAGED_POLICY), ("VersionId", "v1")],
    ),
    (
        "SetDefaultPolicyVersion",
        &[("PolicyArn", BOUNDARY), ("VersionId", "v1")],
    ),
    (
        "SetDefaultPolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("VersionId", "v2")],
    ),
    (
        "DeletePolicyVersion",
        &[("PolicyArn", BOUNDARY), ("VersionId", "v1")],
    ),
    (
        "DeletePolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("VersionId", "v2")],
    ),
    ("DeletePolicy", &[("PolicyArn", BOUNDARY)]),
    ("DeletePolicy", &[("PolicyArn", WIDE_POLICY)]),
    (
        "TagPolicy",
        &[
            ("PolicyArn", WIDE_POLICY),
            ("Tags.member.1.Key", "dax-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
        ],
    ),
    (
        "TagPolicy",
        &[
            ("PolicyArn", BOUNDARY),
            ("Tags.member.1.Key", "a"),
            ("Tags.member.1.Value", "b"),
        ],
    ),
    (
        "TagPolicy",
        &[
            ("PolicyArn", MANAGED_POLICY),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "payroll"),
        ],
    ),
    (
        "CreatePolicy",
        &[
            ("PolicyName", "dax-x"),
            ("Path", IAM_PATH),
            ("PolicyDocument", ALLOW_ALL),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "payroll"),
        ],
    ),
    (
        "UntagPolicy",
        &[
            ("PolicyArn", MANAGED_POLICY),
            ("TagKeys.member.1", "dax-provisioner:operation"),
        ],
    ),
    ("GetPolicy", &[("PolicyArn", WIDE_POLICY)]),
];

/// Calls about other principals, and about the service-linked roles of other AWS services.
pub const OTHER_CALLS: [Row; 4] = [
    (
        "SimulatePrincipalPolicy",
        &[
            ("PolicySourceArn", ADMIN_ROLE),
            ("ActionNames.member.1", "iam:*"),
        ],
    ),
    (
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "ec2.amazonaws.com")],
    ),
    (
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "autoscaling.amazonaws.com")],
    ),
    ("GetUser", &[("UserName", "sandbox")]),
];
