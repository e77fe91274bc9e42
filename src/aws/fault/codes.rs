//! The meaning of AWS error codes. Sources: the API models of DAX, IAM and DynamoDB; "Error codes
//! for the Amazon EC2 API".

use crate::domain::problems::aws_codes;
use crate::domain::problems::fault::FaultClass;

/// Errors whose code is ambiguous and whose message decides: code, part of the message in lower
/// case, class.
const MESSAGES: [(&str, &str, FaultClass); 5] = [
    // Terraform AWS provider, internal/service/dax/cluster.go.
    (
        "InvalidParameterValue",
        "no permission to assume role",
        FaultClass::RoleNotAssumable,
    ),
    // hashicorp/terraform-provider-aws, internal/service/dax/sweep.go; turbot/steampipe-plugin-aws
    // #782.
    (
        "InvalidParameterValue",
        "access denied to api version: dax_v3",
        FaultClass::RegionUnsupported,
    ),
    // Terraform AWS provider, internal/service/iam/role.go: a recently created principal.
    (
        "MalformedPolicyDocument",
        "invalid principal in policy",
        FaultClass::Transient,
    ),
    // CreateServiceLinkedRole, if the role exists: "… has been taken in this account …".
    (
        "InvalidInput",
        "has been taken in this account",
        FaultClass::AlreadyExists,
    ),
    // Some services report an expired session token with a general code.
    (
        "AccessDenied",
        "security token included in the request is expired",
        FaultClass::Credentials,
    ),
];

/// The meaning of each normalised code.
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
    (FaultClass::Permission, &["AccessDenied"]),
    (
        FaultClass::Credentials,
        &[
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "OptInRequired",
            "RequestExpired",
            "PendingVerification",
            "Blocked",
        ],
    ),
    (
        FaultClass::Throttled,
        &["Throttling", "PriorRequestNotComplete"],
    ),
    (FaultClass::Transient, &["ConcurrentModification"]),
    // A successful dry run changes nothing. This service sends none, so the code indicates a
    // defect.
    (FaultClass::Invalid, &["DryRunOperation"]),
    (
        FaultClass::Ambiguous,
        &[
            "InternalFailure",
            "ServiceFailure",
            "ServiceUnavailable",
            "RequestTimeout",
        ],
    ),
];

/// The class of an error response.
pub(super) fn classify(code: &str, message: &str, http_status: u16) -> FaultClass {
    let code = aws_codes::normalize(code);
    let lower = message.to_ascii_lowercase();
    if let Some((_, _, class)) = MESSAGES
        .iter()
        .find(|(name, text, _)| *name == code && lower.contains(text))
    {
        return *class;
    }
    if let Some((class, _)) = CODES.iter().find(|(_, codes)| codes.contains(&code)) {
        return *class;
    }
    match http_status {
        429 => FaultClass::Throttled,
        500.. => FaultClass::Ambiguous,
        // Any other error means that the request is invalid.
        _ => FaultClass::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_holds_a_normalised_code() {
        let messages = MESSAGES.iter().map(|(code, _, _)| *code);
        let codes = CODES.iter().flat_map(|(_, codes)| codes.iter().copied());
        for code in messages.chain(codes) {
            assert_eq!(
                aws_codes::normalize(code),
                code,
                "the row {code} never matches"
            );
        }
    }

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
    fn an_invalid_parameter_value_is_classified_by_its_message() {
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
    fn ec2_codes_are_classified() {
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
    fn no_code_is_in_two_classes() {
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
