//! Lookups by name and ARN, with IAM's messages for missing entities and exceeded limits.

use crate::state::iam::{ManagedPolicy, Role};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// The ARN of a role that may not exist.
///
/// IAM cannot know the path of a missing role, so policies are matched against the ARN without a
/// path. AWS does not document this. It is the strictest reading for a policy that is limited to a
/// path.
pub(super) fn role_arn(turn: &Turn<'_>, name: &str) -> String {
    match turn.current_state.role(name) {
        Some(role) => role.arn.clone(),
        None => format!("arn:aws:iam::{}:role/{name}", turn.account_id()),
    }
}

pub(super) fn find_role<'a>(turn: &Turn<'a>, name: &str) -> Result<&'a Role, ServiceFault> {
    turn.state
        .role(name)
        .ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// A role that the account can change, which a service-linked role is not.
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

/// A customer managed policy; AWS managed policies cannot be changed.
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

/// A policy that can be attached or be a boundary. Policies of service-linked roles cannot.
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
