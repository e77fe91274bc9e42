//! What AWS's error codes mean. Sources: the API models of DAX, IAM and DynamoDB; "Error codes for the Amazon EC2 API".

use crate::domain::problems::fault::FaultClass;

/// The messages AWS forces us to read, because their code says too little. Compared ignoring case.
const MESSAGES: [(&str, &str, FaultClass); 5] = [
    // Terraform AWS provider, internal/service/dax/cluster.go.
    (
        "InvalidParameterValue",
        "no permission to assume role",
        FaultClass::RoleNotAssumable,
    ),
    // hashicorp/terraform-provider-aws, internal/service/dax/sweep.go; turbot/steampipe-plugin-aws #782.
    (
        "InvalidParameterValue",
        "access denied to api version: dax_v3",
        FaultClass::RegionUnsupported,
    ),
    // Terraform AWS provider, internal/service/iam/role.go: a principal made moments ago.
    (
        "MalformedPolicyDocument",
        "invalid principal in policy",
        FaultClass::Transient,
    ),
    // IAM answers CreateServiceLinkedRole so when the role is there: "… has been taken in this account …".
    (
        "InvalidInput",
        "has been taken in this account",
        FaultClass::AlreadyExists,
    ),
    // A session token that came to its end is reported by some services with a general code.
    (
        "AccessDenied",
        "security token included in the request is expired",
        FaultClass::Credentials,
    ),
];

/// What a code means, without its suffix `Fault` or `Exception` (older documents leave it out).
const CODES: [(FaultClass, &[&str]); 12] = [
    (
        FaultClass::AlreadyExists,
        &[
            "EntityAlreadyExists",
            "ClusterAlreadyExists",
            "SubnetGroupAlreadyExists",
            "ParameterGroupAlreadyExists",
            "InvalidPermission.Duplicate",
        ],
    ),
    (
        FaultClass::NotFound,
        &[
            "NoSuchEntity",
            "ClusterNotFound",
            "SubnetGroupNotFound",
            "ParameterGroupNotFound",
            "NodeNotFound",
            "TagNotFound",
            "InvalidSubnetID.NotFound",
            "InvalidVpcID.NotFound",
            "InvalidGroup.NotFound",
            "InvalidPermission.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            // DynamoDB: the table.
            "ResourceNotFound",
        ],
    ),
    (
        FaultClass::WrongState,
        &[
            "InvalidClusterState",
            "InvalidParameterGroupState",
            "SubnetGroupInUse",
            "SubnetInUse",
            "DeleteConflict",
        ],
    ),
    (FaultClass::Capacity, &["InsufficientClusterCapacity"]),
    (
        FaultClass::Quota,
        &[
            "ClusterQuotaForCustomerExceeded",
            "NodeQuotaForClusterExceeded",
            "NodeQuotaForCustomerExceeded",
            "SubnetGroupQuotaExceeded",
            "SubnetQuotaExceeded",
            "ParameterGroupQuotaExceeded",
            "TagQuotaPerResourceExceeded",
            "RulesPerSecurityGroupLimitExceeded",
            "TagLimitExceeded",
            "ServiceQuotaExceeded",
            "LimitExceeded",
        ],
    ),
    (
        FaultClass::ServiceLinkedRoleMissing,
        &["ServiceLinkedRoleNotFound"],
    ),
    (
        FaultClass::Permission,
        &[
            "AccessDenied",
            "UnauthorizedOperation",
            "AuthorizationError",
        ],
    ),
    (
        FaultClass::Credentials,
        &[
            "UnrecognizedClient",
            "InvalidClientTokenId",
            "InvalidSignature",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "OptInRequired",
            "RequestExpired",
            "InvalidAccessKeyId",
            "AuthFailure",
            "PendingVerification",
            "Blocked",
        ],
    ),
    (
        FaultClass::Throttled,
        &[
            "Throttling",
            "Throttled",
            "RequestThrottled",
            "RequestLimitExceeded",
            "TooManyRequests",
            "SlowDown",
            "EC2Throttled",
            "PriorRequestNotComplete",
        ],
    ),
    (FaultClass::Transient, &["ConcurrentModification"]),
    // A dry run that would have worked changes nothing. None is ever sent, so to meet this is a mistake of ours.
    (FaultClass::Invalid, &["DryRunOperation"]),
    (
        FaultClass::Ambiguous,
        &[
            "InternalFailure",
            "InternalServerError",
            "InternalError",
            "ServiceFailure",
            "ServiceUnavailable",
            "RequestTimeout",
        ],
    ),
];

