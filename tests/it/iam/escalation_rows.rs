//! The ways to more rights, as rows: what is refused, how it is tried.

use dax_provisioner::domain::names::IAM_PATH;

pub const ANYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub const ANYBODY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;

/// A role and a policy as the service makes them, a role of that name without a boundary, and things of others.
pub const OUR_ROLE: &str = "dax-orders-abcdefghij";
pub const LOOSE_ROLE: &str = "dax-loose-abcdefghij";
pub const OUR_POLICY: &str =
    "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
pub const WIDE_POLICY: &str = "arn:aws:iam::123456789012:policy/Wide";
pub const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
pub const ALL_RIGHTS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
pub const ADMIN_ROLE: &str = "arn:aws:iam::123456789012:role/Admin";

/// The refused action, the call of IAM or STS, and its input.
pub type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// A role that may do more than the boundary, or that others can take.
pub const NEW_ROLES: [Row; 9] = [
    (
        "iam:CreateRole",
        "no boundary",
        &[("RoleName", OUR_ROLE), ("Path", IAM_PATH)],
    ),
    (
        "iam:CreateRole",
        "a wide boundary",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", ALL_RIGHTS),
        ],
    ),
    (
        "iam:CreateRole",
        "a boundary of our own",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", OUR_POLICY),
        ],
    ),
    (
        "iam:CreateRole",
        "no path",
        &[("RoleName", OUR_ROLE), ("PermissionsBoundary", BOUNDARY)],
    ),
    (
        "iam:CreateRole",
        "the console's path",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", "/service-role/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "iam:CreateRole",
        "another name",
        &[
            ("RoleName", "Admin2"),
            ("Path", IAM_PATH),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "iam:CreateRole",
        "another path alike",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", "/dax-provisioner2/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "iam:CreateRole",
        "a path below others",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", "/x/dax-provisioner/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
    (
        "iam:CreateRole",
        "another case",
        &[
            ("RoleName", OUR_ROLE),
            ("Path", "/DAX-provisioner/"),
            ("PermissionsBoundary", BOUNDARY),
        ],
    ),
];

/// Rights put on a role, or on a policy that a role has.
pub const MORE_RIGHTS: [Row; 36] = [
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", OUR_ROLE), ("PolicyArn", ALL_RIGHTS)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[
            ("RoleName", OUR_ROLE),
            ("PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[
            ("RoleName", OUR_ROLE),
            ("PolicyArn", "arn:aws:iam::aws:policy/IAMFullAccess"),
        ],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", OUR_ROLE), ("PolicyArn", WIDE_POLICY)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", OUR_ROLE), ("PolicyArn", BOUNDARY)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", LOOSE_ROLE), ("PolicyArn", OUR_POLICY)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", LOOSE_ROLE), ("PolicyArn", ALL_RIGHTS)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", "Admin"), ("PolicyArn", OUR_POLICY)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[("RoleName", "Worker"), ("PolicyArn", ALL_RIGHTS)],
    ),
    (
        "iam:AttachRolePolicy",
        "AttachRolePolicy",
        &[
            ("RoleName", "AWSServiceRoleForDAX"),
            ("PolicyArn", OUR_POLICY),
        ],
    ),
    (
        "iam:DetachRolePolicy",
        "DetachRolePolicy",
        &[("RoleName", "Admin"), ("PolicyArn", ALL_RIGHTS)],
    ),
    (
        "iam:DetachRolePolicy",
        "DetachRolePolicy",
        &[("RoleName", LOOSE_ROLE), ("PolicyArn", OUR_POLICY)],
    ),
    (
        "iam:PutRolePolicy",
        "PutRolePolicy",
        &[
            ("RoleName", OUR_ROLE),
            ("PolicyName", "p"),
            ("PolicyDocument", ANYTHING),
        ],
    ),
    (
        "iam:PutRolePolicy",
        "PutRolePolicy",
        &[
            ("RoleName", "Worker"),
            ("PolicyName", "p"),
            ("PolicyDocument", ANYTHING),
        ],
    ),
    (
        "iam:DeleteRolePolicy",
        "DeleteRolePolicy",
        &[("RoleName", "Worker"), ("PolicyName", "p")],
    ),
    (
        "iam:GetRolePolicy",
        "GetRolePolicy",
        &[("RoleName", "Worker"), ("PolicyName", "p")],
    ),
    (
        "iam:CreatePolicy",
        "CreatePolicy",
        &[("PolicyName", "Wide2"), ("PolicyDocument", ANYTHING)],
    ),
    (
        "iam:CreatePolicy",
        "CreatePolicy",
        &[
            ("PolicyName", "wide"),
            ("Path", IAM_PATH),
            ("PolicyDocument", ANYTHING),
        ],
    ),
    (
        "iam:CreatePolicy",
        "CreatePolicy",
        &[
            ("PolicyName", "dax-x"),
            ("Path", "/service-role/"),
            ("PolicyDocument", ANYTHING),
        ],
    ),
    (
        "iam:CreatePolicy",
        "CreatePolicy",
        &[
            ("PolicyName", "dax-provisioner-boundary"),
            ("PolicyDocument", ANYTHING),
        ],
    ),
    (
        "iam:CreatePolicyVersion",
        "CreatePolicyVersion",
        &[
            ("PolicyArn", OUR_POLICY),
            ("PolicyDocument", ANYTHING),
            ("SetAsDefault", "true"),
        ],
    ),
    (
        "iam:CreatePolicyVersion",
        "CreatePolicyVersion",
        &[
            ("PolicyArn", BOUNDARY),
            ("PolicyDocument", ANYTHING),
            ("SetAsDefault", "true"),
        ],
    ),
    (
        "iam:CreatePolicyVersion",
        "CreatePolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("PolicyDocument", ANYTHING)],
    ),
    (
        "iam:SetDefaultPolicyVersion",
        "SetDefaultPolicyVersion",
        &[("PolicyArn", OUR_POLICY), ("VersionId", "v1")],
    ),
    (
        "iam:SetDefaultPolicyVersion",
        "SetDefaultPolicyVersion",
        &[("PolicyArn", BOUNDARY), ("VersionId", "v1")],
    ),
    (
        "iam:SetDefaultPolicyVersion",
        "SetDefaultPolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("VersionId", "v2")],
    ),
    (
        "iam:DeletePolicyVersion",
        "DeletePolicyVersion",
        &[("PolicyArn", BOUNDARY), ("VersionId", "v1")],
    ),
    (
        "iam:DeletePolicyVersion",
        "DeletePolicyVersion",
        &[("PolicyArn", WIDE_POLICY), ("VersionId", "v2")],
    ),
    (
        "iam:DeletePolicy",
        "DeletePolicy",
        &[("PolicyArn", BOUNDARY)],
    ),
    (
        "iam:DeletePolicy",
        "DeletePolicy",
        &[("PolicyArn", WIDE_POLICY)],
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "PutRolePermissionsBoundary",
        &[("RoleName", OUR_ROLE), ("PermissionsBoundary", ALL_RIGHTS)],
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "PutRolePermissionsBoundary",
        &[("RoleName", OUR_ROLE), ("PermissionsBoundary", WIDE_POLICY)],
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "PutRolePermissionsBoundary",
        &[("RoleName", LOOSE_ROLE), ("PermissionsBoundary", BOUNDARY)],
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "PutRolePermissionsBoundary",
        &[("RoleName", "Admin"), ("PermissionsBoundary", BOUNDARY)],
    ),
    (
        "iam:DeleteRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
        &[("RoleName", OUR_ROLE)],
    ),
    (
        "iam:DeleteRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
        &[("RoleName", "Worker")],
    ),
];

