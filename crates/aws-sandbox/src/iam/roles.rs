//! Roles: create, get, list, update, delete.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::documents::{DocumentKind, validate_document};
use crate::iam::names::{
    find_attachable_policy, find_own_role, find_role, limit_exceeded, no_such_entity, role_arn,
};
use crate::iam::paging::page;
use crate::iam::tagging::add_tags;
use crate::iam::views::RoleView;
use crate::state::iam::Role;
use crate::state::{Change, Tag, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;
use crate::wire::xml::{Members, element};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: RoleView,
}

pub(super) fn create_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64).to_owned();
    let path = constraints.path("Path");
    let trust = constraints.required("AssumeRolePolicyDocument", 131_072);
    let description = constraints.description(true);
    let max_session_seconds = constraints
        .number("MaxSessionDuration", 3600, 43_200)
        .unwrap_or(3600);
    let boundary = constraints.optional_arn("PermissionsBoundary");
    let sent_tags = constraints.tags();
    constraints.finish()?;
    let arn = format!("arn:aws:iam::{}:role{path}{name}", turn.account_id());
    authorize_creation(turn, &arn, boundary, &sent_tags)?;
    validate_trust(turn, trust)?;
    let mut tags = Vec::new();
    add_tags(&mut tags, &sent_tags, turn.settings.quotas.tags)?;
    check_new_role(turn, &name, boundary)?;
    let role = Role {
        name,
        path,
        id: unique_id("AROA", 17),
        arn,
        created_at: turn.now,
        trust: trust.to_owned(),
        description,
        max_session_seconds,
        boundary: boundary.map(str::to_owned),
        tags,
        attached: Vec::new(),
        inline: BTreeMap::new(),
        assumable_at: turn.after(turn.settings.propagation_seconds),
        service_linked: false,
    };
    let result = element(
        "CreateRoleResult",
        &RoleResult {
            role: RoleView::created(&role),
        },
    );
    turn.change(Change::Role(Box::new(role)));
    result
}

/// Validates a trust policy. The users and roles of this account that it names must exist.
fn validate_trust(turn: &Turn<'_>, trust: &str) -> Result<(), ServiceFault> {
    validate_document(DocumentKind::Trust, trust, 0)?;
    let own = format!("arn:aws:iam::{}:", turn.account_id());
    let exists = |arn: &str| match arn.strip_prefix(&own) {
        Some(rest) if rest.starts_with("role/") => turn.state.role_by_arn(arn).is_some(),
        Some(rest) if rest.starts_with("user/") => {
            turn.state.keys.values().any(|key| key.identity.arn == arn)
        }
        Some(_) | None => true,
    };
    match principals_of(trust).into_iter().find(|arn| !exists(arn)) {
        Some(missing) => {
            let message = format!("Invalid principal in policy: \"AWS\":\"{missing}\"");
            Err(ServiceFault::new("MalformedPolicyDocument", message))
        }
        None => Ok(()),
    }
}

/// The AWS principals that a valid trust policy names.
fn principals_of(trust: &str) -> Vec<String> {
    let many = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let document: Value = serde_json::from_str(trust).unwrap_or_default();
    let statements = many(&document["Statement"]);
    let names = statements
        .iter()
        .flat_map(|statement| many(&statement["Principal"]["AWS"]));
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Authorizes CreateRole, and TagRole when there are tags. Boundary and tags are condition keys.
fn authorize_creation(
    turn: &mut Turn<'_>,
    arn: &str,
    boundary: Option<&str>,
    tags: &[Tag],
) -> Result<(), ServiceFault> {
    let request = |action| {
        let request = AccessRequest::on(action, arn).requesting_tags(tags);
        match boundary {
            Some(boundary) => request.with("iam:PermissionsBoundary", boundary),
            None => request,
        }
    };
    turn.authorize(&request("iam:CreateRole"))?;
    if tags.is_empty() {
        Ok(())
    } else {
        turn.authorize(&request("iam:TagRole"))
    }
}

fn check_new_role(turn: &Turn<'_>, name: &str, boundary: Option<&str>) -> Result<(), ServiceFault> {
    if turn.state.role(name).is_some() {
        let message = format!("Role with name {name} already exists.");
        return Err(ServiceFault::new("EntityAlreadyExists", message));
    }
    let quota = turn.settings.quotas.roles;
    if turn.state.roles.len() >= quota as usize {
        return Err(limit_exceeded("RolesPerAccount", quota));
    }
    boundary.map_or(Ok(()), |boundary| check_boundary(turn, boundary))
}

/// Checks that a policy exists and can be a permissions boundary.
pub(super) fn check_boundary(turn: &Turn<'_>, arn: &str) -> Result<(), ServiceFault> {
    if !turn.state.policies.contains_key(arn) {
        return Err(no_such_entity(format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        )));
    }
    find_attachable_policy(turn, arn).map(drop)
}

