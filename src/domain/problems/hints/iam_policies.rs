//! Hints: errors of IAM calls about policies, and internal failures of IAM.

use super::pages::{IAM_COMMON_ERRORS, IAM_QUOTAS, IAM_TROUBLE};
use super::{Hint, ROW};

const POLICY: Hint = Hint {
    service: "iam",
    ..ROW
};

/// A row for each modelled error of these calls.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_policy_exists",
        code: "EntityAlreadyExists",
        operations: &["CreatePolicy"],
        title: "A policy with this name already exists.",
        explanation: "Policy names are unique in an account, whatever their path or case. A policy \
            with this service's tags and exactly this document is adopted; any other is not \
            changed. If it is unused, delete it with `aws iam delete-policy` and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_access_policy_malformed",
        code: "MalformedPolicyDocument",
        operations: &["CreatePolicy"],
        title: "IAM rejected the access policy.",
        explanation: "The document is built from the names in `service_role.tables`: 3 to 255 \
            characters of `[A-Za-z0-9_.-]` each, in this account and Region. If the names are \
            valid, report the message as a bug of this service.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_partition",
        code: "MalformedPolicyDocument",
        message: Some("is not valid for resource"),
        title: "The policy names a resource of another partition.",
        explanation: "The ARNs of a policy must begin with the partition of the account: \
            `arn:aws-cn:` in China, `arn:aws-us-gov:` in GovCloud, `arn:aws-eusc:` in the European \
            Sovereign Cloud. `dax-provisioner policy --region …` prints the policy of a Region's \
            partition.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-syntax",
        ..POLICY
    },
    Hint {
        id: "iam_policy_quota",
        code: "LimitExceeded",
        operations: &["CreatePolicy"],
        title: "The account's policy quota is used up: raise it or delete unused policies.",
        explanation: "An account can have 1,500 customer managed policies, or up to 5,000 on \
            request (Service Quotas, IAM, `Customer managed policies per account`). `GET \
            /v1/orphans` lists policies of this service that no cluster needs.",
        documentation: IAM_QUOTAS,
        ..POLICY
    },
    Hint {
        id: "iam_quota",
        code: "LimitExceeded",
        message: Some("cannot exceed quota for"),
        title: "An IAM quota is used up: the message names it.",
        explanation: "The name after `Cannot exceed quota for` is the quota, the number is its \
            value. Delete unused resources of that kind, or raise the quota in Service Quotas if \
            it is adjustable.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entities",
        ..POLICY
    },
    Hint {
        id: "iam_policy_size",
        code: "LimitExceeded",
        operations: &["CreatePolicy"],
        message: Some("cannot exceed quota for policysize"),
        title: "The access policy is longer than 6,144 characters.",
        explanation: "A managed policy has at most 6,144 characters without white space, and this \
            service splits policies to fit. If AWS still rejects one, request fewer tables in \
            `service_role.tables`, or `all_tables`.",
        documentation: IAM_QUOTAS,
        ..POLICY
    },
    Hint {
        id: "iam_policy_input",
        code: "InvalidInput",
        operations: &["CreatePolicy"],
        title: "IAM rejected a field of the policy: name, path or tag.",
        explanation: "A policy name has 1 to 128 characters of `[\\w+=,.@-]`, a description at \
            most 1,000. A policy has at most 50 tags. Check the `tags` of the request: keys must \
            not start with `aws:`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html#API_CreatePolicy_Errors",
        ..POLICY
    },
    Hint {
        id: "iam_policy_busy",
        code: "ConcurrentModification",
        operations: &["CreatePolicy"],
        title: "The policy was changed concurrently.",
        explanation: "IAM rejected one of two concurrent changes. CreatePolicy is repeated after \
            the policy is read again. If the error recurs, find the other caller of `CreatePolicy` \
            in CloudTrail.",
        documentation: IAM_COMMON_ERRORS,
        ..POLICY
    },
    Hint {
        id: "iam_policy_missing",
        code: "NoSuchEntity",
        operations: &["GetPolicy"],
        title: "The policy does not exist or is not visible yet.",
        explanation: "Before the policy is created, this is the expected answer to `GetPolicy`. \
            Afterwards, IAM shows it with a delay, so the call is repeated. If the error persists, \
            the policy was deleted outside this service: `retry` creates it again.",
        documentation: IAM_TROUBLE,
        ..POLICY
    },
    Hint {
        id: "iam_policy_version_missing",
        code: "NoSuchEntity",
        operations: &["GetPolicyVersion"],
        title: "The policy has no such version.",
        explanation: "`GetPolicyVersion` reads the default version that GetPolicy returned, so the \
            policy was changed or deleted in between. The step reads it again automatically.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_versions_gone",
        code: "NoSuchEntity",
        operations: &["ListPolicyVersions"],
        title: "The policy whose versions are listed no longer exists.",
        explanation: "`ListPolicyVersions` is called before a policy is deleted, so a missing \
            policy is the desired state.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_arn_input",
        code: "InvalidInput",
        operations: &["GetPolicy", "GetPolicyVersion", "ListPolicyVersions"],
        title: "IAM rejected the policy's ARN or version.",
        explanation: "`PolicyArn` must belong to the caller's partition and account, and \
            `VersionId` must have the form `v1`. Usually the database belongs to another \
            partition; `dax-provisioner doctor` shows both.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_already_deleted",
        code: "NoSuchEntity",
        operations: &["DeletePolicy"],
        title: "The policy is already deleted: nothing to do.",
        explanation: "For `DeletePolicy` that is the desired state, so the step completes.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_delete_policy_limit",
        code: "LimitExceeded",
        operations: &["DeletePolicy"],
        title: "IAM is too busy with this account to delete the policy.",
        explanation: "Deleting uses no quota, so `LimitExceeded` on `DeletePolicy` is temporary. \
            The call is repeated, and the policy stays in the receipt until it is deleted.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html#API_DeletePolicy_Errors",
        ..POLICY
    },
    Hint {
        id: "iam_delete_policy_input",
        code: "InvalidInput",
        operations: &["DeletePolicy"],
        title: "IAM rejected the ARN of the policy to delete.",
        explanation: "Only customer managed policies can be deleted: `PolicyArn` must name the \
            caller's account, not `aws`. Compare it with the receipt of the operation.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-delete.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_in_use",
        code: "DeleteConflict",
        operations: &["DeletePolicy"],
        title: "The policy is still attached, or has more than one version.",
        explanation: "This service detaches the policy from its own role first. IAM may show that \
            with a delay, so `DeletePolicy` is repeated. `aws iam list-entities-for-policy` and \
            `list-policy-versions` show other attachments and versions: remove them and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-delete.html",
        ..POLICY
    },
    Hint {
        id: "iam_failure",
        code: "ServiceFailure",
        title: "IAM failed internally.",
        explanation: "`ServiceFailure` (HTTP 500) leaves the outcome of the call unknown, so the \
            step reads the current state before it calls again. If the error persists, check the \
            AWS Health Dashboard for IAM, which is served from us-east-1 for all Regions.",
        documentation: IAM_COMMON_ERRORS,
        ..POLICY
    },
];
