//! The least-privilege policy of the provisioning service itself.

use super::{Conditions, DAX_PRINCIPAL, Effect, PolicyDocument, Statement, Values, condition};
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::names::IAM_PATH;

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

/// The condition key of ec2:CreateTags that says in which call the tagged thing is made.
pub const CREATE_ACTION: &str = "ec2:CreateAction";
/// The only call that tags.
pub const CREATES_RULES: &str = "AuthorizeSecurityGroupIngress";

/// Where the service works, and with what.
#[derive(Debug, Clone, Copy)]
pub struct ServiceScope<'a> {
    /// Partition, e.g. `aws`.
    pub partition: &'a str,
    /// The account, 12 digits.
    pub account_id: &'a str,
    /// The Region.
    pub region: &'a str,
    /// The boundary every role of ours must carry, if there is one.
    pub boundary_arn: Option<&'a str>,
    /// Roles given by ARN that clusters may use.
    pub service_role_arns: &'a [String],
    /// Whether the service looks things up in EC2 and DynamoDB, and opens ports.
    pub lookups: bool,
}

/// The policy the service needs to create, scale, update and delete clusters. Without a boundary whoever holds it can
/// escalate, as the guide page warns; with one nobody can.
pub fn service_policy(scope: &ServiceScope<'_>) -> PolicyDocument {
    let mut statements = control_plane(scope);
    statements.extend(roles(scope));
    statements.extend(access_policies(scope));
    statements.extend(passing(scope));
    if scope.lookups {
        statements.extend(lookups(scope));
    }
    if let Some(boundary) = scope.boundary_arn {
        statements.extend(boundary_protection(boundary));
    }
    PolicyDocument::new(statements)
}

/// The ARN pattern of every role, or policy, that we name.
fn managed(scope: &ServiceScope<'_>, kind: &str) -> String {
    format!(
        "arn:{}:iam::{}:{kind}{IAM_PATH}dax-*",
        scope.partition, scope.account_id
    )
}

/// A role without a path. IAM asks about a role by its name, so one that does not exist (yet, or any more) has no path in
/// its eyes; a read that may not ask about it is told "denied" where "not there" is meant.
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
    let here = condition(
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
        allow("DaxControlPlane", &DAX_ACTIONS, "*", here),
        allow("PlacementPreflight", &placement, "*", Conditions::new()),
    ]
}

fn roles(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let bounded = |conditions: Conditions| match scope.boundary_arn {
        Some(boundary) => {
            let mut conditions = conditions;
            conditions.extend(condition(
                "StringEquals",
                "iam:PermissionsBoundary",
                Values::one(boundary),
            ));
            conditions
        }
        None => conditions,
    };
    let create = if scope.boundary_arn.is_some() {
        "CreateServiceRoleWithBoundary"
    } else {
        "CreateServiceRole"
    };
    let read = [
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    let readable = Values::Many(vec![managed(scope, "role"), without_path(scope, "dax-*")]);
    let read = Statement::allow(
        Some("ReadServiceRole"),
        Values::many(read),
        readable,
        Conditions::new(),
    );
    let only_ours = condition(
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
            bounded(Conditions::new()),
        ),
        read,
        allow(
            "ManageServiceRole",
            &["iam:TagRole", "iam:DeleteRole"],
            managed(scope, "role"),
            Conditions::new(),
        ),
        allow(
            "AttachOnlyOurPolicies",
            &attach,
            managed(scope, "role"),
            bounded(only_ours),
        ),
        allow(
            "FindRolesAndOrphans",
            &["iam:ListRoles", "iam:ListPolicies"],
            "*",
            Conditions::new(),
        ),
    ]
}

fn access_policies(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let manage = [
        "iam:CreatePolicy",
        "iam:TagPolicy",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyVersions",
        "iam:DeletePolicy",
    ];
    vec![allow(
        "ManageAccessPolicies",
        &manage,
        managed(scope, "policy"),
        Conditions::new(),
    )]
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
            "MakeDaxServiceLinkedRole",
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
        let given = || Values::many(scope.service_role_arns.iter().cloned());
        let read = Values::one("iam:GetRole");
        statements.push(Statement::allow(
            Some("ReadGivenServiceRoles"),
            read,
            given(),
            Conditions::new(),
        ));
        statements.push(pass("PassGivenServiceRolesToDaxOnly", given()));
    }
    statements
}

/// What only a build with lookups needs. EC2 has no condition key for the source of a rule, so that a port is never opened
/// to everybody is the service's own rule, and not IAM's.
fn lookups(scope: &ServiceScope<'_>) -> Vec<Statement> {
    let here = |service: &str, kind: &str| {
        format!(
            "arn:{}:{service}:{}:{}:{kind}/*",
            scope.partition, scope.region, scope.account_id
        )
    };
    let ingress = [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    let at_birth = condition("StringEquals", CREATE_ACTION, Values::one(CREATES_RULES));
    vec![
        allow(
            "LookUpTables",
            &["dynamodb:DescribeTable"],
            here("dynamodb", "table"),
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
            here("ec2", "security-group"),
            Conditions::new(),
        ),
        allow(
            "TagNewIngressRules",
            &["ec2:CreateTags"],
            here("ec2", "security-group-rule"),
            at_birth,
        ),
    ]
}

/// What the service needs beyond its policy to foretell refusals: to simulate its own policies, and nobody else's. A user
/// is simulated by its ARN; an assumed role first reads its own full ARN, which its session does not tell.
pub fn simulation_policy(own_arn: &str) -> PolicyDocument {
    let reads: &[&str] = if own_arn.contains(":role/") {
        &["iam:SimulatePrincipalPolicy", "iam:GetRole"]
    } else {
        &["iam:SimulatePrincipalPolicy"]
    };
    PolicyDocument::new(vec![allow(
        "ForetellRefusals",
        reads,
        own_arn,
        Conditions::new(),
    )])
}

/// Nobody who may write versions of the boundary, or take it off a role, is bound by it.
fn boundary_protection(boundary: &str) -> Vec<Statement> {
    let tampering = [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
    ];
    let mut no_tampering = allow(
        "NoBoundaryTampering",
        &tampering,
        boundary,
        Conditions::new(),
    );
    no_tampering.effect = Effect::Deny;
    let mut no_removal = Statement::allow(
        Some("NoBoundaryRemoval"),
        Values::one("iam:DeleteRolePermissionsBoundary"),
        Values::one("*"),
        Conditions::new(),
    );
    no_removal.effect = Effect::Deny;
    vec![no_tampering, no_removal]
}
