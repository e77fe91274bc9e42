//! The sandbox's policy evaluator confirms that each remedy fixes its denial and grants no more.

use aws_sandbox::policy::document::Document;
use aws_sandbox::policy::evaluate::{Authority, Context, Decision, Request, evaluate};
use proptest::prelude::*;

use super::tests::{BOUNDARY, LINKED, MANAGED_POLICY, MANAGED_ROLE, USER, pasted};
use super::{CallSite, remedy};
use crate::domain::iam::denial;
use crate::domain::iam::policies::PolicyDocument;
use crate::domain::iam::policies::service::{DAX_ACTIONS, ServiceScope, service_policy};

fn allowed(policy: &PolicyDocument, action: &str, resource: &str, context: &Context) -> bool {
    let identity = [Document::parse_identity(&policy.to_json()).expect("IAM accepts it")];
    let authority = Authority {
        identity: &identity,
        boundary: None,
        session: None,
        organization: None,
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
        let site = CallSite {
            boundary_arn: Some(BOUNDARY),
            is_own_call: true,
            ..pasted()
        };
        let document = remedy(&denial, &site).expect("a remedy");
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

/// A fragment of a denial, with parts of attacks.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "User: ",
        USER,
        "arn:aws:iam::999999999999:user/x",
        " is not authorized to perform: ",
        "iam:",
        "iam:CreateRole",
        "iam:GetRole",
        "iam:AttachRolePolicy",
        "iam:PassRole",
        "iam:CreatePolicyVersion",
        "dax:CreateCluster",
        "ec2:CreateTags",
        "sts:AssumeRole",
        " on resource: ",
        "policy ",
        "role ",
        "dax-orders-abcdefghij",
        MANAGED_ROLE,
        MANAGED_POLICY,
        BOUNDARY,
        "arn:aws:iam::***:role/dax-provisioner/dax-x",
        "arn:aws:dax:eu-west-1:123456789012:cache/orders",
        " because no identity-based policy allows the action",
        " with an explicit deny",
        "*",
        "?",
        "${x}",
        "/",
        "\\u002a",
        "&#42;",
        "\n│ ",
        "\"",
        "x",
    ]);
    prop_oneof![6 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

/// The service policy is what no remedy may exceed. `region` is the one in the remedy's ARNs.
fn scope(region: &str) -> ServiceScope<'_> {
    ServiceScope {
        partition: "aws",
        account_id: "123456789012",
        region,
        boundary_arn: None,
        service_role_arns: &[],
        lookups: true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    /// No text panics or makes a policy for an action or a resource that is not in the text, and no
    /// policy exceeds the service's own.
    #[test]
    fn a_policy_is_about_what_the_text_names(pieces in prop::collection::vec(piece(), 0..14)) {
        let text = pieces.concat();
        let Some(denial) = denial::parse(&text) else { return Ok(()) };
        let Ok(document) = remedy(&denial, &pasted()) else { return Ok(()) };
        let [one] = &document.statement[..] else { panic!("{document:?}") };
        prop_assert!(one.action.texts().iter().all(|action| text.contains(action.as_str())), "{one:?}");
        // A frame or a line break can be inside a name.
        let joined: String = text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect();
        for resource in one.resource.iter().flat_map(|resource| resource.texts()) {
            let name = resource.rsplit('/').next().unwrap_or_default();
            prop_assert!(resource == "*" || joined.contains(name), "{resource}");
        }
        for region in ["us-west-2", "eu-west-1"] {
            let own = service_policy(&scope(region));
            let covered = own.statement.iter().any(|own| {
                let patterns = own.resource.as_ref().map(|own| own.texts()).unwrap_or_default();
                let resources = one.resource.as_ref().map(|one| one.texts()).unwrap_or_default();
                let action = &one.action.texts()[0];
                own.action.texts().contains(action)
                    && own.condition.keys().eq(one.condition.keys())
                    && resources.iter().all(|resource| {
                        patterns.iter().any(|pattern| super::resource::matches(pattern.as_bytes(), resource.as_bytes()))
                    })
            });
            if covered { return Ok(()); }
        }
        prop_assert!(false, "{}", document.to_json());
    }
}