/// Authorizes an action on a role by its name. A denial names the resource `role <name>`.
pub(super) fn authorize_on_role(
    turn: &mut Turn<'_>,
    action: &str,
    name: &str,
) -> Result<(), ServiceFault> {
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let request = AccessRequest::on_shown(action, &arn, &shown);
    let request = match turn.current_state.role(name) {
        Some(role) => request.resource_tags(Service::Iam, &role.tags),
        None => request,
    };
    turn.authorize(&request)
}

pub(super) fn get_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    authorize_on_role(turn, "iam:GetRole", name)?;
    element(
        "GetRoleResult",
        &RoleResult {
            role: RoleView::full(find_role(turn, name)?),
        },
    )
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListRolesResult {
    roles: Members<RoleView>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_roles(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let prefix = constraints.path_prefix();
    constraints.finish()?;
    let arn = format!("arn:aws:iam::{}:role{prefix}", turn.account_id());
    turn.authorize(&AccessRequest::on("iam:ListRoles", &arn))?;
    let in_path = turn
        .state
        .roles
        .iter()
        .filter(|(_, role)| role.path.starts_with(&prefix));
    let page = page(form, in_path, |(key, _)| (*key).clone())?;
    let roles = page
        .items
        .into_iter()
        .map(|(_, role)| RoleView::listed(role))
        .collect();
    let result = ListRolesResult {
        roles,
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListRolesResult", &result)
}

pub(super) fn update_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let description = constraints.description(true);
    let max_session_seconds = constraints.number("MaxSessionDuration", 3600, 43_200);
    constraints.finish()?;
    authorize_on_role(turn, "iam:UpdateRole", name)?;
    let mut role = find_own_role(turn, name)?.clone();
    role.description = description.or(role.description);
    // "If you do not specify a value for this setting, the default value of one hour is applied."
    role.max_session_seconds = max_session_seconds.unwrap_or(3600);
    turn.change(Change::Role(Box::new(role)));
    element("UpdateRoleResult", &())
}

/// UpdateRoleDescription, which IAM still serves and Terraform's provider uses.
pub(super) fn update_role_description(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let description = constraints.description(true);
    constraints.finish()?;
    authorize_on_role(turn, "iam:UpdateRoleDescription", name)?;
    let mut role = find_own_role(turn, name)?.clone();
    role.description = description;
    let role_view = RoleView::full(&role);
    turn.change(Change::Role(Box::new(role)));
    element(
        "UpdateRoleDescriptionResult",
        &RoleResult { role: role_view },
    )
}

pub(super) fn update_assume_role_policy(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let trust = constraints.required("PolicyDocument", 131_072);
    constraints.finish()?;
    authorize_on_role(turn, "iam:UpdateAssumeRolePolicy", name)?;
    let mut role = find_own_role(turn, name)?.clone();
    validate_trust(turn, trust)?;
    trust.clone_into(&mut role.trust);
    role.assumable_at = turn.after(turn.settings.propagation_seconds);
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

pub(super) fn delete_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    authorize_on_role(turn, "iam:DeleteRole", name)?;
    let role = find_own_role(turn, name)?;
    let conflict = |message: &str| Err(ServiceFault::new("DeleteConflict", message));
    if !role.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !role.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    turn.change(Change::RoleGone(role.name.clone()));
    Ok(String::new())
}
