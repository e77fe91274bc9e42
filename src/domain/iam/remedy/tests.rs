//! Every denial of this service's permissions gets the statement that fixes it.

use super::no_policy::NoPolicy;
use super::{CallSite, conditions, remedy};
use crate::domain::iam::denial;

pub(super) const USER: &str = "arn:aws:iam::123456789012:user/portal";
pub(super) const MANAGED_ROLE: &str =
    "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abcdefghij";
pub(super) const MANAGED_POLICY: &str =
    "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
pub(super) const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
pub(super) const LINKED: &str =
    "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX";

pub(super) fn pasted() -> CallSite<'static> {
    CallSite {
        partition: "aws",
        account_id: "123456789012",
        region: "us-west-2",
        resource_arn: None,
        called_service: "",
        boundary_arn: None,
        is_own_call: false,
        lookups: true,
    }
}

fn own_call(target: &'static str) -> CallSite<'static> {
    CallSite {
        resource_arn: Some(target),
        is_own_call: true,
        ..pasted()
    }
}

pub(super) fn remedy_for(tail: &str, site: &CallSite<'_>) -> Result<String, NoPolicy> {
    let message = format!("User: {USER} is not authorized to perform: {tail}");
    let denial = denial::parse(&message).expect("a denial");
    remedy(&denial, site).map(|document| document.to_json())
}

pub(super) fn statement(action: &str, resource: &str, condition: &str) -> String {
    let resource = if resource.starts_with('[') {
        resource.to_owned()
    } else {
        format!("\"{resource}\"")
    };
    let condition = if condition.is_empty() {
        String::new()
    } else {
        format!(",\"Condition\":{condition}")
    };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":{resource}{condition}}}]}}"#
    )
}

/// The conditions of this service's own policy, as JSON.
fn own(action: &str, site: &CallSite<'_>) -> String {
    let conditions = conditions(action, site);
    match conditions.is_empty() {
        true => String::new(),
        false => serde_json::to_string(&conditions).expect("conditions contain only strings"),
    }
}

const OWN: &str = "own";
const BOUNDED: &str = r#""StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/dax-provisioner-boundary"}"#;
const ONLY_MANAGED: &str =
    r#"{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::123456789012:policy/dax-provisioner/dax-*"}}"#;
const PASSED: &str = r#"{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}"#;
const LINKED_TO_DAX: &str = r#"{"StringEquals":{"iam:AWSServiceName":"dax.amazonaws.com"}}"#;

#[test]
fn denials_are_fixed_on_full_arns() {
    for (action, stated, resource, condition) in [
        ("iam:CreateRole", MANAGED_ROLE, MANAGED_ROLE, OWN),
        (
            "iam:CreatePolicy",
            "policy dax-orders-abcdefghij",
            MANAGED_POLICY,
            OWN,
        ),
        (
            "iam:DeletePolicy",
            &format!("policy {MANAGED_POLICY}"),
            MANAGED_POLICY,
            OWN,
        ),
        (
            "iam:AttachRolePolicy",
            "role dax-orders-abcdefghij",
            MANAGED_ROLE,
            ONLY_MANAGED,
        ),
        ("iam:PassRole", MANAGED_ROLE, MANAGED_ROLE, PASSED),
        ("iam:CreateServiceLinkedRole", LINKED, LINKED, LINKED_TO_DAX),
        ("iam:TagRole", MANAGED_ROLE, MANAGED_ROLE, OWN),
        ("iam:ListRoles", "arn:aws:iam::123456789012:role/", "*", ""),
        ("iam:ListPolicies", "policy path /", "*", ""),
    ] {
        let denied = format!("{action} on resource: {stated}");
        let own = own(action, &pasted());
        let condition = if condition == OWN { &own } else { condition };
        let expected = Ok(statement(action, resource, condition));
        assert_eq!(remedy_for(&denied, &pasted()), expected, "{denied}");
    }
}

#[test]
fn the_target_of_an_own_call_completes_the_message() {
    for (denied, target, resource, condition) in [
        ("iam:CreateRole", MANAGED_ROLE, MANAGED_ROLE, OWN),
        ("iam:CreatePolicy", MANAGED_POLICY, MANAGED_POLICY, OWN),
        (
            "iam:AttachRolePolicy on resource: role dax-orders-abcdefghij",
            MANAGED_ROLE,
            MANAGED_ROLE,
            ONLY_MANAGED,
        ),
        ("iam:CreateServiceLinkedRole", LINKED, LINKED, LINKED_TO_DAX),
    ] {
        let action = denied.split(' ').next().expect("an action");
        let own = own(action, &own_call(target));
        let condition = if condition == OWN { &own } else { condition };
        let expected = Ok(statement(action, resource, condition));
        assert_eq!(remedy_for(denied, &own_call(target)), expected, "{denied}");
    }
    // The target is not of the kind that the action is authorised on.
    let denied = remedy_for("iam:CreatePolicy", &own_call(MANAGED_ROLE));
    assert_eq!(denied, Err(NoPolicy::ResourceUnknown));
}

