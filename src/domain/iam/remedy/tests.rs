//! Every denial gets the statement that fixes it.

use super::{CallSite, remedy};
use crate::domain::iam::denial;
use crate::domain::iam::denial::{DenialCause, PolicyKind};

pub(super) const USER: &str = "arn:aws:iam::123456789012:user/portal";
pub(super) const MANAGED_ROLE: &str =
    "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc";
pub(super) const MANAGED_POLICY: &str =
    "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abc";
pub(super) const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
pub(super) const LINKED: &str =
    "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX";

pub(super) fn call_site(
    resource_arn: Option<&'static str>,
    boundary_arn: Option<&'static str>,
) -> CallSite<'static> {
    CallSite {
        partition: "aws",
        account_id: "123456789012",
        region: "us-west-2",
        resource_arn,
        passed_to_service: "dax.amazonaws.com",
        boundary_arn,
    }
}

pub(super) fn remedy_for(tail: &str, site: &CallSite<'_>) -> Option<String> {
    let message = format!("User: {USER} is not authorized to perform: {tail}");
    let denial = denial::parse(&message).expect("a denial");
    remedy(&denial, site).map(|document| document.to_json())
}

pub(super) fn statement(action: &str, resource: &str, condition: &str) -> Option<String> {
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
    Some(format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":{resource}{condition}}}]}}"#
    ))
}

const BOUNDED: &str = r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/dax-provisioner-boundary"}}"#;
const OWN_TAGS: &str = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["dax-provisioner:installation","dax-provisioner:operation"]}}"#;
const ONLY_MANAGED: &str =
    r#"{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::123456789012:policy/dax-provisioner/dax-*"}}"#;
const PASSED: &str = r#"{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}"#;
const LINKED_TO_DAX: &str = r#"{"StringEquals":{"iam:AWSServiceName":"dax.amazonaws.com"}}"#;

#[test]
fn the_guide_s_denials_are_fixed_on_full_arns() {
    for (action, stated, resource_arn, resource, condition) in [
        ("iam:CreateRole", MANAGED_ROLE, None, MANAGED_ROLE, OWN_TAGS),
        (
            "iam:CreatePolicy",
            "policy dax-orders-abc",
            Some(MANAGED_POLICY),
            MANAGED_POLICY,
            OWN_TAGS,
        ),
        (
            "iam:CreatePolicyVersion",
            &format!("policy {MANAGED_POLICY}"),
            None,
            MANAGED_POLICY,
            "",
        ),
        (
            "iam:AttachRolePolicy",
            "role dax-orders-abc",
            Some(MANAGED_ROLE),
            MANAGED_ROLE,
            ONLY_MANAGED,
        ),
        (
            "iam:AttachRolePolicy",
            "role dax-orders-abc",
            Some(MANAGED_POLICY),
            MANAGED_ROLE,
            ONLY_MANAGED,
        ),
        ("iam:PassRole", MANAGED_ROLE, None, MANAGED_ROLE, PASSED),
        (
            "iam:CreateServiceLinkedRole",
            LINKED,
            None,
            LINKED,
            LINKED_TO_DAX,
        ),
        ("iam:TagRole", MANAGED_ROLE, None, MANAGED_ROLE, OWN_TAGS),
        (
            "iam:ListRoles",
            "arn:aws:iam::123456789012:role/",
            None,
            "*",
            "",
        ),
    ] {
        let denied = format!("{action} on resource: {stated}");
        assert_eq!(
            remedy_for(&denied, &call_site(resource_arn, None)),
            statement(action, resource, condition),
            "{denied}"
        );
    }
    let unnamed = remedy_for("iam:CreateServiceLinkedRole", &call_site(None, None));
    assert_eq!(
        unnamed,
        statement("iam:CreateServiceLinkedRole", LINKED, LINKED_TO_DAX)
    );
}

#[test]
fn a_configured_boundary_becomes_a_condition() {
    let bounded = |other: &str| format!("{},{}", &other[..other.len() - 1], &BOUNDED[1..]);
    for (action, condition) in [
        ("iam:CreateRole", bounded(OWN_TAGS)),
        ("iam:AttachRolePolicy", bounded(ONLY_MANAGED)),
        ("iam:PassRole", PASSED.to_owned()),
        ("iam:TagRole", OWN_TAGS.to_owned()),
    ] {
        let denied = format!("{action} on resource: {MANAGED_ROLE}");
        let document = remedy_for(&denied, &call_site(None, Some(BOUNDARY)));
        assert_eq!(
            document,
            statement(action, MANAGED_ROLE, &condition),
            "{action}"
        );
    }
}

