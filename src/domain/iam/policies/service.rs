//! The least-privilege policy of the provisioning service itself.

use super::boundary::managed_roles;
use super::{Conditions, DAX_PRINCIPAL, Effect, PolicyDocument, Statement, Values, condition};
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG, OPERATION_TAG};

/// Every action of the DAX control plane (API model of DAX, version 2017-04-19).
pub const DAX_ACTIONS: [&str; 21] = [
    "dax:CreateCluster",
    "dax:DeleteCluster",
    "dax:UpdateCluster",
    "dax:DescribeClusters",
    "dax:IncreaseReplicationFactor",
    "dax:DecreaseReplicationFactor",
    "dax:RebootNode",
    "dax:CreateSubnetGroup",
    "dax:UpdateSubnetGroup",
    "dax:DeleteSubnetGroup",
    "dax:DescribeSubnetGroups",
    "dax:CreateParameterGroup",
    "dax:UpdateParameterGroup",
    "dax:DeleteParameterGroup",
    "dax:DescribeParameterGroups",
    "dax:DescribeParameters",
    "dax:DescribeDefaultParameters",
    "dax:DescribeEvents",
    "dax:ListTags",
    "dax:TagResource",
    "dax:UntagResource",
];

/// The condition key of `ec2:CreateTags` for the call that creates the tagged resource.
pub const CREATE_ACTION: &str = "ec2:CreateAction";
/// The value of [`CREATE_ACTION`] for new security group rules, the only EC2 resources that this
/// service tags.
pub const CREATES_RULES: &str = "AuthorizeSecurityGroupIngress";

/// Account, Region and options of the service, from which its policy is built.
#[derive(Debug, Clone, Copy)]
pub struct ServiceScope<'a> {
    /// AWS partition, such as `aws`.
    pub partition: &'a str,
    /// AWS account ID, 12 digits.
    pub account_id: &'a str,
    /// AWS Region, such as `eu-west-1`.
    pub region: &'a str,
    /// ARN of the permissions boundary of managed roles, if one is configured.
    pub boundary_arn: Option<&'a str>,
    /// ARNs of existing roles that clusters can use.
    pub service_role_arns: &'a [String],
    /// Whether the service reads from EC2 and DynamoDB and changes security group rules.
    pub lookups: bool,
}

/// The policy that the service needs to create, scale, update and delete clusters.
///
/// Without a permissions boundary it permits privilege escalation, as the developer guide warns.
/// With one, `docs/security.md` lists what remains: the content of a role's trust policy cannot be
/// limited, so a new role can admit others to all data that the boundary allows.
pub fn service_policy(scope: &ServiceScope<'_>) -> PolicyDocument {
    let mut statements = control_plane(scope);
    statements.extend(roles(scope));
    statements.extend(access_policies(scope));
    statements.extend(passing(scope));
    if scope.lookups {
        statements.extend(lookups(scope));
    }
    statements.push(no_sessions(scope));
    if let Some(boundary) = scope.boundary_arn {
        statements.extend(boundary_statements(boundary));
    }
    PolicyDocument::new(statements)
}

/// The ARN pattern of managed roles or policies.
fn managed(scope: &ServiceScope<'_>, kind: &str) -> String {
    format!(
        "arn:{}:iam::{}:{kind}{IAM_PATH}dax-*",
        scope.partition, scope.account_id
    )
}

/// The ARN of a role without its path. IAM authorises a missing role by name only, and without this
/// ARN returns AccessDenied instead of NoSuchEntity.
fn without_path(scope: &ServiceScope<'_>, name: &str) -> String {
    format!(
        "arn:{}:iam::{}:role/{name}",
        scope.partition, scope.account_id
    )
}

fn allow(
    sid: &str,
    actions: &[&str],
    resource: impl Into<String>,
    conditions: Conditions,
) -> Statement {
    Statement::allow(
        Some(sid),
        Values::many(actions.iter().copied()),
        Values::one(resource),
        conditions,
    )
}

