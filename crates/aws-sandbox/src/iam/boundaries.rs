//! Permissions boundaries of roles.

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::names::{find_own_role, no_such_entity, role_arn};
use crate::iam::roles::check_boundary;
use crate::state::Change;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

pub(super) fn put_role_permissions_boundary(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let boundary = constraints.arn("PermissionsBoundary");
    constraints.finish()?;
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let request = AccessRequest::on_shown("iam:PutRolePermissionsBoundary", &arn, &shown);
    turn.authorize(&request.with("iam:PermissionsBoundary", boundary))?;
    let mut role = find_own_role(turn, name)?.clone();
    check_boundary(turn, boundary)?;
    role.boundary = Some(boundary.to_owned());
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

pub(super) fn delete_role_permissions_boundary(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let mut request = AccessRequest::on_shown("iam:DeleteRolePermissionsBoundary", &arn, &shown);
    if let Some(boundary) = turn
        .state
        .role(name)
        .and_then(|role| role.boundary.as_ref())
    {
        request = request.with("iam:PermissionsBoundary", boundary);
    }
    turn.authorize(&request)?;
    let mut role = find_own_role(turn, name)?.clone();
    if role.boundary.take().is_none() {
        return Err(no_such_entity(format!(
            "The permissions boundary of the role {name} cannot be found."
        )));
    }
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}