#[test]
fn a_name_without_a_known_path_is_matched_under_every_path() {
    let anywhere = |kind: &str, name: &str| {
        format!(
            r#"["arn:aws:iam::123456789012:{kind}/{name}","arn:aws:iam::123456789012:{kind}/*/{name}"]"#
        )
    };
    let without_target = call_site(None, None);
    assert_eq!(
        remedy_for("iam:CreatePolicy on resource: policy p", &without_target),
        statement("iam:CreatePolicy", &anywhere("policy", "p"), "")
    );
    assert_eq!(
        remedy_for(
            "iam:GetInstanceProfile on resource: instance profile p",
            &without_target
        ),
        statement(
            "iam:GetInstanceProfile",
            &anywhere("instance-profile", "p"),
            ""
        )
    );
    // Older messages name no resource, so the pattern of managed policies is the narrowest choice.
    assert_eq!(
        remedy_for("iam:DeletePolicy", &without_target),
        statement(
            "iam:DeletePolicy",
            "arn:aws:iam::123456789012:policy/dax-provisioner/dax-*",
            ""
        )
    );
    // IAM authorises a role that does not exist yet without its path.
    let present_and_absent =
        format!(r#"["{MANAGED_ROLE}","arn:aws:iam::123456789012:role/dax-orders-abc"]"#);
    let read = statement("iam:GetRole", &present_and_absent, "");
    assert_eq!(
        remedy_for("iam:GetRole", &call_site(Some(MANAGED_ROLE), None)),
        read
    );
    assert_eq!(
        remedy_for(
            "iam:GetRole on resource: role dax-orders-abc",
            &call_site(Some(MANAGED_ROLE), None)
        ),
        read
    );
    assert_eq!(
        remedy_for("iam:CreateUser", &call_site(Some(MANAGED_ROLE), None)),
        None
    );
}

#[test]
fn dax_is_allowed_in_its_region_and_ec2_on_what_it_names() {
    let here = r#"{"StringEquals":{"aws:RequestedRegion":"us-west-2"}}"#;
    let interface = "arn:aws:ec2:us-west-2:123456789012:network-interface/*";
    let cache = "arn:aws:dax:us-west-2:123456789012:cache/orders";
    let at_cluster = call_site(Some(cache), None);
    for (tail, expected) in [
        (
            "dax:CreateCluster".to_owned(),
            statement("dax:CreateCluster", "*", here),
        ),
        (
            format!("dax:DeleteCluster on resource: {cache}"),
            statement("dax:DeleteCluster", "*", here),
        ),
        (
            "dax:GetItem".to_owned(),
            statement("dax:GetItem", cache, ""),
        ),
        (
            "ec2:DescribeVpcs".to_owned(),
            statement("ec2:DescribeVpcs", "*", ""),
        ),
        (
            format!("ec2:CreateNetworkInterface on resource: {interface}"),
            statement("ec2:CreateNetworkInterface", interface, ""),
        ),
        (
            "ec2:DeleteNetworkInterface".to_owned(),
            statement("ec2:DeleteNetworkInterface", "*", ""),
        ),
        (
            "sns:GetTopicAttributes on resource: arn:aws:sns:us-west-2:123456789012:t".to_owned(),
            statement(
                "sns:GetTopicAttributes",
                "arn:aws:sns:us-west-2:123456789012:t",
                "",
            ),
        ),
        // The target of the call is the cluster, not the role to pass.
        (
            "iam:PassRole".to_owned(),
            statement(
                "iam:PassRole",
                "arn:aws:iam::123456789012:role/dax-provisioner/dax-*",
                r#"{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}"#,
            ),
        ),
    ] {
        assert_eq!(remedy_for(&tail, &at_cluster), expected, "{tail}");
    }
}

#[test]
fn there_is_no_remedy_if_an_allow_does_not_help() {
    for tail in [
        "with an explicit deny",
        "with an explicit deny in an identity-based policy",
        "with an explicit deny in a service control policy",
        "because no service control policy allows the iam:CreateRole action",
        "because no resource control policy allows the iam:CreateRole action",
        "because no VPC endpoint policy allows the iam:CreateRole action",
        "because no resource-based policy allows the iam:CreateRole action",
    ] {
        let denied = format!("iam:CreateRole on resource: {MANAGED_ROLE} {tail}");
        assert_eq!(remedy_for(&denied, &call_site(None, None)), None, "{tail}");
    }
    for tail in [
        "permissions boundary",
        "session policy",
        "identity-based policy",
    ] {
        let denied = format!(
            "iam:CreateRole on resource: {MANAGED_ROLE} because no {tail} allows the iam:CreateRole action"
        );
        assert_eq!(
            remedy_for(&denied, &call_site(None, None)),
            statement("iam:CreateRole", MANAGED_ROLE, ""),
            "{tail}"
        );
    }
    let denial = denial::Denial {
        principal: None,
        action: "iam:CreateRole".to_owned(),
        resource: None,
        cause: DenialCause::ExplicitDeny(Some(PolicyKind::Identity)),
        policy_arn: None,
    };
    assert_eq!(remedy(&denial, &call_site(None, None)), None);
}