fn control_plane(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let in_region = condition(
        "StringEquals",
        "aws:RequestedRegion",
        Values::many([scope.region]),
    );
    let placement = [
        "ec2:DescribeVpcs",
        "ec2:DescribeSubnets",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeAvailabilityZones",
    ];
    vec![
        allow("DaxControlPlane", &DAX_ACTIONS, "*", in_region),
        allow("PlacementPreflight", &placement, "*", Conditions::new()),
    ]
}

fn roles(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let create = if scope.boundary_arn.is_some() {
        "CreateServiceRoleWithBoundary"
    } else {
        "CreateServiceRole"
    };
    let only_managed = condition(
        "ArnLike",
        "iam:PolicyARN",
        Values::One(managed(scope, "policy")),
    );
    let attach = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"];
    vec![
        allow(
            create,
            &["iam:CreateRole"],
            managed(scope, "role"),
            with_boundary(scope, only_own_tags()),
        ),
        read_roles(scope),
        allow(
            "TagServiceRole",
            &["iam:TagRole"],
            managed(scope, "role"),
            only_own_tags(),
        ),
        allow(
            "DeleteServiceRole",
            &["iam:DeleteRole"],
            managed(scope, "role"),
            Conditions::new(),
        ),
        allow(
            "AttachOnlyOurPolicies",
            &attach,
            managed(scope, "role"),
            with_boundary(scope, only_managed),
        ),
        allow(
            "FindRolesAndOrphans",
            &["iam:ListRoles", "iam:ListPolicies"],
            "*",
            Conditions::new(),
        ),
    ]
}

/// The condition that a call sets no tag but the ownership tags: other tags can match conditions of
/// policies elsewhere.
pub fn only_own_tags() -> Conditions {
    condition(
        "ForAllValues:StringEquals",
        "aws:TagKeys",
        Values::many([INSTALLATION_TAG, OPERATION_TAG]),
    )
}

/// Adds the condition that the role has the permissions boundary, if one is configured.
fn with_boundary(scope: &ServiceScope<'_>, mut conditions: Conditions) -> Conditions {
    if let Some(boundary) = scope.boundary_arn {
        conditions.extend(condition(
            "StringEquals",
            "iam:PermissionsBoundary",
            Values::one(boundary),
        ));
    }
    conditions
}

