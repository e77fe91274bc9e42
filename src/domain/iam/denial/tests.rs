//! Every known form of AWS's denial messages, and texts that are no denials.

use super::{Denial, DenialCause, PolicyKind, parse};

const USER: &str = "arn:aws:iam::123456789012:user/portal";
const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole";

fn denial(action: &str, resource: Option<&str>, cause: DenialCause) -> Denial {
    Denial {
        principal: Some(USER.to_owned()),
        action: action.to_owned(),
        resource: resource.map(str::to_owned),
        cause,
        policy_arn: None,
    }
}

fn denied(tail: &str) -> String {
    format!("User: {USER} is not authorized to perform: {tail}")
}

#[test]
fn the_messages_of_the_guide_page_are_parsed() {
    let cases = [
        (
            format!("iam:CreateRole on resource: {ROLE}"),
            "iam:CreateRole",
            Some(ROLE),
        ),
        (
            "iam:CreatePolicy on resource: policy DAXServicePolicy".to_owned(),
            "iam:CreatePolicy",
            Some("policy DAXServicePolicy"),
        ),
        (
            "iam:AttachRolePolicy on resource: role DAXServiceRole".to_owned(),
            "iam:AttachRolePolicy",
            Some("role DAXServiceRole"),
        ),
        ("iam:CreateRole".to_owned(), "iam:CreateRole", None),
        (
            "iam:CreatePolicyVersion on resource: policy arn:aws:iam::123456789012:policy/p"
                .to_owned(),
            "iam:CreatePolicyVersion",
            Some("policy arn:aws:iam::123456789012:policy/p"),
        ),
        (
            "iam:GetInstanceProfile on resource: instance profile web".to_owned(),
            "iam:GetInstanceProfile",
            Some("instance profile web"),
        ),
        (
            "iam:DeletePolicy on resource: policy policy".to_owned(),
            "iam:DeletePolicy",
            Some("policy policy"),
        ),
    ];
    for (tail, action, resource) in cases {
        let expected = denial(action, resource, DenialCause::Unstated);
        assert_eq!(parse(&denied(&tail)), Some(expected), "{tail}");
    }
}

#[test]
fn every_kind_of_policy_without_an_allow_is_its_own_cause() {
    for (kind, cause, name) in [
        (
            "identity-based policy",
            DenialCause::IdentityPolicy,
            "identity_policy",
        ),
        (
            "permissions boundary",
            DenialCause::PermissionsBoundary,
            "permissions_boundary",
        ),
        (
            "service control policy",
            DenialCause::ServiceControlPolicy,
            "service_control_policy",
        ),
        (
            "resource control policy",
            DenialCause::ResourceControlPolicy,
            "resource_control_policy",
        ),
        (
            "session policy",
            DenialCause::SessionPolicy,
            "session_policy",
        ),
        (
            "VPC endpoint policy",
            DenialCause::VpcEndpointPolicy,
            "vpc_endpoint_policy",
        ),
        (
            "resource-based policy",
            DenialCause::ResourcePolicy,
            "resource_policy",
        ),
        ("lunar policy", DenialCause::Unstated, "unstated"),
    ] {
        let on_policy = denied(&format!(
            "iam:CreatePolicy on resource: policy p because no {kind} allows the iam:CreatePolicy action"
        ));
        assert_eq!(
            parse(&on_policy),
            Some(denial("iam:CreatePolicy", Some("policy p"), cause)),
            "{on_policy}"
        );
        let on_nothing = denied(&format!(
            "dax:CreateCluster because no {kind} allows the dax:CreateCluster action"
        ));
        assert_eq!(
            parse(&on_nothing),
            Some(denial("dax:CreateCluster", None, cause)),
            "{on_nothing}"
        );
        assert_eq!(cause.as_str(), name);
    }
}

