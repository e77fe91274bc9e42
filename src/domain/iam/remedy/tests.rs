//! Each refusal gets the statement that cures it.

use super::{CallSite, remedy};
use crate::domain::iam::denial;
use crate::domain::iam::denial::{DenialCause, PolicyKind};

pub(super) const USER: &str = "arn:aws:iam::123456789012:user/portal";
pub(super) const OUR_ROLE: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abc";
pub(super) const OUR_POLICY: &str =
    "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abc";
pub(super) const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
pub(super) const LINKED: &str =
    "arn:aws:iam::123456789012:role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX";

pub(super) fn place(
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

pub(super) fn handling(tail: &str, place: &CallSite<'_>) -> Option<String> {
    let message = format!("User: {USER} is not authorized to perform: {tail}");
    let denial = denial::parse(&message).expect("a denial");
    remedy(&denial, place).map(|document| document.to_json())
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

/// The condition element of each remedy that has one.
const BOUNDED: &str = r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/dax-provisioner-boundary"}}"#;
const ONLY_OURS: &str =
    r#"{"ArnLike":{"iam:PolicyARN":"arn:aws:iam::123456789012:policy/dax-provisioner/dax-*"}}"#;
const PASSED: &str = r#"{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}"#;
const LINKED_TO_DAX: &str = r#"{"StringEquals":{"iam:AWSServiceName":"dax.amazonaws.com"}}"#;

#[test]
fn the_guide_s_refusals_are_cured_on_full_arns() {
    for (action, stated, resource_arn, resource, condition) in [
        ("iam:CreateRole", OUR_ROLE, None, OUR_ROLE, ""),
        (
            "iam:CreatePolicy",
            "policy dax-orders-abc",
            Some(OUR_POLICY),
            OUR_POLICY,
            "",
        ),
        (
            "iam:CreatePolicyVersion",
            &format!("policy {OUR_POLICY}"),
            None,
            OUR_POLICY,
            "",
        ),
        (
            "iam:AttachRolePolicy",
            "role dax-orders-abc",
            Some(OUR_ROLE),
            OUR_ROLE,
            ONLY_OURS,
        ),
        (
            "iam:AttachRolePolicy",
            "role dax-orders-abc",
            Some(OUR_POLICY),
            OUR_ROLE,
            ONLY_OURS,
        ),
        ("iam:PassRole", OUR_ROLE, None, OUR_ROLE, PASSED),
        (
            "iam:CreateServiceLinkedRole",
            LINKED,
            None,
            LINKED,
            LINKED_TO_DAX,
        ),
        ("iam:TagRole", OUR_ROLE, None, OUR_ROLE, ""),
        (
            "iam:ListRoles",
            "arn:aws:iam::123456789012:role/",
            None,
            "*",
            "",
        ),
    ] {
        let refused = format!("{action} on resource: {stated}");
        assert_eq!(
            handling(&refused, &place(resource_arn, None)),
            statement(action, resource, condition),
            "{refused}"
        );
    }
    let unnamed = handling("iam:CreateServiceLinkedRole", &place(None, None));
    assert_eq!(
        unnamed,
        statement("iam:CreateServiceLinkedRole", LINKED, LINKED_TO_DAX)
    );
}

#[test]
fn a_configured_boundary_becomes_a_condition() {
    let both = format!("{},{}", &ONLY_OURS[..ONLY_OURS.len() - 1], &BOUNDED[1..]);
    for (action, condition) in [
        ("iam:CreateRole", BOUNDED),
        ("iam:AttachRolePolicy", &both),
        ("iam:PassRole", PASSED),
        ("iam:TagRole", ""),
    ] {
        let refused = format!("{action} on resource: {OUR_ROLE}");
        let cured = handling(&refused, &place(None, Some(BOUNDARY)));
        assert_eq!(cured, statement(action, OUR_ROLE, condition), "{action}");
    }
}

#[test]
fn a_name_without_a_known_path_is_matched_under_every_path() {
    let anywhere = |kind: &str, name: &str| {
        format!(
            r#"["arn:aws:iam::123456789012:{kind}/{name}","arn:aws:iam::123456789012:{kind}/*/{name}"]"#
        )
    };
    let nowhere = place(None, None);
    assert_eq!(
        handling("iam:CreatePolicy on resource: policy p", &nowhere),
        statement("iam:CreatePolicy", &anywhere("policy", "p"), "")
    );
    assert_eq!(
        handling(
            "iam:GetInstanceProfile on resource: instance profile p",
            &nowhere
        ),
        statement(
            "iam:GetInstanceProfile",
            &anywhere("instance-profile", "p"),
            ""
        )
    );
    // An older message names no resource at all: what we make is the narrowest answer.
    assert_eq!(
        handling("iam:DeletePolicy", &nowhere),
        statement(
            "iam:DeletePolicy",
            "arn:aws:iam::123456789012:policy/dax-provisioner/dax-*",
            ""
        )
    );
    // A role that is not there yet has no path in IAM's eyes.
    let present_and_absent =
        format!(r#"["{OUR_ROLE}","arn:aws:iam::123456789012:role/dax-orders-abc"]"#);
    let read = statement("iam:GetRole", &present_and_absent, "");
    assert_eq!(handling("iam:GetRole", &place(Some(OUR_ROLE), None)), read);
    assert_eq!(
        handling(
            "iam:GetRole on resource: role dax-orders-abc",
            &place(Some(OUR_ROLE), None)
        ),
        read
    );
    assert_eq!(
        handling("iam:CreateUser", &place(Some(OUR_ROLE), None)),
        None
    );
}

#[test]
fn dax_is_allowed_in_its_region_and_ec2_on_what_it_names() {
    let here = r#"{"StringEquals":{"aws:RequestedRegion":"us-west-2"}}"#;
    let interface = "arn:aws:ec2:us-west-2:123456789012:network-interface/*";
    let cache = "arn:aws:dax:us-west-2:123456789012:cache/orders";
    let at_cluster = place(Some(cache), None);
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
        // The role to pass is not the cluster the call was about.
        (
            "iam:PassRole".to_owned(),
            statement(
                "iam:PassRole",
                "arn:aws:iam::123456789012:role/dax-provisioner/dax-*",
                r#"{"StringEquals":{"iam:PassedToService":"dax.amazonaws.com"}}"#,
            ),
        ),
    ] {
        assert_eq!(handling(&tail, &at_cluster), expected, "{tail}");
    }
}

#[test]
fn where_an_allow_would_not_help_there_is_none() {
    for tail in [
        "with an explicit deny",
        "with an explicit deny in an identity-based policy",
        "with an explicit deny in a service control policy",
        "because no service control policy allows the iam:CreateRole action",
        "because no resource control policy allows the iam:CreateRole action",
        "because no VPC endpoint policy allows the iam:CreateRole action",
        "because no resource-based policy allows the iam:CreateRole action",
    ] {
        let refused = format!("iam:CreateRole on resource: {OUR_ROLE} {tail}");
        assert_eq!(handling(&refused, &place(None, None)), None, "{tail}");
    }
    for tail in [
        "permissions boundary",
        "session policy",
        "identity-based policy",
    ] {
        let refused = format!(
            "iam:CreateRole on resource: {OUR_ROLE} because no {tail} allows the iam:CreateRole action"
        );
        assert_eq!(
            handling(&refused, &place(None, None)),
            statement("iam:CreateRole", OUR_ROLE, ""),
            "{tail}"
        );
    }
    let silent = denial::Denial {
        principal: None,
        action: "iam:CreateRole".to_owned(),
        resource: None,
        cause: DenialCause::ExplicitDeny(Some(PolicyKind::Identity)),
        policy_arn: None,
    };
    assert_eq!(remedy(&silent, &place(None, None)), None);
}
