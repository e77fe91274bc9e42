//! Managed policies on roles.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::names::{
    find_attachable_policy, find_own_role, find_policy, find_role, limit_exceeded, no_such_entity,
    role_arn,
};
use crate::iam::paging::page;
use crate::iam::policies::authorize_on_policy;
use crate::iam::roles::authorize_on_role;
use crate::state::Change;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;
use crate::wire::xml::{Members, element};

/// Authorizes attaching or detaching a policy.
///
/// The policy and the role's boundary are condition keys.
fn authorize_attachment(
    turn: &mut Turn<'_>,
    action: &str,
    name: &str,
    policy_arn: &str,
) -> Result<(), ServiceFault> {
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let mut request =
        AccessRequest::on_shown(action, &arn, &shown).with("iam:PolicyARN", policy_arn);
    if let Some(role) = turn.state.role(name) {
        request = request.resource_tags(Service::Iam, &role.tags);
        if let Some(boundary) = &role.boundary {
            request = request.with("iam:PermissionsBoundary", boundary);
        }
    }
    turn.authorize(&request)
}

pub(super) fn attach_role_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let policy_arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    if !policy_arn.starts_with("arn:") {
        // Recorded from AWS, with two blanks.
        let message = "Invalid ARN:  Could not be parsed!";
        return Err(ServiceFault::new("ValidationError", message));
    }
    authorize_attachment(turn, "iam:AttachRolePolicy", name, policy_arn)?;
    let role = find_own_role(turn, name)?;
    find_attachable_policy(turn, policy_arn)?;
    if role.attached.iter().any(|attached| attached == policy_arn) {
        return Ok(String::new());
    }
    let quota = turn.settings.quotas.policies_per_role;
    if role.attached.len() >= quota as usize {
        return Err(limit_exceeded("PoliciesPerRole", quota));
    }
    let mut role = role.clone();
    role.attached.push(policy_arn.to_owned());
    role.assumable_at = role
        .assumable_at
        .max(turn.after(turn.settings.propagation_seconds));
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

pub(super) fn detach_role_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let policy_arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    authorize_attachment(turn, "iam:DetachRolePolicy", name, policy_arn)?;
    let mut role = find_own_role(turn, name)?.clone();
    let before = role.attached.len();
    role.attached.retain(|attached| attached != policy_arn);
    if role.attached.len() == before {
        return Err(no_such_entity(format!(
            "Policy {policy_arn} was not found."
        )));
    }
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListAttachedRolePoliciesResult {
    attached_policies: Members<AttachedPolicy>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_attached_role_policies(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let prefix = constraints.path_prefix();
    constraints.finish()?;
    authorize_on_role(turn, "iam:ListAttachedRolePolicies", name)?;
    let role = find_role(turn, name)?;
    let attached = role
        .attached
        .iter()
        .filter_map(|arn| turn.state.policies.get(arn));
    let mut in_path: Vec<_> = attached
        .filter(|policy| policy.path.starts_with(&prefix))
        .collect();
    in_path.sort_by(|one, other| one.arn.cmp(&other.arn));
    let page = page(form, in_path, |policy| policy.arn.clone())?;
    let view = |policy: &crate::state::iam::ManagedPolicy| AttachedPolicy {
        policy_name: policy.name.clone(),
        policy_arn: policy.arn.clone(),
    };
    let result = ListAttachedRolePoliciesResult {
        attached_policies: page.items.into_iter().map(view).collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListAttachedRolePoliciesResult", &result)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListInstanceProfilesForRoleResult {
    instance_profiles: Members<String>,
    is_truncated: bool,
}

/// Always returns an empty list, because the sandbox has no instance profiles.
///
/// Tools call this before they delete a role.
pub(super) fn list_instance_profiles_for_role(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    authorize_on_role(turn, "iam:ListInstanceProfilesForRole", name)?;
    find_role(turn, name)?;
    let result = ListInstanceProfilesForRoleResult {
        instance_profiles: Members::from_iter([]),
        is_truncated: false,
    };
    element("ListInstanceProfilesForRoleResult", &result)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListEntitiesForPolicyResult {
    policy_groups: Members<String>,
    policy_users: Members<String>,
    policy_roles: Members<PolicyRole>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_entities_for_policy(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let policy_arn = constraints.arn("PolicyArn");
    let prefix = constraints.path_prefix();
    constraints.finish()?;
    authorize_on_policy(turn, "iam:ListEntitiesForPolicy", policy_arn)?;
    find_policy(turn, policy_arn)?;
    let wants_roles = matches!(form.text("EntityFilter"), None | Some("Role"));
    let as_permissions = form.text("PolicyUsageFilter") != Some("PermissionsBoundary");
    let as_boundary = form.text("PolicyUsageFilter") != Some("PermissionsPolicy");
    let using = turn.state.roles.iter().filter(|(_, role)| {
        wants_roles
            && role.path.starts_with(&prefix)
            && ((as_permissions && role.attached.iter().any(|attached| attached == policy_arn))
                || (as_boundary && role.boundary.as_deref() == Some(policy_arn)))
    });
    let page = page(form, using, |(key, _)| (*key).clone())?;
    let view = |(_, role): (&String, &crate::state::iam::Role)| PolicyRole {
        role_name: role.name.clone(),
        role_id: role.id.clone(),
    };
    let result = ListEntitiesForPolicyResult {
        policy_groups: Members::from_iter([]),
        policy_users: Members::from_iter([]),
        policy_roles: page.items.into_iter().map(view).collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListEntitiesForPolicyResult", &result)
}
