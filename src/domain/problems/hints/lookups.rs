//! Tables of faults and the rows that they lead to.

use super::lookup;

/// End of a denial's message, its hint, and whether an added Allow can help.
const CAUSES: [(&str, &str, bool); 16] = [
    ("", "iam_tag_role", true),
    (
        " because no identity-based policy allows the iam:CreateRole action",
        "iam_tag_role",
        true,
    ),
    (
        " because no permissions boundary allows the iam:CreateRole action",
        "cause_permissions_boundary",
        true,
    ),
    (
        " because no service control policy allows the iam:CreateRole action",
        "cause_service_control_policy",
        false,
    ),
    (
        " because no resource control policy allows the iam:CreateRole action",
        "cause_resource_control_policy",
        false,
    ),
    (
        " because no session policy allows the iam:CreateRole action",
        "cause_session_policy",
        true,
    ),
    (
        " because no VPC endpoint policy allows the iam:CreateRole action",
        "cause_vpc_endpoint_policy",
        false,
    ),
    (
        " because no resource-based policy allows the iam:CreateRole action",
        "cause_resource_policy",
        true,
    ),
    (" with an explicit deny", "explicit_deny", false),
    (
        " with an explicit deny in an identity-based policy",
        "explicit_deny_identity_policy",
        false,
    ),
    (
        " with an explicit deny in a permissions boundary",
        "explicit_deny_permissions_boundary",
        false,
    ),
    (
        " with an explicit deny in a service control policy",
        "explicit_deny_service_control_policy",
        false,
    ),
    (
        " with an explicit deny in a resource control policy",
        "explicit_deny_resource_control_policy",
        false,
    ),
    (
        " with an explicit deny in a session policy",
        "explicit_deny_session_policy",
        false,
    ),
    (
        " with an explicit deny in a VPC endpoint policy",
        "explicit_deny_vpc_endpoint_policy",
        false,
    ),
    (
        " with an explicit deny in a resource-based policy",
        "explicit_deny_resource_policy",
        false,
    ),
];

#[test]
fn every_cause_has_its_own_remedy() {
    let base = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:TagRole on resource: role r";
    for (tail, id, allow_helps) in CAUSES {
        let hints = lookup("iam", "TagRole", "AccessDenied", &format!("{base}{tail}"));
        assert_eq!(
            hints.iter().map(|hint| hint.id).collect::<Vec<_>>(),
            [id],
            "{tail}"
        );
        let text = format!("{} {}", hints[0].title, hints[0].explanation);
        let warns = text.contains("an Allow will not help")
            || text.contains("does not help")
            || text.contains("in the account will not help");
        assert_eq!(warns, !allow_helps, "{id}");
    }
}

const DAX: &str = "InvalidParameterValueException";

/// Service, call, code, message -> the row.
const FAULTS: [(&str, &str, &str, &str, &str); 22] = [
    (
        "dax",
        "CreateCluster",
        DAX,
        "No permission to assume role: arn:aws:iam::1:role/r",
        "dax_role_not_assumable",
    ),
    (
        "dax",
        "DescribeClusters",
        DAX,
        "Access Denied to API Version: DAX_V3",
        "dax_region_unsupported",
    ),
    (
        "dax",
        "DescribeClusters",
        "AccessDeniedException",
        "Access Denied to API Version: DAX_V3",
        "dax_region_unsupported",
    ),
    (
        "dax",
        "DeleteSubnetGroup",
        DAX,
        "default is reserved and cannot be modified.",
        "dax_reserved_group",
    ),
    (
        "dax",
        "CreateCluster",
        DAX,
        "Cluster ID specified is not a valid identifier.",
        "dax_cluster_name",
    ),
    (
        "dax",
        "CreateCluster",
        DAX,
        "ARNs must start with 'arn:': x",
        "dax_role_arn",
    ),
    (
        "dax",
        "CreateCluster",
        DAX,
        "Second colon partition not found: arn",
        "dax_role_arn_parts",
    ),
    (
        "dax",
        "CreateCluster",
        DAX,
        "Node type dax.x is not available",
        "dax_cluster_value",
    ),
    ("dax", "ListTags", DAX, "Something else", "dax_value"),
    (
        "dax",
        "CreateCluster",
        DAX,
        "User: x is not authorized to perform: iam:PassRole",
        "iam_pass_role",
    ),
    (
        "iam",
        "CreatePolicy",
        "LimitExceeded",
        "Cannot exceed quota for PolicySize: 6144",
        "iam_policy_size",
    ),
    (
        "iam",
        "CreatePolicy",
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerAccount: 1500",
        "iam_policy_quota",
    ),
    (
        "iam",
        "CreateRole",
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
        "iam_trust_policy_size",
    ),
    (
        "iam",
        "CreateRole",
        "MalformedPolicyDocument",
        "Invalid principal in policy: \"AWS\":\"x\"",
        "iam_trust_policy_principal",
    ),
    (
        "ec2",
        "DescribeVpcs",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. Encoded authorization failure message: aGk",
        "ec2_encoded_refusal",
    ),
    (
        "s3",
        "ListBuckets",
        "AccessDenied",
        "Access Denied",
        "access_denied_unnamed",
    ),
    (
        "s3",
        "PutObject",
        "AccessDenied",
        "User: x is not authorized to perform: s3:PutObject",
        "other_action_denied",
    ),
    (
        "iam",
        "GetRole",
        "ThrottlingException",
        "Rate exceeded",
        "throttled",
    ),
    (
        "dax",
        "GetRole",
        "InternalFailure",
        "",
        "dax_internal_failure",
    ),
    (
        "iam",
        "GetRole",
        "InternalServerError",
        "",
        "internal_failure",
    ),
    (
        "sts",
        "GetCallerIdentity",
        "ExpiredTokenException",
        "",
        "credentials_expired",
    ),
    (
        "dax",
        "DescribeClusters",
        "UnrecognizedClientException",
        "",
        "credentials_unknown",
    ),
];