/// What an error answer means.
pub(super) fn classify(code: &str, message: &str, http_status: u16) -> FaultClass {
    let bare = bare_code(code);
    let lower = message.to_ascii_lowercase();
    if let Some((_, _, class)) = MESSAGES
        .iter()
        .find(|(code, text, _)| *code == bare && lower.contains(text))
    {
        return *class;
    }
    if let Some((class, _)) = CODES.iter().find(|(_, codes)| codes.contains(&bare)) {
        return *class;
    }
    match http_status {
        429 => FaultClass::Throttled,
        500.. => FaultClass::Ambiguous,
        // Everything else AWS says about a request is that the request is wrong.
        _ => FaultClass::Invalid,
    }
}

fn bare_code(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code);
    code.strip_suffix("Fault")
        .or_else(|| code.strip_suffix("Exception"))
        .unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified_with_and_without_their_suffix() {
        for code in [
            "ClusterNotFoundFault",
            "ClusterNotFound",
            "com.amazonaws.dax#ClusterNotFoundFault",
            "NoSuchEntity",
        ] {
            assert_eq!(classify(code, "", 400), FaultClass::NotFound, "{code}");
        }
        assert_eq!(
            classify("AccessDeniedException", "", 400),
            FaultClass::Permission
        );
        assert_eq!(
            classify("ThrottlingException:http://x", "", 400),
            FaultClass::Throttled
        );
        assert_eq!(
            classify("ServiceQuotaExceededException", "", 402),
            FaultClass::Quota
        );
        assert_eq!(
            classify("ResourceNotFoundException", "", 400),
            FaultClass::NotFound
        );
        assert_eq!(classify("NeverHeardOf", "", 400), FaultClass::Invalid);
        assert_eq!(classify("NeverHeardOf", "", 503), FaultClass::Ambiguous);
    }

    #[test]
    fn an_invalid_parameter_value_is_told_apart_by_its_message_alone() {
        let code = "InvalidParameterValueException";
        let cases = [
            (
                "No permission to assume role: arn:aws:iam::123456789012:role/x",
                FaultClass::RoleNotAssumable,
            ),
            (
                "Access Denied to API Version: DAX_V3",
                FaultClass::RegionUnsupported,
            ),
            ("Invalid node type dax.bogus", FaultClass::Invalid),
        ];
        for (message, class) in cases {
            assert_eq!(classify(code, message, 400), class, "{message}");
        }
    }

    #[test]
    fn the_codes_of_ec2_have_a_meaning_of_their_own() {
        for (code, status, class) in [
            ("UnauthorizedOperation", 403, FaultClass::Permission),
            ("AuthFailure", 401, FaultClass::Credentials),
            ("InvalidSubnetID.NotFound", 400, FaultClass::NotFound),
            ("InvalidVpcID.NotFound", 400, FaultClass::NotFound),
            ("InvalidGroup.NotFound", 400, FaultClass::NotFound),
            (
                "InvalidPermission.Duplicate",
                400,
                FaultClass::AlreadyExists,
            ),
            ("InvalidPermission.NotFound", 400, FaultClass::NotFound),
            ("RulesPerSecurityGroupLimitExceeded", 400, FaultClass::Quota),
            ("RequestLimitExceeded", 503, FaultClass::Throttled),
            ("Unavailable", 503, FaultClass::Ambiguous),
            ("DryRunOperation", 412, FaultClass::Invalid),
            ("InvalidSubnetID.Malformed", 400, FaultClass::Invalid),
        ] {
            assert_eq!(classify(code, "", status), class, "{code}");
        }
    }

    #[test]
    fn no_code_stands_in_two_classes() {
        let all: Vec<&str> = CODES
            .iter()
            .flat_map(|(_, codes)| codes.iter().copied())
            .collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
    }
}