fn read_roles(scope: &ServiceScope<'_>) -> Statement {
    let read = [
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    let readable = Values::Many(vec![managed(scope, "role"), without_path(scope, "dax-*")]);
    Statement::allow(
        Some("ReadServiceRole"),
        Values::many(read),
        readable,
        Conditions::new(),
    )
}

fn access_policies(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let create = ["iam:CreatePolicy", "iam:TagPolicy"];
    let manage = [
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyVersions",
        "iam:DeletePolicy",
    ];
    let policies = || managed(scope, "policy");
    vec![
        allow("CreateAccessPolicies", &create, policies(), only_own_tags()),
        allow(
            "ManageAccessPolicies",
            &manage,
            policies(),
            Conditions::new(),
        ),
    ]
}

fn passing(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let to_dax = || {
        condition(
            "StringEquals",
            "iam:PassedToService",
            Values::one(DAX_PRINCIPAL),
        )
    };
    let pass = |sid, resource| {
        Statement::allow(Some(sid), Values::one("iam:PassRole"), resource, to_dax())
    };
    let linked = format!(
        "arn:{}:iam::{}:role/aws-service-role/{DAX_PRINCIPAL}/{SERVICE_LINKED_ROLE}",
        scope.partition, scope.account_id
    );
    let for_dax = condition(
        "StringEquals",
        "iam:AWSServiceName",
        Values::one(DAX_PRINCIPAL),
    );
    let readable = Values::Many(vec![
        linked.clone(),
        without_path(scope, SERVICE_LINKED_ROLE),
    ]);
    let read = Values::one("iam:GetRole");
    let mut statements = vec![
        pass(
            "PassServiceRoleToDaxOnly",
            Values::One(managed(scope, "role")),
        ),
        allow(
            "CreateDaxServiceLinkedRole",
            &["iam:CreateServiceLinkedRole"],
            linked,
            for_dax,
        ),
        Statement::allow(
            Some("ReadDaxServiceLinkedRole"),
            read,
            readable,
            Conditions::new(),
        ),
    ];
    if !scope.service_role_arns.is_empty() {
        let roles = || Values::many(scope.service_role_arns.iter().cloned());
        let read = Values::one("iam:GetRole");
        statements.push(Statement::allow(
            Some("ReadExistingServiceRoles"),
            read,
            roles(),
            Conditions::new(),
        ));
        statements.push(pass("PassExistingServiceRolesToDaxOnly", roles()));
    }
    statements
}

/// The statements for a build with lookups. EC2 has no condition key for the source of a rule, so
/// only this service, and not IAM, prevents rules that are open to every address.
fn lookups(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let any = |service: &str, kind: &str| {
        format!(
            "arn:{}:{service}:{}:{}:{kind}/*",
            scope.partition, scope.region, scope.account_id
        )
    };
    let ingress = [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    let on_creation = condition("StringEquals", CREATE_ACTION, Values::one(CREATES_RULES));
    vec![
        allow(
            "LookUpTables",
            &["dynamodb:DescribeTable"],
            any("dynamodb", "table"),
            Conditions::new(),
        ),
        allow(
            "LookUpIngress",
            &["ec2:DescribeSecurityGroupRules"],
            "*",
            Conditions::new(),
        ),
        allow(
            "ChangeIngress",
            &ingress,
            any("ec2", "security-group"),
            Conditions::new(),
        ),
        allow(
            "TagNewIngressRules",
            &["ec2:CreateTags"],
            any("ec2", "security-group-rule"),
            on_creation,
        ),
    ]
}

/// The additional policy for the preflight: it allows the service to simulate its own policies
/// only.
///
/// A user is simulated by its ARN. An assumed role also reads its own full ARN, because the ARN of
/// its session lacks the path.
pub fn simulation_policy(own_arn: &str) -> PolicyDocument {
    let reads: &[&str] = if own_arn.contains(":role/") {
        &["iam:SimulatePrincipalPolicy", "iam:GetRole"]
    } else {
        &["iam:SimulatePrincipalPolicy"]
    };
    PolicyDocument::new(vec![allow(
        "SimulateOwnPolicies",
        reads,
        own_arn,
        Conditions::new(),
    )])
}

/// Lets `doctor` and the check of a target read the boundary. Denies changing it and removing it from
/// a role; either would defeat it.
fn boundary_statements(boundary: &str) -> Vec<Statement> {
    let reading = ["iam:GetPolicy", "iam:GetPolicyVersion"];
    let tampering = [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
    ];
    vec![
        allow("ReadBoundary", &reading, boundary, Conditions::new()),
        deny("NoBoundaryTampering", Values::many(tampering), boundary),
        deny(
            "NoBoundaryRemoval",
            Values::one("iam:DeleteRolePermissionsBoundary"),
            "*",
        ),
    ]
}

/// Denies sessions of managed roles. A trust policy that names this identity would otherwise be
/// enough: within an account, IAM asks for no identity policy then.
fn no_sessions(scope: &ServiceScope<'_>) -> Statement {
    deny(
        "NoSessionsOfServiceRoles",
        Values::one("sts:AssumeRole"),
        managed_roles(scope.partition, scope.account_id),
    )
}

fn deny(sid: &str, action: Values, resource: impl Into<String>) -> Statement {
    Statement {
        effect: Effect::Deny,
        ..Statement::allow(Some(sid), action, Values::one(resource), Conditions::new())
    }
}