#[test]
fn code_and_message_together_select_one_row() {
    for (service, operation, code, message, id) in FAULTS {
        let hints = lookup(service, operation, code, message);
        assert_eq!(
            hints.iter().map(|hint| hint.id).collect::<Vec<_>>(),
            [id],
            "{code}: {message}"
        );
    }
}

#[test]
fn pasted_text_alone_selects_a_row() {
    for (text, id) in [
        (
            "An error occurred (EntityAlreadyExists) when calling the CreateRole operation: Role with name x already exists.",
            "iam_role_exists",
        ),
        (
            "An error occurred (InvalidParameterValueException) when calling the CreateCluster operation: No permission to\n assume role: arn",
            "dax_role_not_assumable",
        ),
        (
            "InsufficientClusterCapacityFault: There are not enough system resources",
            "dax_capacity",
        ),
        (
            "NodeQuotaForCustomerExceededFault",
            "dax_nodes_per_account_quota",
        ),
        (
            "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation",
            "credentials_expired",
        ),
    ] {
        assert_eq!(
            lookup("", "", "", text)
                .iter()
                .map(|hint| hint.id)
                .collect::<Vec<_>>(),
            [id],
            "{text}"
        );
    }
    for text in ["", "everything is fine", "NoSuchCodeException"] {
        assert!(lookup("", "", "", text).is_empty(), "{text}");
    }
    assert!(lookup("iam", "CreateRole", "NeverHeardOf", "").is_empty());
}

#[test]
fn a_denied_create_role_names_the_boundary_first() {
    let base = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:CreateRole on resource: role r";
    for (tail, id) in CAUSES
        .iter()
        .filter(|(tail, ..)| tail.contains("deny"))
        .map(|(tail, id, _)| (tail, id))
    {
        let hints = lookup(
            "iam",
            "CreateRole",
            "AccessDenied",
            &format!("{base}{tail}"),
        );
        let ids: Vec<&str> = hints.iter().map(|hint| hint.id).collect();
        assert_eq!(ids, ["iam_boundary_required", id]);
        assert!(hints[0].explanation.contains("`iam:PermissionsBoundary`"));
        assert!(
            hints[0]
                .explanation
                .contains("`--permissions-boundary ARN`")
        );
    }
}

#[test]
fn a_role_for_another_service_is_not_explained_as_one_for_dax() {
    let denied = "User: arn:aws:iam::123456789012:user/x is not authorized to perform:";
    let linked =
        "iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role";
    for (text, id) in [
        (
            format!("{denied} {linked}/elasticache.amazonaws.com/AWSServiceRoleForElastiCache"),
            "rights_action_denied",
        ),
        (
            format!("{denied} {linked}/dax.amazonaws.com/AWSServiceRoleForDAX"),
            "iam_create_service_linked_role",
        ),
        (
            format!("when calling the CreateFunction operation: {denied} iam:PassRole"),
            "rights_action_denied",
        ),
        (
            format!("when calling the CreateCluster operation: {denied} iam:PassRole"),
            "iam_pass_role",
        ),
        (format!("{denied} iam:PassRole"), "iam_pass_role"),
    ] {
        let hints = lookup("", "", "", &text);
        let ids: Vec<&str> = hints.iter().map(|hint| hint.id).collect();
        assert_eq!(ids, [id], "{text}");
    }
}