#[test]
fn an_explicit_deny_names_the_kind_and_the_policy() {
    let boundary = "arn:aws:iam::123456789012:policy/DeveloperBoundary";
    let organisation = "arn:aws:organizations::123456789012:policy/o-1/service_control_policy/p-1";
    for (tail, kind, policy_arn) in [
        ("with an explicit deny".to_owned(), None, None),
        (
            "with an explicit deny in an identity-based policy".to_owned(),
            Some(PolicyKind::Identity),
            None,
        ),
        (
            format!("with an explicit deny in a permissions boundary: {boundary}"),
            Some(PolicyKind::PermissionsBoundary),
            Some(boundary),
        ),
        (
            format!("with an explicit deny in a service control policy: {organisation}."),
            Some(PolicyKind::ServiceControl),
            Some(organisation),
        ),
        (
            "with an explicit deny in a service control policy".to_owned(),
            Some(PolicyKind::ServiceControl),
            None,
        ),
        (
            "with an explicit deny in a resource control policy".to_owned(),
            Some(PolicyKind::ResourceControl),
            None,
        ),
        (
            "with an explicit deny in a session policy".to_owned(),
            Some(PolicyKind::Session),
            None,
        ),
        (
            "with an explicit deny in a VPC endpoint policy".to_owned(),
            Some(PolicyKind::VpcEndpoint),
            None,
        ),
        (
            "with an explicit deny in the resource-based policy".to_owned(),
            Some(PolicyKind::Resource),
            None,
        ),
        ("because of an explicit deny".to_owned(), None, None),
    ] {
        let message = denied(&format!("iam:CreatePolicy on resource: policy p {tail}"));
        let mut expected = denial(
            "iam:CreatePolicy",
            Some("policy p"),
            DenialCause::ExplicitDeny(kind),
        );
        expected.policy_arn = policy_arn.map(str::to_owned);
        assert_eq!(parse(&message), Some(expected), "{message}");
    }
}

#[test]
fn text_around_a_denial_is_ignored() {
    let sentence = denied(&format!(
        "iam:PassRole on resource: {ROLE} because no identity-based policy allows the iam:PassRole action"
    ));
    let expected = denial("iam:PassRole", Some(ROLE), DenialCause::IdentityPolicy);
    for text in [
        sentence.clone(),
        format!(
            "An error occurred (AccessDenied) when calling the CreateCluster operation: {sentence}"
        ),
        format!("{sentence}\n\tstatus code: 403, request id: 1-2"),
        format!(
            "{sentence} (Service: AmazonDax; Status Code: 400; Error Code: AccessDeniedException)"
        ),
        format!("{{\"__type\":\"AccessDeniedException\",\"message\":\"{sentence}\"}}"),
        format!(
            "You are not authorized to perform this operation. {sentence}. Encoded authorization failure message: aGk"
        ),
        sentence.replace(' ', "\n   "),
        format!(
            "{sentence}. User: someone is not authorized to perform: iam:GetRole with an explicit deny"
        ),
    ] {
        assert_eq!(parse(&text), Some(expected.clone()), "{text}");
    }
}

#[test]
fn text_after_the_resource_is_ignored() {
    let expected = denial("iam:CreateRole", Some(ROLE), DenialCause::Unstated);
    for end in [
        "",
        "\n\tstatus code: 403, request id: 1-2",
        " (Service: AmazonIdentityManagement; Status Code: 403)",
        ". Encoded authorization failure message: aGk",
        "\"",
    ] {
        assert_eq!(
            parse(&denied(&format!("iam:CreateRole on resource: {ROLE}{end}"))),
            Some(expected.clone()),
            "{end}"
        );
    }
    let quoted = denied(
        "s3:ListBucket on resource: \"arn:aws:s3:::b\" with an explicit deny in a resource-based policy",
    );
    assert_eq!(
        parse(&quoted).and_then(|denial| denial.resource).as_deref(),
        Some("arn:aws:s3:::b")
    );
}

#[test]
fn principals_of_every_form_are_parsed() {
    for (message, principal) in [
        (
            "User: arn:aws:sts::123456789012:assumed-role/Role/Session is not authorized to perform: iam:GetRole",
            Some("arn:aws:sts::123456789012:assumed-role/Role/Session"),
        ),
        (
            "User: anonymous is not authorized to perform: iam:GetRole on resource: *",
            Some("anonymous"),
        ),
        (
            "arn:aws:iam::1:user/x is not authorized to perform: iam:GetRole",
            Some("arn:aws:iam::1:user/x"),
        ),
        (
            "GlueJobRunnerSession is not authorized to perform: iam:GetRole",
            None,
        ),
        ("is not authorized to perform iam:GetRole", None),
    ] {
        let denial = parse(message).expect(message);
        assert_eq!(
            (denial.principal.as_deref(), denial.action.as_str()),
            (principal, "iam:GetRole")
        );
    }
}

#[test]
fn a_text_without_an_action_is_no_denial() {
    for text in [
        "",
        "You are not authorized to perform this operation. Encoded authorization failure message: aGk",
        "No permission to assume role: arn:aws:iam::123456789012:role/r",
        "User: x is not authorized to perform: ",
        "User: x is not authorized to perform: CreateRole",
        "User: x is not authorized to perform: iam:*",
        "User: x is not authorized to perform: iam:Create* on resource: *",
        "User: x is not authorized to perform: iam:Create_Role",
        "User: x is not authorized to perform: iam:CreateRole:x",
        "Access Denied to API Version: DAX_V3",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
