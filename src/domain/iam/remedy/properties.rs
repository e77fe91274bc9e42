//! The sandbox's policy evaluator confirms that each remedy fixes its denial and grants no more.

use aws_sandbox::policy::document::Document;
use aws_sandbox::policy::evaluate::{Authority, Context, Decision, Request, evaluate};
use proptest::prelude::*;

use super::remedy;
use super::tests::{BOUNDARY, LINKED, MANAGED_POLICY, MANAGED_ROLE, USER, call_site};
use crate::domain::iam::denial;
use crate::domain::iam::policies::PolicyDocument;
use crate::domain::iam::policies::service::{DAX_ACTIONS, ServiceScope, service_policy};

fn allowed(policy: &PolicyDocument, action: &str, resource: &str, context: &Context) -> bool {
    let identity = [Document::parse_identity(&policy.to_json()).expect("IAM accepts it")];
    let authority = Authority {
        identity: &identity,
        boundary: None,
        session: None,
    };
    evaluate(
        &authority,
        &Request {
            action,
            resource,
            context,
        },
    ) == Decision::Allowed
}

fn context() -> Context {
    [
        ("aws:requestedregion", "us-west-2"),
        ("iam:passedtoservice", "dax.amazonaws.com"),
        ("iam:awsservicename", "dax.amazonaws.com"),
        ("iam:permissionsboundary", BOUNDARY),
        ("iam:policyarn", MANAGED_POLICY),
        ("ec2:createaction", "AuthorizeSecurityGroupIngress"),
        ("aws:tagkeys", "dax-provisioner:operation"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), vec![value.to_owned()]))
    .collect()
}

/// The actions and resources of lookups and ingress changes.
const LOOKUPS: [(&str, &str); 6] = [
    (
        "dynamodb:DescribeTable",
        "arn:aws:dynamodb:us-west-2:123456789012:table/Orders",
    ),
    ("ec2:DescribeSubnets", "*"),
    ("ec2:DescribeSecurityGroupRules", "*"),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "arn:aws:ec2:us-west-2:123456789012:security-group/sg-0a1b2c3d",
    ),
    (
        "ec2:RevokeSecurityGroupIngress",
        "arn:aws:ec2:us-west-2:123456789012:security-group/sg-0a1b2c3d",
    ),
    (
        "ec2:CreateTags",
        "arn:aws:ec2:us-west-2:123456789012:security-group-rule/*",
    ),
];

const ROLE_ACTIONS: [&str; 9] = [
    "CreateRole",
    "GetRole",
    "TagRole",
    "DeleteRole",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PassRole",
];

const POLICY_ACTIONS: [&str; 6] = [
    "CreatePolicy",
    "TagPolicy",
    "GetPolicy",
    "GetPolicyVersion",
    "ListPolicyVersions",
    "DeletePolicy",
];

/// Every action of the service policy, with a resource that it applies to.
fn actions_and_resources() -> impl Iterator<Item = (String, &'static str)> {
    DAX_ACTIONS
        .iter()
        .map(|action| ((*action).to_owned(), "*"))
        .chain(
            ROLE_ACTIONS
                .iter()
                .map(|name| (format!("iam:{name}"), MANAGED_ROLE)),
        )
        .chain(
            POLICY_ACTIONS
                .iter()
                .map(|name| (format!("iam:{name}"), MANAGED_POLICY)),
        )
        .chain([("iam:CreateServiceLinkedRole".to_owned(), LINKED)])
        .chain(LOOKUPS.map(|(action, resource)| (action.to_owned(), resource)))
}

#[test]
fn every_action_of_the_service_policy_has_an_exact_remedy() {
    let scope = ServiceScope {
        partition: "aws",
        account_id: "123456789012",
        region: "us-west-2",
        boundary_arn: Some(BOUNDARY),
        service_role_arns: &[],
        lookups: true,
    };
    let service_policy = service_policy(&scope);
    for (action, resource) in actions_and_resources() {
        let on = if resource == "*" {
            String::new()
        } else {
            format!(" on resource: {resource}")
        };
        let message = format!("User: {USER} is not authorized to perform: {action}{on}");
        let denial = denial::parse(&message).expect("a denial");
        let document = remedy(&denial, &call_site(None, Some(BOUNDARY))).expect("a remedy");
        assert!(
            allowed(&document, &action, resource, &context()),
            "{action}"
        );
        assert!(
            allowed(&service_policy, &action, resource, &context()),
            "the service policy lacks {action}"
        );
        assert!(!allowed(&document, "iam:CreateUser", resource, &context()));
        if resource != "*" {
            assert!(
                !allowed(
                    &document,
                    &action,
                    "arn:aws:iam::123456789012:role/admin",
                    &context()
                ),
                "{action}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_message_gets_every_iam_resource(
        name in "[A-Z][A-Za-z]{2,20}", resource in "(policy |role |user |)[ -~]{0,40}", known in prop::option::of(Just(MANAGED_ROLE)),
    ) {
        let action = format!("iam:{name}");
        prop_assume!(action != "iam:ListRoles" && action != "iam:ListPolicies");
        let message = format!("User: {USER} is not authorized to perform: {action} on resource: {resource}");
        let Some(denial) = denial::parse(&message) else { return Ok(()) };
        if let Some(document) = remedy(&denial, &call_site(known, None)) {
            let other = allowed(&document, &denial.action, "arn:aws:iam::123456789012:role/admin-of-all", &context());
            prop_assert!(!other, "{}", document.to_json());
        }
    }
}
