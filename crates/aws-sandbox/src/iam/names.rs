//! Names, ARNs, and the sentences in which IAM says that something is not there.

use crate::state::iam::{ManagedPolicy, Role};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// Where a role's ARN is needed and the role may not exist.
///
/// Without the role IAM cannot know its path, so policies are matched against the ARN without one. Nobody has published
/// that; it is the reading under which a policy limited to a path has to be written most carefully.
pub(super) fn role_arn(turn: &Turn<'_>, name: &str) -> String {
    match turn.state.role(name) {
        Some(role) => role.arn.clone(),
        None => format!("arn:aws:iam::{}:role/{name}", turn.account_id()),
    }
}

pub(super) fn find_role<'a>(turn: &Turn<'a>, name: &str) -> Result<&'a Role, ServiceFault> {
    turn.state
        .role(name)
        .ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// A role that its owner may change: not one that is linked to a service.
pub(super) fn find_own_role<'a>(turn: &Turn<'a>, name: &str) -> Result<&'a Role, ServiceFault> {
    let role = find_role(turn, name)?;
    if role.service_linked {
        let message = format!(
            "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
            role.name
        );
        return Err(ServiceFault::new("UnmodifiableEntity", message));
    }
    Ok(role)
}

pub(super) fn find_policy<'a>(
    turn: &Turn<'a>,
    arn: &str,
) -> Result<&'a ManagedPolicy, ServiceFault> {
    turn.state
        .policies
        .get(arn)
        .ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))
}

/// A policy that the customer may change: not one of AWS's.
pub(super) fn find_own_policy<'a>(
    turn: &Turn<'a>,
    arn: &str,
) -> Result<&'a ManagedPolicy, ServiceFault> {
    let policy = find_policy(turn, arn)?;
    if policy.builtin {
        return Err(ServiceFault::new(
            "AccessDenied",
            format!("Policy {arn} is managed by AWS and cannot be changed."),
        ));
    }
    Ok(policy)
}

/// A policy that can be attached or be a boundary; AWS's policies for service-linked roles cannot.
pub(super) fn find_attachable_policy<'a>(
    turn: &Turn<'a>,
    arn: &str,
) -> Result<&'a ManagedPolicy, ServiceFault> {
    let policy = turn.state.policies.get(arn).ok_or_else(|| {
        no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
    })?;
    if policy.path.starts_with("/aws-service-role/") {
        let message = format!(
            "Cannot attach a Service Role Policy to a Customer Role. Policy {arn} is not attachable."
        );
        return Err(ServiceFault::new("PolicyNotAttachable", message));
    }
    Ok(policy)
}

pub(super) fn no_such_entity(message: String) -> ServiceFault {
    ServiceFault::new("NoSuchEntity", message)
}

pub(super) fn limit_exceeded(quota: &str, limit: impl std::fmt::Display) -> ServiceFault {
    ServiceFault::new(
        "LimitExceeded",
        format!("Cannot exceed quota for {quota}: {limit}"),
    )
}
