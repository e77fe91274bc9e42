//! Remedy: the policy that cures one refusal, as narrow as the refusal is.

use super::denial::Denial;
use super::policies::service::{CREATE_ACTION, CREATES_RULES, DAX_ACTIONS};
use super::policies::{Conditions, PolicyDocument, Statement, Values, condition};
use crate::domain::names::IAM_PATH;

mod resource;

/// Where a call was refused, and what is known about it beyond AWS's sentence.
#[derive(Debug, Clone, Copy)]
pub struct CallSite<'a> {
    /// Partition, e.g. `aws`.
    pub partition: &'a str,
    /// The caller's account, 12 digits.
    pub account_id: &'a str,
    /// The Region of the call.
    pub region: &'a str,
    /// Full ARN of what the call was about, for sentences that name it in part or not at all.
    pub resource_arn: Option<&'a str>,
    /// The service a role is passed to.
    pub passed_to_service: &'a str,
    /// The boundary that roles of ours carry, if one is configured.
    pub boundary_arn: Option<&'a str>,
}

/// The policy that allows what was refused: for the caller, or, where boundary or session were silent, for these.
///
/// `None` where an Allow would not help (an explicit deny, an organisation's policy), where it belongs into a policy
/// with a principal (VPC endpoint, resource), and where the resource cannot be told narrowly enough.
pub fn remedy(denial: &Denial, place: &CallSite<'_>) -> Option<PolicyDocument> {
    if !denial.cause.is_fixed_by_allowing() {
        return None;
    }
    let resource = resource::of(denial, place)?;
    let conditions = conditions(&denial.action, &resource, place);
    Some(PolicyDocument::new(vec![Statement::allow(
        None,
        Values::one(&denial.action),
        resource,
        conditions,
    )]))
}

/// The conditions without which the statement would grant more than this call needs.
pub fn conditions(action: &str, resource: &Values, place: &CallSite<'_>) -> Conditions {
    let bounded = || match place.boundary_arn {
        Some(boundary) => condition(
            "StringEquals",
            "iam:PermissionsBoundary",
            Values::one(boundary),
        ),
        None => Conditions::new(),
    };
    match action {
        "iam:PassRole" => condition(
            "StringEquals",
            "iam:PassedToService",
            Values::one(place.passed_to_service),
        ),
        "iam:CreateServiceLinkedRole" => condition(
            "StringEquals",
            "iam:AWSServiceName",
            Values::one(super::policies::DAX_PRINCIPAL),
        ),
        "iam:CreateRole" => bounded(),
        "ec2:CreateTags" => condition("StringEquals", CREATE_ACTION, Values::one(CREATES_RULES)),
        "iam:AttachRolePolicy" | "iam:DetachRolePolicy" if is_managed(resource) => {
            let managed = format!(
                "arn:{}:iam::{}:policy{IAM_PATH}dax-*",
                place.partition, place.account_id
            );
            let mut conditions = condition("ArnLike", "iam:PolicyARN", Values::One(managed));
            conditions.extend(bounded());
            conditions
        }
        _ if DAX_ACTIONS.contains(&action) => condition(
            "StringEquals",
            "aws:RequestedRegion",
            Values::one(place.region),
        ),
        _ => Conditions::new(),
    }
}

/// Whether the resource is a role under our own path, which carries only policies of ours.
fn is_managed(resource: &Values) -> bool {
    match resource {
        Values::One(arn) => arn.contains(&format!(":role{IAM_PATH}")),
        Values::Many(_) => false,
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
