//! Remedy: the narrowest policy that fixes one denial.

use super::denial::Denial;
use super::policies::service::{CREATE_ACTION, CREATES_RULES, DAX_ACTIONS, only_own_tags};
use super::policies::{Conditions, PolicyDocument, Statement, Values, condition};
use crate::domain::names::IAM_PATH;

mod resource;

/// The context of a denied call: what is known beyond AWS's message.
#[derive(Debug, Clone, Copy)]
pub struct CallSite<'a> {
    /// AWS partition, such as `aws`.
    pub partition: &'a str,
    /// The caller's AWS account, 12 digits.
    pub account_id: &'a str,
    /// The Region of the call, such as `eu-west-1`.
    pub region: &'a str,
    /// Full ARN of the call's target, for messages that name it in part or not at all.
    pub resource_arn: Option<&'a str>,
    /// The service principal that a role is passed to.
    pub passed_to_service: &'a str,
    /// ARN of the permissions boundary of managed roles, if one is configured.
    pub boundary_arn: Option<&'a str>,
}

/// The policy that allows the denied action. It belongs to the caller, or to the boundary or
/// session policy that lacks the Allow.
///
/// `None` if an Allow does not help (explicit deny, organisation's policy), if it belongs in a
/// policy with a principal (VPC endpoint, resource), or if the resource cannot be narrowed down.
pub fn remedy(denial: &Denial, site: &CallSite<'_>) -> Option<PolicyDocument> {
    if !denial.cause.is_fixed_by_allowing() {
        return None;
    }
    let resource = resource::of(denial, site)?;
    let conditions = conditions(&denial.action, &resource, site);
    Some(PolicyDocument::new(vec![Statement::allow(
        None,
        Values::one(&denial.action),
        resource,
        conditions,
    )]))
}

/// The conditions that limit a statement to what the call needs.
pub fn conditions(action: &str, resource: &Values, site: &CallSite<'_>) -> Conditions {
    let bounded = || match site.boundary_arn {
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
            Values::one(site.passed_to_service),
        ),
        "iam:CreateServiceLinkedRole" => condition(
            "StringEquals",
            "iam:AWSServiceName",
            Values::one(super::policies::DAX_PRINCIPAL),
        ),
        "iam:CreateRole" if is_managed(resource) => {
            let mut conditions = only_own_tags();
            conditions.extend(bounded());
            conditions
        }
        "iam:CreateRole" => bounded(),
        "iam:TagRole" | "iam:CreatePolicy" | "iam:TagPolicy" if is_managed(resource) => {
            only_own_tags()
        }
        "ec2:CreateTags" => condition("StringEquals", CREATE_ACTION, Values::one(CREATES_RULES)),
        "iam:AttachRolePolicy" | "iam:DetachRolePolicy" if is_managed(resource) => {
            let managed = format!(
                "arn:{}:iam::{}:policy{IAM_PATH}dax-*",
                site.partition, site.account_id
            );
            let mut conditions = condition("ArnLike", "iam:PolicyARN", Values::One(managed));
            conditions.extend(bounded());
            conditions
        }
        _ if DAX_ACTIONS.contains(&action) => condition(
            "StringEquals",
            "aws:RequestedRegion",
            Values::one(site.region),
        ),
        _ => Conditions::new(),
    }
}

/// Whether the resource is a managed role or policy. Only managed policies are attached to managed
/// roles, and both have only the ownership tags.
fn is_managed(resource: &Values) -> bool {
    let is_managed = |kind| match resource {
        Values::One(arn) => arn.contains(&format!(":{kind}{IAM_PATH}")),
        Values::Many(_) => false,
    };
    is_managed("role") || is_managed("policy")
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
