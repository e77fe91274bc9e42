//! Hints: errors of IAM calls about roles.

use super::pages::{
    ACCESS_CONTROL, BOUNDARIES, CLI, IAM_QUOTAS, IAM_TROUBLE, LINKED_ROLES, SIMULATOR,
};
use super::{Hint, ROW};

const ROLE: Hint = Hint {
    service: "iam",
    ..ROW
};

/// A row for each modelled error of these calls.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_role_exists",
        code: "EntityAlreadyExists",
        operations: &["CreateRole"],
        title: "A role with this name already exists.",
        explanation: "Role names are unique in an account, whatever their path or case. A role \
            with this service's tags and trust policy is adopted; any other is not changed. To use \
            it, give it in `service_role.arn`. Otherwise, delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_malformed",
        code: "MalformedPolicyDocument",
        operations: &["CreateRole"],
        title: "IAM rejected the trust policy.",
        explanation: "The trust policy must contain one statement with `Principal` `{\"Service\": \
            \"dax.amazonaws.com\"}` and `sts:AssumeRole`, in every partition. This service sends \
            such a policy. If IAM still rejects it, report the message as a bug of this service.",
        documentation: CLI,
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_principal",
        code: "MalformedPolicyDocument",
        operations: &["CreateRole"],
        message: Some("invalid principal in policy"),
        title: "The trust policy's principal is not visible in IAM yet, or does not exist.",
        explanation: "A recently created principal may not be visible everywhere in IAM, so the \
            call is repeated. If the error persists, `Principal` is misspelt. DAX is \
            `dax.amazonaws.com`, without a Region and without `.cn`.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_role_quota",
        code: "LimitExceeded",
        operations: &["CreateRole"],
        title: "The account's role quota is used up: raise it or delete unused roles.",
        explanation: "An account can have 1,000 roles, or up to 5,000 on request (Service Quotas, \
            IAM, `Roles per account`). Delete unused roles, raise the quota, or give an existing \
            role in `service_role.arn`.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_trust_policy_size",
        code: "LimitExceeded",
        operations: &["CreateRole"],
        message: Some("cannot exceed quota for aclsizeperrole"),
        title: "The trust policy is longer than 2,048 characters.",
        explanation: "The quota `Role trust policy length` is 2,048 characters, or 4,096 on \
            request. This service's trust policy has fewer than 200, so a tool between this \
            service and AWS has extended it.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_role_input",
        code: "InvalidInput",
        operations: &["CreateRole"],
        title: "IAM rejected a field of the role: name, path, tag or boundary.",
        explanation: "A role name has 1 to 64 characters of `[\\w+=,.@-]`. A role has at most 50 \
            tags, with keys that do not start with `aws:`. Usually the boundary is wrong: \
            `PermissionsBoundary` must be the ARN of an existing policy in this account.",
        documentation: BOUNDARIES,
        ..ROLE
    },
    Hint {
        id: "iam_role_busy",
        code: "ConcurrentModification",
        operations: &["CreateRole"],
        title: "The role was changed concurrently.",
        explanation: "IAM rejected one of two concurrent changes. CreateRole is repeated after the \
            role is read again. If the error recurs, find the other writer in CloudTrail under \
            `CreateRole`, for example a second deployment tool.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_role_missing",
        code: "NoSuchEntity",
        operations: &["GetRole"],
        title: "The role does not exist in this account.",
        explanation: "`GetRole` takes a name without a path and finds only roles of the caller's \
            account. Check the ARN in `service_role.arn`, or omit it to have a role created. A \
            recently created role may not be visible yet, so the call is repeated.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_attach_target_missing",
        code: "NoSuchEntity",
        operations: &["AttachRolePolicy"],
        title: "The role or policy to attach does not exist or is not visible yet.",
        explanation: "IAM shows new roles and policies with a delay, so `AttachRolePolicy` is \
            repeated. If the error persists, one of them was deleted outside this service. The \
            receipt shows which one; `retry` creates it again.",
        documentation: IAM_TROUBLE,
        ..ROLE
    },
    Hint {
        id: "iam_role_gone_while_reading",
        code: "NoSuchEntity",
        operations: &["ListAttachedRolePolicies", "ListRolePolicies"],
        title: "The role whose policies are read no longer exists.",
        explanation: "During a delete that is the desired state. During a create it means that the \
            role was deleted outside this service: search for `DeleteRole` in CloudTrail.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html",
        ..ROLE
    },
    Hint {
        id: "iam_already_detached",
        code: "NoSuchEntity",
        operations: &["DetachRolePolicy"],
        title: "The policy is no longer attached: nothing to do.",
        explanation: "For `DetachRolePolicy` a missing role, policy or attachment is the desired \
            state, so the step completes.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_role_already_deleted",
        code: "NoSuchEntity",
        operations: &["DeleteRole"],
        title: "The role is already deleted: nothing to do.",
        explanation: "For `DeleteRole` that is the desired state, so the step completes. A new \
            role with the same name gets another ID, so clusters that used the old role stay \
            broken.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html",
        ..ROLE
    },
    Hint {
        id: "iam_attachment_quota",
        code: "LimitExceeded",
        operations: &["AttachRolePolicy"],
        title: "The role's quota of attached policies is used up.",
        explanation: "A role can have 10 managed policies, or up to 20 on request (Service Quotas, \
            IAM, `Managed policies attached to an IAM role`). Detach other policies, raise the \
            quota, or request fewer tables or `all_tables`.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_detach_limit",
        code: "LimitExceeded",
        operations: &["DetachRolePolicy"],
        title: "IAM is too busy with this account to detach the policy.",
        explanation: "Detaching uses no quota, so `LimitExceeded` on `DetachRolePolicy` is \
            temporary, and the call is repeated. Running fewer IAM tools at the same time helps.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html#API_DetachRolePolicy_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_delete_role_limit",
        code: "LimitExceeded",
        operations: &["DeleteRole"],
        title: "IAM is too busy with this account to delete the role.",
        explanation: "Deleting uses no quota, so `LimitExceeded` on `DeleteRole` is temporary. The \
            call is repeated, and the role stays in the receipt until it is deleted.",
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
        title: "IAM rejected the role name or the policy ARN.",
        explanation: "`RoleName` is a name without a path. `PolicyArn` is a full ARN of this \
            partition, such as `arn:aws:iam::123456789012:policy/dax-provisioner/dax-…`. Compare \
            both with the receipt.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_role_unmodifiable",
        code: "UnmodifiableEntity",
        operations: &["AttachRolePolicy", "DetachRolePolicy", "DeleteRole"],
        title: "This is a service-linked role: only its service can change it.",
        explanation: "`AWSServiceRoleForDAX` belongs to DAX, grants no access to tables and cannot \
            be the service role of a cluster. Give another role that trusts `dax.amazonaws.com` in \
            `service_role.arn`.",
        documentation: LINKED_ROLES,
        ..ROLE
    },
    Hint {
        id: "iam_policy_not_attachable",
        code: "PolicyNotAttachable",
        operations: &["AttachRolePolicy"],
        title: "AWS reserves this policy for service-linked roles.",
        explanation: "Policies such as `DAXServiceRolePolicy` cannot be attached to your own \
            roles. The service role needs a policy with the `dynamodb:` actions on your tables \
            instead.",
        documentation: ACCESS_CONTROL,
        ..ROLE
    },
    Hint {
        id: "iam_role_in_use",
        code: "DeleteConflict",
        operations: &["DeleteRole"],
        title: "The role still has policies or an instance profile.",
        explanation: "This service detaches its own policies first. IAM may show that with a \
            delay, so `DeleteRole` is repeated. Other policies stay: list them with `aws iam \
            list-attached-role-policies` and `list-role-policies`, remove them, and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_delete.html",
        ..ROLE
    },
    Hint {
        id: "iam_delete_role_busy",
        code: "ConcurrentModification",
        operations: &["DeleteRole"],
        title: "The role was changed while it was being deleted.",
        explanation: "The deletion is repeated after the role is read again. If the error recurs, \
            another tool still manages this role. CloudTrail shows it under `AttachRolePolicy`, \
            `TagRole` or `UpdateRole`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html#API_DeleteRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_exists",
        code: "InvalidInput",
        operations: &["CreateServiceLinkedRole"],
        message: Some("has been taken in this account"),
        title: "The service-linked role of DAX already exists: nothing to do.",
        explanation: "IAM reports this as `InvalidInput`. The role `AWSServiceRoleForDAX` serves \
            every cluster of the account, and needs no suffix.",
        documentation: LINKED_ROLES,
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_suffix",
        code: "InvalidInput",
        operations: &["CreateServiceLinkedRole"],
        message: Some("custom suffix is not allowed"),
        title: "The service-linked role of DAX has no suffix: omit it.",
        explanation: "DAX has one service-linked role per account, so IAM rejects `CustomSuffix`. \
            Run `aws iam create-service-linked-role --aws-service-name dax.amazonaws.com` without \
            `--custom-suffix`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html",
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_input",
        code: "InvalidInput",
        operations: &["CreateServiceLinkedRole"],
        title: "IAM rejected a field of the service-linked role.",
        explanation: "`AWSServiceName` must be `dax.amazonaws.com`, in every partition, and \
            `CustomSuffix` must be absent. The message names the field.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html#API_CreateServiceLinkedRole_Errors",
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_quota",
        code: "LimitExceeded",
        operations: &["CreateServiceLinkedRole"],
        title: "The account's role quota is used up: the service-linked role of DAX cannot be \
            created.",
        explanation: "`AWSServiceRoleForDAX` counts as one of the account's 1,000 roles. Delete \
            unused roles or raise the quota `Roles per account`. Without this role no DAX call \
            succeeds.",
        documentation: IAM_QUOTAS,
        ..ROLE
    },
    Hint {
        id: "iam_linked_role_service",
        code: "NoSuchEntity",
        operations: &["CreateServiceLinkedRole"],
        title: "IAM does not know the service that the role is to be linked to.",
        explanation: "`AWSServiceName` must be `dax.amazonaws.com`. If it is, the partition does \
            not offer DAX; see the list of DAX endpoints.",
        documentation: super::pages::ENDPOINTS,
        ..ROLE
    },
    Hint {
        id: "iam_simulation_target_missing",
        code: "NoSuchEntity",
        operations: &["SimulatePrincipalPolicy"],
        title: "The identity to simulate does not exist.",
        explanation: "`PolicySourceArn` must be the ARN of the user or role itself, \
            `arn:…:role/NAME`. The ARN of a session, `arn:…:assumed-role/NAME/SESSION`, is not \
            accepted. The preflight reports `not_checked`.",
        documentation: SIMULATOR,
        ..ROLE
    },
    Hint {
        id: "iam_simulation_input",
        code: "InvalidInput",
        operations: &["SimulatePrincipalPolicy"],
        title: "IAM rejected the simulation request.",
        explanation: "One of `ActionNames`, `ResourceArns` or `ContextEntries` is malformed, for \
            example a misspelt action. The preflight reports `not_checked`; nothing else is \
            affected.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
        ..ROLE
    },
    Hint {
        id: "iam_simulation_failed",
        code: "PolicyEvaluation",
        operations: &["SimulatePrincipalPolicy"],
        title: "The simulator could not evaluate the caller's policies.",
        explanation: "`PolicyEvaluation` means that IAM could not evaluate one of the caller's \
            policies. Validate them with `aws accessanalyzer validate-policy`. The preflight \
            reports `not_checked`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Errors",
        ..ROLE
    },
];
