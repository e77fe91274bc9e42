//! Hints: IAM refused an action.

use super::pages::{GUIDE, IAM_TROUBLE, LINKED_ROLES, PASSING_ROLES, SIMULATOR};
use super::{Hint, ROW};

const DENIED: Hint = Hint {
    service: "iam",
    code: "AccessDenied",
    ..ROW
};

/// A row for each IAM permission on the way to a cluster and back.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "iam_create_role",
        action: Some("iam:CreateRole"),
        title: "Add iam:CreateRole to your user policy.",
        explanation: "The caller may not make the service role through which DAX reaches the tables. Allow `iam:CreateRole` on the role's full ARN, path included: the AWS console makes such roles under `/service-role/`, this service under `/dax-provisioner/`. Where a boundary is imposed, the statement carries the condition `iam:PermissionsBoundary`.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_create_policy",
        action: Some("iam:CreatePolicy"),
        title: "Add iam:CreatePolicy to your user policy.",
        explanation: "The caller may not make the policy that gives the service role its tables. AWS's message has only the policy's name, but the statement needs its ARN: allow `iam:CreatePolicy` on `policy/dax-provisioner/dax-*` of the account.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_attach_role_policy",
        action: Some("iam:AttachRolePolicy"),
        title: "Add iam:AttachRolePolicy to your user policy.",
        explanation: "The access policy exists but may not be attached to the service role. Allow `iam:AttachRolePolicy` on the ARN of the role, not of the policy; the condition `iam:PolicyARN` limits what may be attached. The introduction of the guide's troubleshooting section names iam:AttachPolicy, which is a slip: IAM has no such action, accepts it in a policy, and it grants nothing.",
        documentation: GUIDE,
        ..DENIED
    },
    Hint {
        id: "iam_pass_role",
        action: Some("iam:PassRole"),
        code: "AccessDeniedException",
        title: "Add iam:PassRole to your user policy.",
        explanation: "The caller may create the cluster but not hand its service role to DAX. Allow `iam:PassRole` on the ARN of that role, path included, with the condition `iam:PassedToService` = `dax.amazonaws.com`. The guide requires this permission but has no row for it; the managed policy AmazonDynamoDBFullAccess_v2 no longer grants it, and CloudTrail shows no call of this name.",
        documentation: PASSING_ROLES,
        ..DENIED
    },
    Hint {
        id: "iam_create_service_linked_role",
        action: Some("iam:CreateServiceLinkedRole"),
        title: "Add iam:CreateServiceLinkedRole for dax.amazonaws.com to your user policy.",
        explanation: "The first DAX call in an account makes the role `AWSServiceRoleForDAX` in the caller's name. Allow `iam:CreateServiceLinkedRole` on `role/aws-service-role/dax.amazonaws.com/AWSServiceRoleForDAX`, or let an administrator run `aws iam create-service-linked-role --aws-service-name dax.amazonaws.com` once.",
        documentation: LINKED_ROLES,
        ..DENIED
    },
    Hint {
        id: "iam_tag_role",
        action: Some("iam:TagRole"),
        title: "Add iam:TagRole to your user policy.",
        explanation: "CreateRole sends our ownership tags, and AWS authorises those as `iam:TagRole` on the same role. Allow it beside `iam:CreateRole`; an untagged role could not be told from somebody else's later.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html",
        ..DENIED
    },
    Hint {
        id: "iam_tag_policy",
        action: Some("iam:TagPolicy"),
        title: "Add iam:TagPolicy to your user policy.",
        explanation: "CreatePolicy sends our ownership tags, and AWS authorises those as `iam:TagPolicy` on the same policy. Allow it beside `iam:CreatePolicy` on `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_customer-managed-policies.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_role",
        action: Some("iam:GetRole"),
        title: "Add iam:GetRole to your user policy.",
        explanation: "The role is read before it is used: its trust policy must name `dax.amazonaws.com`, and its tags tell whose it is. Allow `iam:GetRole` on the role's ARN, and for one that does not exist yet also on the ARN without its path; a role given as `service_role.arn` needs the same grant on exactly that ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_roles",
        action: Some("iam:ListRoles"),
        title: "Add iam:ListRoles with Resource * to your user policy.",
        explanation: "Without `service_role` in the request, the existing roles that trust DAX are looked for, as the AWS console does. `iam:ListRoles` works only with Resource `*`. Naming the role in `service_role.arn` avoids the search.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_policy",
        action: Some("iam:GetPolicy"),
        title: "Add iam:GetPolicy to your user policy.",
        explanation: "A policy of the wanted name is compared before it is adopted, and found again before it is deleted. Allow `iam:GetPolicy` on `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_get_policy_version",
        action: Some("iam:GetPolicyVersion"),
        title: "Add iam:GetPolicyVersion to your user policy.",
        explanation: "GetPolicy does not return the document; it is read with `iam:GetPolicyVersion`, on the policy's ARN, to see whether an existing policy says what was asked for.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_policies",
        action: Some("iam:ListPolicies"),
        title: "Add iam:ListPolicies with Resource * to your user policy.",
        explanation: "Policies under `/dax-provisioner/` that belong to no cluster are found by listing that path. `iam:ListPolicies` works only with Resource `*`; without it orphans are not reported.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_policy_versions",
        action: Some("iam:ListPolicyVersions"),
        title: "Add iam:ListPolicyVersions to your user policy.",
        explanation: "A policy with further versions cannot be deleted, so they are listed first. Allow `iam:ListPolicyVersions` on `policy/dax-provisioner/dax-*`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_attached_role_policies",
        action: Some("iam:ListAttachedRolePolicies"),
        title: "Add iam:ListAttachedRolePolicies to your user policy.",
        explanation: "What is attached to the service role is read before attaching and before deleting. Allow `iam:ListAttachedRolePolicies` on the role's ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_list_role_policies",
        action: Some("iam:ListRolePolicies"),
        title: "Add iam:ListRolePolicies to your user policy.",
        explanation: "A role with inline policies cannot be deleted, and ours never has any: a foreign one is reported by name. Reading them needs `iam:ListRolePolicies` on the role's ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html",
        ..DENIED
    },
    Hint {
        id: "iam_detach_role_policy",
        action: Some("iam:DetachRolePolicy"),
        title: "Add iam:DetachRolePolicy to your user policy.",
        explanation: "Access policies are taken off the service role before either is deleted. Allow `iam:DetachRolePolicy` on the role's ARN with the same `iam:PolicyARN` condition as for attaching.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_delete_policy",
        action: Some("iam:DeletePolicy"),
        title: "Add iam:DeletePolicy to your user policy.",
        explanation: "An access policy made for this cluster could not be removed; it stays in the receipt until it is. Allow `iam:DeletePolicy` on `policy/dax-provisioner/dax-*`, or delete it by hand and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
        ..DENIED
    },
    Hint {
        id: "iam_delete_role",
        action: Some("iam:DeleteRole"),
        title: "Add iam:DeleteRole to your user policy.",
        explanation: "The service role made for this cluster could not be removed; it stays in the receipt until it is. Allow `iam:DeleteRole` on `role/dax-provisioner/dax-*`, or delete it by hand and `retry`.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html",
        ..DENIED
    },
    Hint {
        id: "iam_simulate_principal_policy",
        action: Some("iam:SimulatePrincipalPolicy"),
        title: "Add iam:SimulatePrincipalPolicy on the service's own identity, or do without the preflight.",
        explanation: "Only the preflight needs `iam:SimulatePrincipalPolicy`, on the ARN of the user or role the service runs as (of the role, not of its session). Without it permissions are reported as `not_checked`; nothing else depends on it.",
        documentation: SIMULATOR,
        ..DENIED
    },
    Hint {
        id: "iam_put_role_permissions_boundary",
        action: Some("iam:PutRolePermissionsBoundary"),
        title: "Give the boundary when the role is created, or add iam:PutRolePermissionsBoundary.",
        explanation: "CreateRole with a `PermissionsBoundary` needs `iam:CreateRole` under that condition, and some accounts ask for `iam:PutRolePermissionsBoundary` besides. Allow it on the role's ARN with the condition `iam:PermissionsBoundary`, never without.",
        documentation: super::pages::BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "iam_create_policy_version",
        action: Some("iam:CreatePolicyVersion"),
        title: "Leave iam:CreatePolicyVersion out of your user policy.",
        explanation: "This service never writes versions of a policy: a changed table list becomes a new policy. Whoever holds `iam:CreatePolicyVersion` may rewrite policies and so escalate. If this refusal came from elsewhere, grant it only on the exact policy ARN.",
        documentation: IAM_TROUBLE,
        ..DENIED
    },
];
