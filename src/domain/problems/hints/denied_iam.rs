//! Hints: IAM denied an action.

use super::pages::{GUIDE, IAM_TROUBLE, LINKED_ROLES, PASSING_ROLES, SIMULATOR};
use super::{Hint, ROW};

const DENIED: Hint = Hint {
    service: "iam",
    code: "AccessDenied",
    ..ROW
};

/// A row for each IAM permission that creating and deleting a cluster needs.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_create_role",
        action: Some("iam:CreateRole"),
        title: "Add iam:CreateRole to your user policy.",
        explanation: "The caller is not allowed to create the service role through which DAX \
            accesses the tables. Allow `iam:CreateRole` on the role's full ARN, path included. The \
            AWS console uses the path `/service-role/`, this service `/dax-provisioner/`. If a \
            permissions boundary is required, add the condition `iam:PermissionsBoundary`.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_create_policy",
        action: Some("iam:CreatePolicy"),
        title: "Add iam:CreatePolicy to your user policy.",
        explanation: "The caller is not allowed to create the policy that grants the service role \
            access to its tables. AWS's message contains only the policy's name, but the statement \
            needs its ARN. Allow `iam:CreatePolicy` on `policy/dax-provisioner/dax-*` of the \
            account.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_attach_role_policy",
        action: Some("iam:AttachRolePolicy"),
        title: "Add iam:AttachRolePolicy to your user policy.",
        explanation: "The caller is not allowed to attach the access policy to the service role. \
            Allow `iam:AttachRolePolicy` on the ARN of the role, not of the policy. The condition \
            `iam:PolicyARN` limits which policies can be attached. The introduction of the guide's \
            troubleshooting section names iam:AttachPolicy, which is an error: IAM has no such \
            action, accepts it in a policy, and it grants nothing.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_pass_role",
        action: Some("iam:PassRole"),
        code: "AccessDeniedException",
        title: "Add iam:PassRole to your user policy.",
        explanation: "The caller is allowed to create the cluster but not to pass its service role \
            to DAX. Allow `iam:PassRole` on the role's full ARN, with the condition \
            `iam:PassedToService` = `dax.amazonaws.com`. The guide requires this permission but \
            lists no message for it. The managed policy AmazonDynamoDBFullAccess_v2 no longer \
            grants it. CloudTrail records no event of this name.",
        documentation: PASSING_ROLES,
        ..DENIED
    },
    Hint {
        id: "iam_create_service_linked_role",
        action: Some("iam:CreateServiceLinkedRole"),
        title: "Add iam:CreateServiceLinkedRole for dax.amazonaws.com to your user policy.",
        explanation: "The first DAX call in an account creates the role `AWSServiceRoleForDAX` \
            with the caller's permissions. Allow `iam:CreateServiceLinkedRole` on \
            `role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX`. Alternatively, let an \
            administrator run `aws iam create-service-linked-role --aws-service-name \
            dax.amazonaws.com` once.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "iam_tag_role",
        action: Some("iam:TagRole"),
        title: "Add iam:TagRole to your user policy.",
        explanation: "CreateRole sends this service's ownership tags, which AWS authorises as \
            `iam:TagRole` on the same role. Allow it together with `iam:CreateRole`. Without the \
            tags, the role cannot be identified as managed by this service.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html",
        ..DENIED
    },
    Hint {
        id: "iam_tag_policy",
        action: Some("iam:TagPolicy"),
        title: "Add iam:TagPolicy to your user policy.",
        explanation: "CreatePolicy sends this service's ownership tags, which AWS authorises as \
            `iam:TagPolicy` on the same policy. Allow it together with `iam:CreatePolicy` on \
            `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_customer-managed-policies.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_role",
        action: Some("iam:GetRole"),
        title: "Add iam:GetRole to your user policy.",
        explanation: "The role is read before it is used: its trust policy must name \
            `dax.amazonaws.com`, and its tags show what manages it. Allow `iam:GetRole` on the \
            role's ARN. For a role that does not exist yet, allow it on the ARN without the path \
            as well. A role given as `service_role.arn` needs the permission on exactly that ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_roles",
        action: Some("iam:ListRoles"),
        title: "Add iam:ListRoles with Resource * to your user policy.",
        explanation: "Without `service_role` in the request, this service searches for existing \
            roles that trust DAX, as the AWS console does. `iam:ListRoles` supports only Resource \
            `*`. To avoid the search, give the role in `service_role.arn`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_policy",
        action: Some("iam:GetPolicy"),
        title: "Add iam:GetPolicy to your user policy.",
        explanation: "An existing policy of the same name is compared before it is adopted, and \
            read again before it is deleted. Allow `iam:GetPolicy` on \
            `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_policy_version",
        action: Some("iam:GetPolicyVersion"),
        title: "Add iam:GetPolicyVersion to your user policy.",
        explanation: "GetPolicy does not return the document. It is read with \
            `iam:GetPolicyVersion` to check whether an existing policy matches the request. Allow \
            the action on the policy's ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_policies",
        action: Some("iam:ListPolicies"),
        title: "Add iam:ListPolicies with Resource * to your user policy.",
        explanation: "Orphaned policies are found by listing the path `/dax-provisioner/`. \
            `iam:ListPolicies` supports only Resource `*`. Without it, orphaned policies are not \
            reported.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_policy_versions",
        action: Some("iam:ListPolicyVersions"),
        title: "Add iam:ListPolicyVersions to your user policy.",
        explanation: "A policy with more than one version cannot be deleted, so the versions are \
            listed first. Allow `iam:ListPolicyVersions` on `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_attached_role_policies",
        action: Some("iam:ListAttachedRolePolicies"),
        title: "Add iam:ListAttachedRolePolicies to your user policy.",
        explanation: "The policies attached to the service role are read before attaching and \
            before deleting. Allow `iam:ListAttachedRolePolicies` on the role's ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_role_policies",
        action: Some("iam:ListRolePolicies"),
        title: "Add iam:ListRolePolicies to your user policy.",
        explanation: "A role with inline policies cannot be deleted. This service creates none, so \
            any that exist are reported by name. Reading them needs `iam:ListRolePolicies` on the \
            role's ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_detach_role_policy",
        action: Some("iam:DetachRolePolicy"),
        title: "Add iam:DetachRolePolicy to your user policy.",
        explanation: "Access policies are detached from the service role before either is deleted. \
            Allow `iam:DetachRolePolicy` on the role's ARN, with the same `iam:PolicyARN` \
            condition as for attaching.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_delete_policy",
        action: Some("iam:DeletePolicy"),
        title: "Add iam:DeletePolicy to your user policy.",
        explanation: "An access policy created for this cluster could not be deleted and stays in \
            the receipt. Allow `iam:DeletePolicy` on `policy/dax-provisioner/dax-*`, or delete the \
            policy manually and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_delete_role",
        action: Some("iam:DeleteRole"),
        title: "Add iam:DeleteRole to your user policy.",
        explanation: "The service role created for this cluster could not be deleted and stays in \
            the receipt. Allow `iam:DeleteRole` on `role/dax-provisioner/dax-*`, or delete the \
            role manually and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html",
        ..DENIED
    },
    Hint {
        id: "iam_simulate_principal_policy",
        action: Some("iam:SimulatePrincipalPolicy"),
        title: "Add iam:SimulatePrincipalPolicy on the service's own identity, or skip the \
            preflight.",
        explanation: "Only the preflight needs `iam:SimulatePrincipalPolicy`, on the ARN of the \
            user or role the service runs as. For an assumed role, use the ARN of the role, not of \
            its session. Without this permission the preflight reports permissions as \
            `not_checked`.",
        documentation: SIMULATOR,
        ..DENIED
    },
    Hint {
        id: "iam_put_role_permissions_boundary",
        action: Some("iam:PutRolePermissionsBoundary"),
        title: "Set the boundary when creating the role, or add iam:PutRolePermissionsBoundary.",
        explanation: "CreateRole with a `PermissionsBoundary` needs `iam:CreateRole` under that \
            condition. Some accounts require `iam:PutRolePermissionsBoundary` as well. Allow it on \
            the role's ARN, and only with the condition `iam:PermissionsBoundary`.",
        documentation: super::pages::BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "iam_create_policy_version",
        action: Some("iam:CreatePolicyVersion"),
        title: "Do not add iam:CreatePolicyVersion to your user policy.",
        explanation: "This service never creates policy versions: a changed table list becomes a \
            new policy. `iam:CreatePolicyVersion` lets its holder rewrite policies and escalate \
            privileges. If another tool needs it, allow it only on the exact policy ARN.",
        documentation: IAM_TROUBLE,
        ..DENIED
    },
];
