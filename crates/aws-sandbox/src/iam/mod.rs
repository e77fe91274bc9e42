//! The part of IAM that provisioning needs: roles, managed and inline policies, boundaries, tags,
//! the service-linked role and the simulator.
//!
//! Operations receive a turn and must not depend on HTTP.

mod attachments;
mod aws_policies;
mod boundaries;
mod constraints;
mod documents;
mod inline_policies;
mod names;
mod paging;
mod permissions;
mod policies;
mod policy_listing;
mod policy_tags;
mod policy_versions;
mod role_tags;
mod roles;
mod service_linked;
mod simulate;
mod tagging;
mod users;
mod views;

pub(crate) use self::aws_policies::aws_managed_policies;
pub(crate) use self::permissions::role_permissions;
pub(crate) use self::service_linked::ensure_service_linked_role;
use crate::turn::Operation;

/// All operations of IAM that the sandbox implements.
pub(crate) static OPERATIONS: [Operation; 36] = [
    Operation::form_write("CreateRole", "iam:CreateRole", roles::create_role),
    Operation::form_read("GetRole", "iam:GetRole", roles::get_role),
    Operation::form_read("ListRoles", "iam:ListRoles", roles::list_roles),
    Operation::form_write("UpdateRole", "iam:UpdateRole", roles::update_role),
    Operation::form_write("DeleteRole", "iam:DeleteRole", roles::delete_role),
    Operation::form_write(
        "UpdateAssumeRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        roles::update_assume_role_policy,
    ),
    Operation::form_write("TagRole", "iam:TagRole", role_tags::tag_role),
    Operation::form_write("UntagRole", "iam:UntagRole", role_tags::untag_role),
    Operation::form_read(
        "ListRoleTags",
        "iam:ListRoleTags",
        role_tags::list_role_tags,
    ),
    Operation::form_write(
        "PutRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        boundaries::put_role_permissions_boundary,
    ),
    Operation::form_write(
        "DeleteRolePermissionsBoundary",
        "iam:DeleteRolePermissionsBoundary",
        boundaries::delete_role_permissions_boundary,
    ),
    Operation::form_write(
        "UpdateRoleDescription",
        "iam:UpdateRoleDescription",
        roles::update_role_description,
    ),
    Operation::form_write(
        "AttachRolePolicy",
        "iam:AttachRolePolicy",
        attachments::attach_role_policy,
    ),
    Operation::form_write(
        "DetachRolePolicy",
        "iam:DetachRolePolicy",
        attachments::detach_role_policy,
    ),
    Operation::form_read(
        "ListAttachedRolePolicies",
        "iam:ListAttachedRolePolicies",
        attachments::list_attached_role_policies,
    ),
    Operation::form_read(
        "ListEntitiesForPolicy",
        "iam:ListEntitiesForPolicy",
        attachments::list_entities_for_policy,
    ),
    Operation::form_read(
        "ListInstanceProfilesForRole",
        "iam:ListInstanceProfilesForRole",
        attachments::list_instance_profiles_for_role,
    ),
    Operation::form_write(
        "PutRolePolicy",
        "iam:PutRolePolicy",
        inline_policies::put_role_policy,
    ),
    Operation::form_read(
        "GetRolePolicy",
        "iam:GetRolePolicy",
        inline_policies::get_role_policy,
    ),
    Operation::form_write(
        "DeleteRolePolicy",
        "iam:DeleteRolePolicy",
        inline_policies::delete_role_policy,
    ),
    Operation::form_read(
        "ListRolePolicies",
        "iam:ListRolePolicies",
        inline_policies::list_role_policies,
    ),
    Operation::form_write("CreatePolicy", "iam:CreatePolicy", policies::create_policy),
    Operation::form_read("GetPolicy", "iam:GetPolicy", policies::get_policy),
    Operation::form_write("DeletePolicy", "iam:DeletePolicy", policies::delete_policy),
    Operation::form_read(
        "ListPolicies",
        "iam:ListPolicies",
        policy_listing::list_policies,
    ),
    Operation::form_write(
        "CreatePolicyVersion",
        "iam:CreatePolicyVersion",
        policy_versions::create_policy_version,
    ),
    Operation::form_read(
        "GetPolicyVersion",
        "iam:GetPolicyVersion",
        policy_versions::get_policy_version,
    ),
    Operation::form_read(
        "ListPolicyVersions",
        "iam:ListPolicyVersions",
        policy_versions::list_policy_versions,
    ),
    Operation::form_write(
        "DeletePolicyVersion",
        "iam:DeletePolicyVersion",
        policy_versions::delete_policy_version,
    ),
    Operation::form_write(
        "SetDefaultPolicyVersion",
        "iam:SetDefaultPolicyVersion",
        policy_versions::set_default_policy_version,
    ),
    Operation::form_write("TagPolicy", "iam:TagPolicy", policy_tags::tag_policy),
    Operation::form_write("UntagPolicy", "iam:UntagPolicy", policy_tags::untag_policy),
    Operation::form_read(
        "ListPolicyTags",
        "iam:ListPolicyTags",
        policy_tags::list_policy_tags,
    ),
    Operation::form_write(
        "CreateServiceLinkedRole",
        "iam:CreateServiceLinkedRole",
        service_linked::create_service_linked_role,
    ),
    Operation::form_read(
        "SimulatePrincipalPolicy",
        "iam:SimulatePrincipalPolicy",
        simulate::simulate_principal_policy,
    ),
    Operation::form_read("GetUser", "iam:GetUser", users::get_user),
];
