//! Pasted errors in the forms of many tools, and what is found in them.

/// A pasted text, a path in the response, and the expected value there. `ids` are the hints, most
/// likely first. `U:` stands for a denied caller and `is not authorized to perform:`.
pub const SAMPLES: [(&str, &str, &str); 44] = [
    (
        "operation error IAM: CreateServiceLinkedRole, https response error StatusCode: 400, RequestID: 1-2, InvalidInput: Service role name AWSServiceRoleForDAX has been taken in this account, please try a different suffix.",
        "ids",
        "iam_linked_role_exists",
    ),
    (
        "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10",
        "ids",
        "iam_attachment_quota",
    ),
    (
        "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000",
        "ids",
        "iam_role_quota",
    ),
    (
        "Cannot exceed quota for PolicySize: 6144",
        "ids",
        "iam_policy_size",
    ),
    (
        "LimitExceeded: Cannot exceed quota for GroupsPerUser: 10",
        "ids",
        "iam_quota",
    ),
    (
        "operation error IAM: CreatePolicy, https response error StatusCode: 409, RequestID: 1-2, EntityAlreadyExists: A policy called P already exists. Duplicate names are not allowed.",
        "ids",
        "iam_policy_exists",
    ),
    (
        "A policy called P already exists. Duplicate names are not allowed.",
        "ids",
        "iam_policy_exists",
    ),
    ("Role with name r already exists.", "ids", "iam_role_exists"),
    (
        "EntityAlreadyExists: Role with name r already exists.",
        "ids",
        "iam_role_exists",
    ),
    (
        "DeleteConflict: Cannot delete entity, must detach all policies first.",
        "ids",
        "iam_role_in_use",
    ),
    (
        "Cannot delete a policy attached to entities.",
        "ids",
        "iam_policy_in_use",
    ),
    (
        "AccessDeniedException: Cross-account pass role is not allowed.",
        "ids",
        "dax_role_other_account",
    ),
    (
        "Cross-account pass role is not allowed.",
        "ids",
        "dax_role_other_account",
    ),
    (
        "MalformedPolicyDocument: Partition \"aws\" is not valid for resource \"arn:aws:dynamodb:cn-north-1:123456789012:table/T\".",
        "ids",
        "iam_policy_partition",
    ),
    (
        "The security token included in the request is expired",
        "ids",
        "credentials_expired",
    ),
    (
        "The security token included in the request is invalid.",
        "ids",
        "credentials_unknown",
    ),
    (
        "InvalidSignatureException: Signature expired: 20240501T100000Z is now earlier than 20240501T101500Z",
        "ids",
        "clock_skew",
    ),
    ("Rate exceeded", "ids", "throttled"),
    (
        "Unable to locate credentials. You can configure credentials by running \"aws login\".",
        "ids",
        "credentials_missing",
    ),
    (
        "An error occurred (InvalidClientTokenId) when calling the CreateRole operation: The security token included in the request is invalid",
        "ids",
        "credentials_not_for_iam",
    ),
    (
        "An error occurred (InvalidGroup.NotFound) when calling the AuthorizeSecurityGroupIngress operation: The security group 'sg-1' does not exist",
        "ids",
        "ec2_security_group_missing",
    ),
    (
        "An error occurred (InvalidGroup.NotFound) when calling the AuthorizeSecurityGroupIngress operation: The security group 'sg-1' does not exist",
        "/aws/code",
        "InvalidGroup.NotFound",
    ),
    (
        "The security group 'sg-1' does not exist",
        "ids",
        "ec2_security_group_missing",
    ),
    (
        "Error: api error InvalidSubnetID.NotFound: The subnet ID 'subnet-1' does not exist",
        "ids",
        "ec2_subnet_missing",
    ),
    (
        "An error occurred (InvalidInput) when calling the CreateServiceLinkedRole operation: Custom suffix is not allowed for dax.amazonaws.com",
        "ids",
        "iam_linked_role_suffix",
    ),
    (
        "operation error STS: AssumeRole, api error InvalidParameterValue: the value is wrong",
        "ids",
        "",
    ),
    (
        "com.amazonaws.services.identitymanagement.model.EntityAlreadyExistsException: Role with name r already exists. (Service: AmazonIdentityManagement; Status Code: 409; Error Code: EntityAlreadyExists; Request ID: 1-2)",
        "/aws/code",
        "EntityAlreadyExists",
    ),
    (
        "software.amazon.awssdk.services.dax.model.DaxException: x (Service: Dax, Status Code: 400, Request ID: 1-2)",
        "/aws/service",
        "dax",
    ),
    (
        "EntityAlreadyExistsException: Role with name r already exists.\n    at de_CreateRoleCommandError (/x.js:1:2) { '$fault': 'client' }",
        "/aws/operation",
        "CreateRole",
    ),
    (
        "ServiceError(ServiceError { source: LimitExceededException(LimitExceededException { message: Some(\"Cannot exceed quota for PoliciesPerRole: 10\"), meta: ErrorMetadata { code: Some(\"LimitExceeded\") } }), raw: Response })",
        "ids",
        "iam_attachment_quota",
    ),
    (
        "Aws\\Iam\\Exception\\IamException: Error executing \"CreatePolicy\" on \"https://iam.amazonaws.com\"; AWS HTTP error: LimitExceeded (client): Cannot exceed quota for PoliciesPerAccount: 1500",
        "/aws/operation",
        "CreatePolicy",
    ),
    (
        "│ Error: creating IAM Role (r): EntityAlreadyExists: it exists\n│ \n│   with aws_iam_role.r,",
        "ids",
        "iam_role_exists",
    ),
    (
        "Resource handler returned message: \"Role with name r already exists. (Service: Iam, Status Code: 409, Request ID: 1-2)\" (RequestToken: 3, HandlerErrorCode: AlreadyExists)",
        "ids",
        "iam_role_exists",
    ),
    (
        "{\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"DeleteRole\",\"errorCode\":\"DeleteConflictException\",\"errorMessage\":\"it has policies\"}",
        "ids",
        "iam_role_in_use",
    ),
    (
        "{\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"DeleteRole\",\"errorCode\":\"DeleteConflictException\",\"errorMessage\":\"it has policies\"}",
        "/aws/operation",
        "DeleteRole",
    ),
    (
        "{\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"RevokeSecurityGroupIngress\",\"errorCode\":\"Client.InvalidPermission.NotFound\",\"errorMessage\":\"x\"}",
        "ids",
        "ec2_rule_missing",
    ),
    (
        "{\"errorMessage\":\"U: iam:CreatePolicy on resource: policy P\",\"requestParameters\":null}",
        "/aws/resource",
        "policy P",
    ),
    (
        "U: iam:PassRole on resource:\n│ arn:aws:iam::123456789012:role/R because no identity-based policy allows the iam:PassRole action",
        "/aws/resource",
        "arn:aws:iam::123456789012:role/R",
    ),
    (
        "U: iam:PassRole on resource:\n│ arn:aws:iam::123456789012:role/R because no identity-based policy allows the iam:PassRole action",
        "/aws/cause",
        "identity_policy",
    ),
    (
        "U: iam:ListPolicies on resource: policy path / because no permissions boundary allows the iam:ListPolicies action",
        "/aws/cause",
        "permissions_boundary",
    ),
    (
        "U: iam:ListPolicies on resource: policy path / because no permissions boundary allows the iam:ListPolicies action",
        "ids",
        "cause_permissions_boundary",
    ),
    (
        "U: iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache",
        "ids",
        "rights_action_denied",
    ),
    (
        "U: iam:CreateRole on resource: role r with an explicit deny in a service control policy",
        "ids",
        "iam_boundary_required explicit_deny_service_control_policy",
    ),
    (
        "An error occurred (AccessDeniedException) when calling the CreateFunction operation: U: iam:PassRole on resource: arn:aws:iam::123456789012:role/r",
        "ids",
        "rights_action_denied",
    ),
];
