//! Calls about roles that the service's policy must deny.

use dax_provisioner::domain::names::IAM_PATH;

use crate::iam::escalation_names::{
    ADMINISTRATOR_ACCESS, ALLOW_ALL, BOUNDARY, MANAGED_POLICY, MANAGED_ROLE, Row, TRUST_ACCOUNT,
    UNBOUNDED_ROLE, WIDE_POLICY,
};

/// Roles without the boundary, outside the service's path and names, or with other tags: a
/// description, and the input of CreateRole.
pub const NEW_ROLES: [Row; 12] = [
    (
        "no boundary",
        &[("RoleName", MANAGED_ROLE), ("Path", IAM_PATH)],
    ),
    (
        "a wide boundary",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", ADMINISTRATOR_ACCESS),
        ],
    ),
    (
        "a managed policy as the boundary",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", MANAGED_POLICY),
        ],
    ),
    (
        "no path",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "the path of the console",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", "/service-role/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "another name",
        &[
            ("RoleName", "Admin2"),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "a path with the same prefix",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", "/dax-provisioner2/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "the path below another one",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", "/x/dax-provisioner/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "the path in upper case",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", "/DAX-provisioner/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "a tag",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", BOUNDARY),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "payroll"),
        ],
    ),
    (
        "an ownership tag and another one",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", BOUNDARY),
            ("Tags.member.1.Key", "dax-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
            ("Tags.member.2.Key", "team"),
            ("Tags.member.2.Value", "payroll"),
        ],
    ),
    (
        "an ownership tag in upper case",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", BOUNDARY),
            ("Tags.member.1.Key", "DAX-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
        ],
    ),
];

/// Changes of an existing role: its policies, boundary, trust policy, tags and settings.
pub const ROLE_CALLS: [Row; 35] = [
    (
        "AttachRolePolicy",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PolicyArn", ADMINISTRATOR_ACCESS),
        ],
    ),
    (
        "AttachRolePolicy",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ],
    ),
    (
        "AttachRolePolicy",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PolicyArn", "arn:aws:iam::aws:policy/IAMFullAccess"),
        ],
    ),
    (
        "AttachRolePolicy",
        &[("RoleName", MANAGED_ROLE), ("PolicyArn", WIDE_POLICY)],
    ),
    (
        "AttachRolePolicy",
        &[("RoleName", MANAGED_ROLE), ("PolicyArn", BOUNDARY)],
    ),
    (
        "AttachRolePolicy",
        &[("RoleName", UNBOUNDED_ROLE), ("PolicyArn", MANAGED_POLICY)],
    ),
    (
        "AttachRolePolicy",
        &[
            ("RoleName", UNBOUNDED_ROLE),
            ("PolicyArn", ADMINISTRATOR_ACCESS),
        ],
    ),
    (
        "AttachRolePolicy",
        &[("RoleName", "Admin"), ("PolicyArn", MANAGED_POLICY)],
    ),
    (
        "AttachRolePolicy",
        &[("RoleName", "Worker"), ("PolicyArn", ADMINISTRATOR_ACCESS)],
    ),
    (
        "AttachRolePolicy",
        &[
            ("RoleName", "AWSServiceRoleForDAX"),
            ("PolicyArn", MANAGED_POLICY),
        ],
    ),
    (
        "DetachRolePolicy",
        &[("RoleName", "Admin"), ("PolicyArn", ADMINISTRATOR_ACCESS)],
    ),
    (
        "DetachRolePolicy",
        &[("RoleName", UNBOUNDED_ROLE), ("PolicyArn", MANAGED_POLICY)],
    ),
    (
        "PutRolePolicy",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PolicyName", "p"),
            ("PolicyDocument", ALLOW_ALL),
        ],
    ),
    (
        "PutRolePolicy",
        &[
            ("RoleName", "Worker"),
            ("PolicyName", "p"),
            ("PolicyDocument", ALLOW_ALL),
        ],
    ),
    (
        "DeleteRolePolicy",
        &[("RoleName", "Worker"), ("PolicyName", "p")],
    ),
    (
        "GetRolePolicy",
        &[("RoleName", "Worker"), ("PolicyName", "p")],
    ),
    (
        "PutRolePermissionsBoundary",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PermissionsBoundary", ADMINISTRATOR_ACCESS),
        ],
    ),
    (
        "PutRolePermissionsBoundary",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PermissionsBoundary", WIDE_POLICY),
        ],
    ),
    (
        "PutRolePermissionsBoundary",
        &[
            ("RoleName", UNBOUNDED_ROLE),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "PutRolePermissionsBoundary",
        &[("RoleName", "Admin"), ("PermissionsBoundary", BOUNDARY)],
    ),
    (
        "DeleteRolePermissionsBoundary",
        &[("RoleName", MANAGED_ROLE)],
    ),
    ("DeleteRolePermissionsBoundary", &[("RoleName", "Worker")]),
    (
        "UpdateAssumeRolePolicy",
        &[
            ("RoleName", MANAGED_ROLE),
            ("PolicyDocument", TRUST_ACCOUNT),
        ],
    ),
    (
        "UpdateAssumeRolePolicy",
        &[("RoleName", "Admin"), ("PolicyDocument", TRUST_ACCOUNT)],
    ),
    (
        "UpdateAssumeRolePolicy",
        &[
            ("RoleName", UNBOUNDED_ROLE),
            ("PolicyDocument", TRUST_ACCOUNT),
        ],
    ),
    (
        "UpdateRole",
        &[("RoleName", MANAGED_ROLE), ("MaxSessionDuration", "43200")],
    ),
    (
        "UpdateRole",
        &[("RoleName", "Admin"), ("MaxSessionDuration", "43200")],
    ),
    (
        "TagRole",
        &[
            ("RoleName", "Admin"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "dax"),
        ],
    ),
    (
        "TagRole",
        &[
            ("RoleName", "Worker"),
            ("Tags.member.1.Key", "dax-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
        ],
    ),
    (
        "TagRole",
        &[
            ("RoleName", MANAGED_ROLE),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "payroll"),
        ],
    ),
    (
        "UntagRole",
        &[
            ("RoleName", MANAGED_ROLE),
            ("TagKeys.member.1", "dax-provisioner:operation"),
        ],
    ),
    (
        "UntagRole",
        &[("RoleName", "Admin"), ("TagKeys.member.1", "team")],
    ),
    ("DeleteRole", &[("RoleName", "Admin")]),
    ("DeleteRole", &[("RoleName", "AWSServiceRoleForDAX")]),
    ("GetRole", &[("RoleName", "Admin")]),
];