/// A request can name an existing role. The sentence about it must come from AWS.
#[test]
fn a_given_role_is_passed_only_for_an_own_call() {
    let role = "arn:aws:iam::123456789012:role/service-role/DAXtoDynamoDB";
    let denied = format!("iam:PassRole on resource: {role}");
    let expected = Ok(statement("iam:PassRole", role, PASSED));
    assert_eq!(remedy_for(&denied, &own_call(role)), expected);
    assert_eq!(remedy_for(&denied, &pasted()), Err(NoPolicy::OtherResource));
    let read = remedy_for(
        "iam:GetRole on resource: role DAXtoDynamoDB",
        &own_call(role),
    );
    assert_eq!(read, Ok(statement("iam:GetRole", role, "")));
    let changed = format!("iam:TagRole on resource: {role}");
    assert_eq!(
        remedy_for(&changed, &own_call(role)),
        Err(NoPolicy::OtherResource)
    );
}

#[test]
fn a_configured_boundary_becomes_a_condition() {
    let site = CallSite {
        boundary_arn: Some(BOUNDARY),
        ..pasted()
    };
    for (action, is_bounded) in [
        ("iam:CreateRole", true),
        ("iam:AttachRolePolicy", true),
        ("iam:PassRole", false),
        ("iam:TagRole", false),
    ] {
        let denied = format!("{action} on resource: {MANAGED_ROLE}");
        let own = own(action, &site);
        let expected = Ok(statement(action, MANAGED_ROLE, &own));
        assert_eq!(remedy_for(&denied, &site), expected, "{action}");
        assert_eq!(own.contains(BOUNDED), is_bounded, "{own}");
    }
}

#[test]
fn a_role_is_read_with_and_without_its_path() {
    let both =
        format!(r#"["{MANAGED_ROLE}","arn:aws:iam::123456789012:role/dax-orders-abcdefghij"]"#);
    for stated in [MANAGED_ROLE, "role dax-orders-abcdefghij"] {
        let denied = format!("iam:GetRole on resource: {stated}");
        let expected = Ok(statement("iam:GetRole", &both, ""));
        assert_eq!(remedy_for(&denied, &pasted()), expected);
    }
}

#[test]
fn the_region_of_the_message_is_the_condition() {
    let here = |region: &str| format!(r#"{{"StringEquals":{{"aws:RequestedRegion":"{region}"}}}}"#);
    for (resource, region) in [
        ("", "us-west-2"),
        (
            " on resource: arn:aws:dax:eu-west-1:123456789012:cache/orders",
            "eu-west-1",
        ),
        (
            " on resource: arn:aws:dax:us-west-2:123456789012:cache/orders",
            "us-west-2",
        ),
    ] {
        let denied = format!("dax:CreateCluster{resource}");
        let expected = Ok(statement("dax:CreateCluster", "*", &here(region)));
        assert_eq!(remedy_for(&denied, &pasted()), expected);
    }
    for region in ["mars-1", "*", "cn-north-1", "us-*-1"] {
        let denied =
            format!("dax:CreateCluster on resource: arn:aws:dax:{region}:123456789012:cache/x");
        assert_eq!(
            remedy_for(&denied, &pasted()),
            Err(NoPolicy::UnknownRegion),
            "{region}"
        );
    }
    let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders";
    let denied = format!("dynamodb:DescribeTable on resource: {table}");
    let expected = Ok(statement("dynamodb:DescribeTable", table, ""));
    assert_eq!(remedy_for(&denied, &pasted()), expected);
    let without_lookups = CallSite {
        lookups: false,
        ..pasted()
    };
    assert_eq!(
        remedy_for(&denied, &without_lookups),
        Err(NoPolicy::NotNeeded)
    );
}

#[test]
fn there_is_no_remedy_if_an_allow_does_not_help() {
    for (tail, reason) in [
        ("with an explicit deny", NoPolicy::AllowDoesNotHelp),
        (
            "with an explicit deny in an identity-based policy",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "with an explicit deny in a service control policy",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "because no service control policy allows the iam:CreateRole action",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "because no resource control policy allows the iam:CreateRole action",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "because no VPC endpoint policy allows the iam:CreateRole action",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "because no resource-based policy allows the iam:CreateRole action",
            NoPolicy::AllowDoesNotHelp,
        ),
        (
            "because no permissions boundary allows the iam:CreateRole action",
            NoPolicy::Boundary,
        ),
        (
            "because no session policy allows the iam:CreateRole action",
            NoPolicy::Session,
        ),
    ] {
        let denied = format!("iam:CreateRole on resource: {MANAGED_ROLE} {tail}");
        assert_eq!(remedy_for(&denied, &pasted()), Err(reason), "{tail}");
    }
    let denied = format!(
        "iam:CreateRole on resource: {MANAGED_ROLE} because no identity-based policy allows the iam:CreateRole action"
    );
    let expected = Ok(statement(
        "iam:CreateRole",
        MANAGED_ROLE,
        &own("iam:CreateRole", &pasted()),
    ));
    assert_eq!(remedy_for(&denied, &pasted()), expected);
}
