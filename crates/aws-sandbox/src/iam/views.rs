//! Response shapes of roles, policies and policy versions.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::clock::iso_seconds;
use crate::state::iam::{ManagedPolicy, PolicyVersion, Role};
use crate::state::{State, Tag};
use crate::wire::xml::Members;

/// All but the unreserved characters of RFC 3986. IAM encodes documents this way.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A document as IAM returns it: percent-encoded.
pub(super) fn encode_document(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleView {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<BoundaryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_last_used: Option<LastUsedView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryView {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

/// Always empty, because the sandbox does not record when a role is used.
#[derive(Debug, Serialize)]
struct LastUsedView {}

impl RoleView {
    /// The shape of GetRole and CreateRole.
    pub(super) fn full(role: &Role) -> RoleView {
        RoleView {
            permissions_boundary: role.boundary.clone().map(|permissions_boundary_arn| {
                BoundaryView {
                    permissions_boundary_type: "Policy",
                    permissions_boundary_arn,
                }
            }),
            tags: (!role.tags.is_empty()).then(|| role.tags.iter().cloned().collect()),
            role_last_used: Some(LastUsedView {}),
            ..RoleView::listed(role)
        }
    }

    /// The shape of CreateRole, without the duration of sessions and the last use.
    pub(super) fn created(role: &Role) -> RoleView {
        RoleView {
            max_session_duration: None,
            role_last_used: None,
            ..RoleView::full(role)
        }
    }

    /// The shape of ListRoles, without boundary, tags and last use.
    pub(super) fn listed(role: &Role) -> RoleView {
        RoleView {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn.clone(),
            create_date: iso_seconds(role.created_at),
            assume_role_policy_document: encode_document(&role.trust),
            description: role.description.clone(),
            max_session_duration: Some(role.max_session_seconds),
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyView {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    create_date: String,
    update_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<Tag>>,
}

impl PolicyView {
    /// The shape of CreatePolicy, which never has the description, and the tags only if there are
    /// any.
    pub(super) fn created(state: &State, policy: &ManagedPolicy) -> PolicyView {
        let full = PolicyView::full(state, policy);
        PolicyView {
            description: None,
            tags: full.tags.filter(|_| !policy.tags.is_empty()),
            ..full
        }
    }

    /// The shape of GetPolicy, which always has the tags.
    pub(super) fn full(state: &State, policy: &ManagedPolicy) -> PolicyView {
        let attached = state
            .roles
            .values()
            .filter(|role| role.attached.contains(&policy.arn))
            .count();
        let bounding = state
            .roles
            .values()
            .filter(|role| role.boundary.as_ref() == Some(&policy.arn))
            .count();
        PolicyView {
            description: policy
                .description
                .clone()
                .filter(|description| !description.is_empty()),
            tags: Some(policy.tags.iter().cloned().collect()),
            ..PolicyView::listed(policy, attached, bounding)
        }
    }

    /// The shape of ListPolicies, without description and tags.
    pub(super) fn listed(policy: &ManagedPolicy, attached: usize, bounding: usize) -> PolicyView {
        PolicyView {
            policy_name: policy.name.clone(),
            policy_id: policy.id.clone(),
            arn: policy.arn.clone(),
            path: policy.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count: attached,
            permissions_boundary_usage_count: bounding,
            is_attachable: true,
            description: None,
            create_date: iso_seconds(policy.created_at),
            update_date: iso_seconds(policy.updated_at),
            tags: None,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionView {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

impl VersionView {
    /// The shape of GetPolicyVersion.
    pub(super) fn full(policy: &ManagedPolicy, version: &PolicyVersion) -> VersionView {
        VersionView {
            document: Some(encode_document(&version.document)),
            ..VersionView::listed(policy, version)
        }
    }

    /// The shape of ListPolicyVersions and CreatePolicyVersion, without the document.
    pub(super) fn listed(policy: &ManagedPolicy, version: &PolicyVersion) -> VersionView {
        VersionView {
            document: None,
            version_id: version_id(version.number),
            is_default_version: version.number == policy.default_version,
            create_date: iso_seconds(version.created_at),
        }
    }
}

/// `v1`, `v2`, …
pub(super) fn version_id(number: u32) -> String {
    format!("v{number}")
}