/// Roles of others taken, changed, marked as ours or removed; and what is not the service's to know.
pub const OTHERS: [Row; 20] = [
    (
        "iam:UpdateAssumeRolePolicy",
        "UpdateAssumeRolePolicy",
        &[("RoleName", OUR_ROLE), ("PolicyDocument", ANYBODY)],
    ),
    (
        "iam:UpdateAssumeRolePolicy",
        "UpdateAssumeRolePolicy",
        &[("RoleName", "Admin"), ("PolicyDocument", ANYBODY)],
    ),
    (
        "iam:UpdateAssumeRolePolicy",
        "UpdateAssumeRolePolicy",
        &[("RoleName", LOOSE_ROLE), ("PolicyDocument", ANYBODY)],
    ),
    (
        "iam:UpdateRole",
        "UpdateRole",
        &[("RoleName", OUR_ROLE), ("MaxSessionDuration", "43200")],
    ),
    (
        "iam:UpdateRole",
        "UpdateRole",
        &[("RoleName", "Admin"), ("MaxSessionDuration", "43200")],
    ),
    (
        "iam:TagRole",
        "TagRole",
        &[
            ("RoleName", "Admin"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "dax"),
        ],
    ),
    (
        "iam:TagRole",
        "TagRole",
        &[
            ("RoleName", "Worker"),
            ("Tags.member.1.Key", "dax-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
        ],
    ),
    (
        "iam:UntagRole",
        "UntagRole",
        &[
            ("RoleName", OUR_ROLE),
            ("TagKeys.member.1", "dax-provisioner:operation"),
        ],
    ),
    (
        "iam:UntagRole",
        "UntagRole",
        &[("RoleName", "Admin"), ("TagKeys.member.1", "team")],
    ),
    (
        "iam:TagPolicy",
        "TagPolicy",
        &[
            ("PolicyArn", WIDE_POLICY),
            ("Tags.member.1.Key", "dax-provisioner:operation"),
            ("Tags.member.1.Value", "x"),
        ],
    ),
    (
        "iam:TagPolicy",
        "TagPolicy",
        &[
            ("PolicyArn", BOUNDARY),
            ("Tags.member.1.Key", "a"),
            ("Tags.member.1.Value", "b"),
        ],
    ),
    (
        "iam:UntagPolicy",
        "UntagPolicy",
        &[
            ("PolicyArn", OUR_POLICY),
            ("TagKeys.member.1", "dax-provisioner:operation"),
        ],
    ),
    ("iam:DeleteRole", "DeleteRole", &[("RoleName", "Admin")]),
    (
        "iam:DeleteRole",
        "DeleteRole",
        &[("RoleName", "AWSServiceRoleForDAX")],
    ),
    ("iam:GetRole", "GetRole", &[("RoleName", "Admin")]),
    ("iam:GetPolicy", "GetPolicy", &[("PolicyArn", WIDE_POLICY)]),
    (
        "iam:SimulatePrincipalPolicy",
        "SimulatePrincipalPolicy",
        &[
            ("PolicySourceArn", ADMIN_ROLE),
            ("ActionNames.member.1", "iam:*"),
        ],
    ),
    (
        "iam:CreateServiceLinkedRole",
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "ec2.amazonaws.com")],
    ),
    (
        "iam:CreateServiceLinkedRole",
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "autoscaling.amazonaws.com")],
    ),
    ("iam:GetUser", "GetUser", &[("UserName", "sandbox")]),
];

