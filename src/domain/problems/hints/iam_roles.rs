//! Hints: IAM's own errors about roles.

use super::pages::{
    ACCESS_CONTROL, BOUNDARIES, CLI, IAM_QUOTAS, IAM_TROUBLE, LINKED_ROLES, SIMULATOR,
};
use super::{Hint, ROW};

const ROLE: Hint = Hint {
    service: "iam",
    ..ROW
};

/// A row for each error of the calls about roles.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_role_exists",
        code: "EntityAlreadyExists",
        operations: &["CreateRole"],
        title: "A role of this name exists already.",
        explanation: "Role names are unique in an account whatever their path or case. A role that carries our tags and trust policy is adopted; any other stays untouched: give it in `service_role.arn` if it is the one to use, or delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_malformed",
        code: "MalformedPolicyDocument",
        operations: &["CreateRole"],
        title: "IAM does not accept the trust policy.",
        explanation: "The trust policy must hold one statement with `Principal` `{\"Service\": \"dax.amazonaws.com\"}` and `sts:AssumeRole`, in every partition. Ours does; if IAM still refuses it, report the message as a fault of this service.",
        documentation: CLI,
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_principal",
        code: "MalformedPolicyDocument",
        operations: &["CreateRole"],
        message: Some("invalid principal in policy"),
        title: "IAM does not know the principal of the trust policy yet, or at all.",
        explanation: "A principal made seconds ago may not be visible everywhere in IAM; the call is repeated. If it stays, the `Principal` is misspelt: DAX is `dax.amazonaws.com`, without a Region and without `.cn`.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_role_quota",
        code: "LimitExceeded",
        operations: &["CreateRole"],
        title: "The account has as many roles as it may: raise the quota or delete unused roles.",
        explanation: "An account holds 1,000 roles, up to 5,000 on request (Service Quotas, IAM, `Roles per account`). Delete unused ones, raise the quota, or name an existing role in `service_role.arn`.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_size",
        code: "LimitExceeded",
        operations: &["CreateRole"],
        message: Some("aclsizeperrole"),
        title: "The trust policy is longer than 2,048 characters.",
        explanation: "The quota `Role trust policy length` is 2,048 characters, 4,096 on request. Ours has fewer than 200, so a policy added to the request by something between this service and AWS is at fault.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_role_input",
        code: "InvalidInput",
        operations: &["CreateRole"],
        title: "IAM does not accept a field of the role: name, path, tag or boundary.",
        explanation: "A role name has 1 to 64 characters of `[\\w+=,.@-]`, tags number at most 50 with keys not starting with `aws:`. Most often it is the boundary: `PermissionsBoundary` must be the ARN of an existing policy in this account.",
        documentation: BOUNDARIES,
        ..ROLE
    },
    Hint {
        id: "iam_role_busy",
        code: "ConcurrentModification",
        operations: &["CreateRole"],
        title: "Somebody else changed the same role at this moment.",
        explanation: "IAM refused one of two simultaneous changes. CreateRole is repeated after looking again; if it recurs, find the other writer of this role name, such as a second deployment tool, in CloudTrail under `CreateRole`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_role_missing",
        code: "NoSuchEntity",
        operations: &["GetRole"],
        title: "The role does not exist in this account.",
        explanation: "`GetRole` takes a name without a path and sees only the caller's account. Check the ARN in `service_role.arn`, or leave it out to have a role made. A role made seconds ago may not be visible yet and is looked for again.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_attach_target_missing",
        code: "NoSuchEntity",
        operations: &["AttachRolePolicy"],
        title: "The role or the policy to attach is not there, or not visible yet.",
        explanation: "IAM shows what was just made with a delay, so `AttachRolePolicy` is repeated for a while. If it stays, one of the two was deleted by hand: the receipt tells which, and `retry` makes it anew.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_role_gone_while_reading",
        code: "NoSuchEntity",
        operations: &["ListAttachedRolePolicies", "ListRolePolicies"],
        title: "The role whose policies are read is gone.",
        explanation: "Deleting counts that as done. While creating it means that somebody deleted the role meanwhile; look for `DeleteRole` in CloudTrail.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html",
        ..ROLE
    },
    Hint {
        id: "iam_already_detached",
        code: "NoSuchEntity",
        operations: &["DetachRolePolicy"],
        title: "The policy is not attached any more: nothing to do.",
        explanation: "For `DetachRolePolicy` a missing role, policy or attachment is the state wanted, and the step goes on.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_role_already_deleted",
        code: "NoSuchEntity",
        operations: &["DeleteRole"],
        title: "The role is gone already: nothing to do.",
        explanation: "For `DeleteRole` that is the state wanted, and the step goes on. A role made anew under the same name gets another id, so clusters bound to the old one stay broken.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html",
        ..ROLE
    },
    Hint {
        id: "iam_attachment_quota",
        code: "LimitExceeded",
        operations: &["AttachRolePolicy"],
        title: "The role carries as many policies as it may.",
        explanation: "A role takes 10 managed policies, up to 20 on request (Service Quotas, IAM, `Managed policies attached to an IAM role`). Detach what others attached, raise the quota, or ask for fewer tables or `all_tables`.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_detach_limit",
        code: "LimitExceeded",
        operations: &["DetachRolePolicy"],
        title: "IAM is too busy with this account to detach the policy.",
        explanation: "Detaching uses up no quota, so `LimitExceeded` on `DetachRolePolicy` passes by itself; the call is repeated. Fewer tools working on IAM at the same time help.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html#API_DetachRolePolicy_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_delete_role_limit",
        code: "LimitExceeded",
        operations: &["DeleteRole"],
        title: "IAM is too busy with this account to delete the role.",
        explanation: "Deleting uses up no quota, so `LimitExceeded` on `DeleteRole` passes by itself; the call is repeated and the role stays in the receipt until it is gone.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html#API_DeleteRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_attachment_input",
        code: "InvalidInput",
        operations: &[
            "AttachRolePolicy",
            "DetachRolePolicy",
            "ListAttachedRolePolicies",
        ],
        title: "IAM does not accept the role name or the policy ARN.",
        explanation: "`RoleName` is a name without path, `PolicyArn` a full ARN of this partition such as `arn:aws:iam::123456789012:policy/dax-provisioner/dax-…`. Compare both with the receipt.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_role_unmodifiable",
        code: "UnmodifiableEntity",
        operations: &["AttachRolePolicy", "DetachRolePolicy", "DeleteRole"],
        title: "This is a service-linked role: only its service may change it.",
        explanation: "`AWSServiceRoleForDAX` belongs to DAX, gives no access to tables and cannot be the service role of a cluster. Put an ordinary role that trusts `dax.amazonaws.com` into `service_role.arn`.",
        documentation: LINKED_ROLES,
        ..ROLE
    },
    Hint {
        id: "iam_policy_not_attachable",
        code: "PolicyNotAttachable",
        operations: &["AttachRolePolicy"],
        title: "AWS reserves this policy for service-linked roles.",
        explanation: "Policies such as `DAXServiceRolePolicy` cannot be attached to a role of yours. The service role needs a policy with the `dynamodb:` actions on your tables instead.",
        documentation: ACCESS_CONTROL,
        ..ROLE
    },
    Hint {
        id: "iam_role_in_use",
        code: "DeleteConflict",
        operations: &["DeleteRole"],
        title: "The role still has policies or an instance profile.",
        explanation: "Our policies are detached first, and IAM may show that late, so `DeleteRole` is repeated. What others attached stays: list it with `aws iam list-attached-role-policies` and `list-role-policies`, remove it, and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_delete.html",
        ..ROLE
    },
    Hint {
        id: "iam_delete_role_busy",
        code: "ConcurrentModification",
        operations: &["DeleteRole"],
        title: "Somebody else changed the role while it was being deleted.",
        explanation: "The deletion is repeated after looking again. If it recurs, another tool still manages this role; CloudTrail shows it under `AttachRolePolicy`, `TagRole` or `UpdateRole`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html#API_DeleteRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_exists",
        code: "InvalidInput",
        operations: &["CreateServiceLinkedRole"],
        title: "The service-linked role of DAX exists already: nothing to do.",
        explanation: "IAM says so with `InvalidInput` (\"has been taken in this account\"). If the message says something else, `AWSServiceName` is wrong: it is `dax.amazonaws.com`.",
        documentation: LINKED_ROLES,
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_quota",
        code: "LimitExceeded",
        operations: &["CreateServiceLinkedRole"],
        title: "The account has no room for the service-linked role of DAX.",
        explanation: "`AWSServiceRoleForDAX` counts as one of the account's 1,000 roles. Delete unused roles or raise `Roles per account`; without it no DAX call succeeds.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_service",
        code: "NoSuchEntity",
        operations: &["CreateServiceLinkedRole"],
        title: "IAM knows no service of that name to link a role to.",
        explanation: "`AWSServiceName` must be `dax.amazonaws.com`. If it is, the partition does not offer DAX; see the endpoints DAX has.",
        documentation: super::pages::ENDPOINTS,
        ..ROLE
    },
    Hint {
        id: "iam_simulation_target_missing",
        code: "NoSuchEntity",
        operations: &["SimulatePrincipalPolicy"],
        title: "The identity to simulate does not exist.",
        explanation: "`PolicySourceArn` must be the ARN of the user or role itself, `arn:…:role/NAME`, not the session's `arn:…:assumed-role/NAME/SESSION`. The preflight reports `not_checked` meanwhile.",
        documentation: SIMULATOR,
        ..ROLE
    },
    Hint {
        id: "iam_simulation_input",
        code: "InvalidInput",
        operations: &["SimulatePrincipalPolicy"],
        title: "IAM does not accept the question put to the simulator.",
        explanation: "One of `ActionNames`, `ResourceArns` or `ContextEntries` is malformed; a mistyped action is refused here. The preflight reports `not_checked`; nothing else depends on it.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_simulation_failed",
        code: "PolicyEvaluation",
        operations: &["SimulatePrincipalPolicy"],
        title: "The simulator could not evaluate the caller's policies.",
        explanation: "`PolicyEvaluation` is a failure on IAM's side with one of the policies of the caller. Validate these with `aws accessanalyzer validate-policy`; the preflight reports `not_checked`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Errors",
        ..ROLE
    },
];
