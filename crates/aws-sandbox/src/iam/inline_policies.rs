//! Inline policies of roles.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::documents::{DocumentKind, size_of, validate_document};
use crate::iam::names::{find_own_role, find_role, no_such_entity, role_arn};
use crate::iam::paging::page;
use crate::iam::roles::authorize_on_role;
use crate::iam::views::encode_document;
use crate::state::Change;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Members, element};

fn authorize_change(turn: &mut Turn<'_>, action: &str, name: &str) -> Result<(), ServiceFault> {
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let mut request = AccessRequest::on_shown(action, &arn, &shown);
    if let Some(boundary) = turn
        .state
        .role(name)
        .and_then(|role| role.boundary.as_ref())
    {
        request = request.with("iam:PermissionsBoundary", boundary);
    }
    turn.authorize(&request)
}

fn not_found(policy: &str) -> ServiceFault {
    no_such_entity(format!(
        "The role policy with name {policy} cannot be found."
    ))
}

pub(super) fn put_role_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let policy = constraints.name("PolicyName", 128);
    let document = constraints.required("PolicyDocument", 131_072);
    constraints.finish()?;
    authorize_change(turn, "iam:PutRolePolicy", name)?;
    let mut role = find_own_role(turn, name)?.clone();
    let others = role.inline.iter().filter(|(other, _)| *other != policy);
    let other_size = others.map(|(_, document)| size_of(document)).sum();
    validate_document(DocumentKind::Inline, document, other_size)?;
    role.inline.insert(policy.to_owned(), document.to_owned());
    role.assumable_at = role
        .assumable_at
        .max(turn.after(turn.settings.propagation_seconds));
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetRolePolicyResult {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

pub(super) fn get_role_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let policy = constraints.name("PolicyName", 128);
    constraints.finish()?;
    authorize_on_role(turn, "iam:GetRolePolicy", name)?;
    let role = find_role(turn, name)?;
    let document = role.inline.get(policy).ok_or_else(|| not_found(policy))?;
    let result = GetRolePolicyResult {
        role_name: role.name.clone(),
        policy_name: policy.to_owned(),
        policy_document: encode_document(document),
    };
    element("GetRolePolicyResult", &result)
}

pub(super) fn delete_role_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let policy = constraints.name("PolicyName", 128);
    constraints.finish()?;
    authorize_change(turn, "iam:DeleteRolePolicy", name)?;
    let mut role = find_own_role(turn, name)?.clone();
    if role.inline.remove(policy).is_none() {
        return Err(not_found(policy));
    }
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListRolePoliciesResult {
    policy_names: Members<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_role_policies(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    authorize_on_role(turn, "iam:ListRolePolicies", name)?;
    let page = page(form, find_role(turn, name)?.inline.keys(), |policy| {
        (*policy).clone()
    })?;
    let result = ListRolePoliciesResult {
        policy_names: page.items.into_iter().cloned().collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListRolePoliciesResult", &result)
}