/// What the sandbox does not play is asked of its simulator: may the service's identity do it, anywhere?
pub const SIMULATED: [&str; 44] = [
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:UpdateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:PutGroupPolicy",
    "iam:CreateGroup",
    "iam:PutUserPermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreateSAMLProvider",
    "iam:UpdateSAMLProvider",
    "iam:DeactivateMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "iam:CreateVirtualMFADevice",
    "iam:UploadServerCertificate",
    "iam:UploadSigningCertificate",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
    "iam:UpdateAccountPasswordPolicy",
    "iam:SetSecurityTokenServicePreferences",
    "iam:CreateAccountAlias",
    "sts:GetFederationToken",
    "organizations:LeaveOrganization",
    "lambda:CreateFunction",
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "ec2:RunInstances",
    "ec2:AssociateIamInstanceProfile",
    "cloudformation:CreateStack",
    "glue:CreateDevEndpoint",
    "ssm:SendCommand",
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "s3:GetObject",
    "dynamodb:GetItem",
    "dax:GetItem",
];

/// Services that a role could be passed to instead of DAX.
pub const TAKERS: [&str; 6] = [
    "ec2.amazonaws.com",
    "lambda.amazonaws.com",
    "cloudformation.amazonaws.com",
    "glue.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "states.amazonaws.com",
];
