//! An error is found alike whatever it is wrapped in.

use super::lookup;
use crate::domain::pasted;
use crate::domain::pasted::wrappings::assert_read_alike;
use crate::domain::problems::pasted_call;

/// Errors that are no denials, with what is read from them.
const PASTED: [(&str, &str, &str, &str); 8] = [
    (
        "An error occurred (EntityAlreadyExists) when calling the CreateRole operation: Role with name x already exists.",
        "CreateRole",
        "EntityAlreadyExists",
        "iam_role_exists",
    ),
    (
        "operation error IAM: CreatePolicy, https response error StatusCode: 409, RequestID: 1-2, EntityAlreadyExists: A policy called P already exists.",
        "CreatePolicy",
        "EntityAlreadyExists",
        "iam_policy_exists",
    ),
    (
        "An error occurred (InvalidGroup.NotFound) when calling the AuthorizeSecurityGroupIngress operation: The security group 'sg-1' does not exist",
        "AuthorizeSecurityGroupIngress",
        "InvalidGroup.NotFound",
        "ec2_security_group_missing",
    ),
    (
        "Role with name x already exists. (Service: Iam, Status Code: 409, Request ID: 1-2)",
        "",
        "",
        "iam_role_exists",
    ),
    (
        "An error occurred (InvalidParameterValueException) when calling the CreateCluster operation: No permission to assume role: arn:aws:iam::123456789012:role/r",
        "CreateCluster",
        "InvalidParameterValueException",
        "dax_role_not_assumable",
    ),
    (
        "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10",
        "",
        "LimitExceeded",
        "iam_attachment_quota",
    ),
    ("Rate exceeded", "", "", "throttled"),
    (
        "MalformedPolicyDocument: Partition \"aws\" is not valid for resource \"arn:aws:s3:::b\".",
        "",
        "MalformedPolicyDocument",
        "iam_policy_partition",
    ),
];

#[test]
fn every_error_is_found_in_every_wrapping_of_every_wrapping() {
    let found = |text: &str| {
        let call = pasted_call::read(&pasted::unwrap(text));
        let hints = lookup("", "", "", text);
        let ids: Vec<&str> = hints.iter().map(|hint| hint.id).collect();
        (call.operation, call.code, ids.join(" "))
    };
    for (text, operation, code, id) in PASTED {
        let expected = (operation.to_owned(), code.to_owned(), id.to_owned());
        assert_read_alike(text, &expected, found);
    }
}
