//! Hints: IAM's own errors about policies, and its failures.

use super::pages::{IAM_COMMON_ERRORS, IAM_QUOTAS, IAM_TROUBLE};
use super::{Hint, ROW};

const POLICY: Hint = Hint {
    service: "iam",
    ..ROW
};

/// A row for each error of the calls about policies.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_policy_exists",
        code: "EntityAlreadyExists",
        operations: &["CreatePolicy"],
        title: "A policy of this name exists already.",
        explanation: "Policy names are unique in an account whatever their path or case. A policy with our tags and exactly this document is adopted; any other stays untouched: delete it with `aws iam delete-policy` if nobody needs it, and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_access_policy_malformed",
        code: "MalformedPolicyDocument",
        operations: &["CreatePolicy"],
        title: "IAM does not accept the access policy.",
        explanation: "The document is built from the names in `service_role.tables`: 3 to 255 characters of `[A-Za-z0-9_.-]` each, in this account and Region. If they are fine, report the message as a fault of this service.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_quota",
        code: "LimitExceeded",
        operations: &["CreatePolicy"],
        title: "The account has as many policies as it may: raise the quota or delete unused policies.",
        explanation: "An account holds 1,500 customer managed policies, up to 5,000 on request (Service Quotas, IAM, `Customer managed policies per account`). `GET /v1/orphans` lists those of ours that no cluster needs.",
        documentation: IAM_QUOTAS,
        ..POLICY
    },
    Hint {
        id: "iam_policy_size",
        code: "LimitExceeded",
        operations: &["CreatePolicy"],
        message: Some("policysize"),
        title: "The access policy is longer than 6,144 characters.",
        explanation: "A managed policy has at most 6,144 characters without white space, and policies are split to fit. A refusal means that AWS counts otherwise here: ask for fewer tables in `service_role.tables`, or for `all_tables`.",
        documentation: IAM_QUOTAS,
        ..POLICY
    },
    Hint {
        id: "iam_policy_input",
        code: "InvalidInput",
        operations: &["CreatePolicy"],
        title: "IAM does not accept a field of the policy: name, path or tag.",
        explanation: "A policy name has 1 to 128 characters of `[\\w+=,.@-]`, its description at most 1,000, its tags number at most 50. Check the `tags` of the request: keys may not start with `aws:`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html#API_CreatePolicy_Errors",
        ..POLICY
    },
    Hint {
        id: "iam_policy_busy",
        code: "ConcurrentModification",
        operations: &["CreatePolicy"],
        title: "Somebody else changed the same policy at this moment.",
        explanation: "IAM refused one of two simultaneous changes. CreatePolicy is repeated after looking again; if it recurs, CloudTrail names the other caller of `CreatePolicy`.",
        documentation: IAM_COMMON_ERRORS,
        ..POLICY
    },
    Hint {
        id: "iam_policy_missing",
        code: "NoSuchEntity",
        operations: &["GetPolicy"],
        title: "The policy is not there, or not visible yet.",
        explanation: "Before creating, that is what `GetPolicy` should say. Just after creating, IAM shows new policies with a delay and the call is repeated. Later it means that somebody deleted it: `retry` makes it anew.",
        documentation: IAM_TROUBLE,
        ..POLICY
    },
    Hint {
        id: "iam_policy_version_missing",
        code: "NoSuchEntity",
        operations: &["GetPolicyVersion"],
        title: "The policy has no such version.",
        explanation: "`GetPolicyVersion` reads the default version that GetPolicy just named, so the policy was changed or deleted in between. The step looks again by itself.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_versions_gone",
        code: "NoSuchEntity",
        operations: &["ListPolicyVersions"],
        title: "The policy whose versions are listed is gone.",
        explanation: "`ListPolicyVersions` is asked before a policy is deleted, so a missing policy is the state wanted.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_arn_input",
        code: "InvalidInput",
        operations: &["GetPolicy", "GetPolicyVersion", "ListPolicyVersions"],
        title: "IAM does not accept the policy's ARN or version.",
        explanation: "`PolicyArn` must be of the caller's own partition and account, `VersionId` look like `v1`. The usual reason is a database that belongs to another partition; `dax-provisioner doctor` shows both.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_already_deleted",
        code: "NoSuchEntity",
        operations: &["DeletePolicy"],
        title: "The policy is gone already: nothing to do.",
        explanation: "For `DeletePolicy` that is the state wanted, and the step goes on.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
        ..POLICY
    },
    Hint {
        id: "iam_delete_policy_limit",
        code: "LimitExceeded",
        operations: &["DeletePolicy"],
        title: "IAM is too busy with this account to delete the policy.",
        explanation: "Deleting uses up no quota, so `LimitExceeded` on `DeletePolicy` passes by itself; the call is repeated and the policy stays in the receipt until it is gone.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html#API_DeletePolicy_Errors",
        ..POLICY
    },
    Hint {
        id: "iam_delete_policy_input",
        code: "InvalidInput",
        operations: &["DeletePolicy"],
        title: "IAM does not accept the ARN of the policy to delete.",
        explanation: "Only customer managed policies can be deleted: `PolicyArn` must name the caller's account, not `aws`. Compare it with the receipt of the operation.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-delete.html",
        ..POLICY
    },
    Hint {
        id: "iam_policy_in_use",
        code: "DeleteConflict",
        operations: &["DeletePolicy"],
        title: "The policy is still attached somewhere, or has further versions.",
        explanation: "We detach it from our role first; IAM may show that late, so `DeletePolicy` is repeated. If others attached it or wrote versions, `aws iam list-entities-for-policy` and `list-policy-versions` show them: remove these and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-delete.html",
        ..POLICY
    },
    Hint {
        id: "iam_failure",
        code: "ServiceFailure",
        title: "IAM failed on its own side.",
        explanation: "`ServiceFailure` (HTTP 500) leaves open whether the call took effect, so the step looks before it calls again. If it lasts, see the AWS Health Dashboard for IAM, which is served from us-east-1 for all Regions.",
        documentation: IAM_COMMON_ERRORS,
        ..POLICY
    },
];
