//! Remedy: the narrowest policy that fixes one denial.
//!
//! A remedy never grants more than this service's own policy: a pasted text can come from an
//! attacker, and a ready statement has the authority of this service.

use super::arn::Arn;
use super::denial::Denial;
use super::policies::service::{ServiceScope, service_policy};
use super::policies::{Conditions, Effect, PolicyDocument, Statement, Values};
use crate::domain::partitions::partition_of;

use no_policy::NoPolicy;

pub mod no_policy;
mod resource;

/// The context of a denied call: what is known beyond AWS's message.
#[derive(Debug, Clone, Copy)]
pub struct CallSite<'a> {
    /// AWS partition, such as `aws`.
    pub partition: &'a str,
    /// This service's AWS account, 12 digits.
    pub account_id: &'a str,
    /// The Region of the call, such as `eu-west-1`.
    pub region: &'a str,
    /// Full ARN of the call's target, for messages that name it in part or not at all.
    pub resource_arn: Option<&'a str>,
    /// The service that was called, such as `dax`; empty if it is not known.
    pub called_service: &'a str,
    /// ARN of the permissions boundary of managed roles, if one is configured.
    pub boundary_arn: Option<&'a str>,
    /// Whether AWS sent the message to this service. A pasted message can come from anyone.
    pub is_own_call: bool,
    /// Whether this service has the permissions of lookups.
    pub lookups: bool,
}

/// The policy that allows the denied action, for the policies of the caller.
pub fn remedy(denial: &Denial, site: &CallSite<'_>) -> Result<PolicyDocument, NoPolicy> {
    check_cause(denial, site)?;
    let region = region_of(denial, site)?;
    let own = own_policy(site, &region, &given_roles(denial, site));
    let statements = allowing(&own, &denial.action);
    if statements.is_empty() {
        return Err(NoPolicy::NotNeeded);
    }
    check_exact(denial, site)?;
    if let Some(statement) = statements.iter().find(|one| is_on(one, "*")) {
        return Ok(narrowed(denial, statement, Values::one("*")));
    }
    let resource = resource::of(denial, site)?;
    let covers = |one: &&&Statement| {
        resource
            .texts()
            .iter()
            .all(|arn| resource::matches_any(arn, one))
    };
    let statement = statements
        .iter()
        .find(covers)
        .ok_or(NoPolicy::OtherResource)?;
    let is_denied = own
        .statement
        .iter()
        .filter(|one| one.effect == Effect::Deny && one.action.texts().contains(&denial.action))
        .any(|one| {
            resource
                .texts()
                .iter()
                .any(|arn| resource::matches_any(arn, one))
        });
    if is_denied {
        return Err(NoPolicy::NotNeeded);
    }
    Ok(narrowed(denial, statement, resource))
}

/// The roles that a request can have given by their ARN: those that AWS or the call names.
fn given_roles(denial: &Denial, site: &CallSite<'_>) -> Vec<String> {
    let is_exact = |text: &&str| Arn::parse(text).is_some_and(|arn| arn.is_exact());
    let named = [denial.resource.as_deref(), site.resource_arn];
    let named = named.into_iter().flatten().filter(is_exact);
    named
        .filter(|_| site.is_own_call)
        .map(str::to_owned)
        .collect()
}

/// Whether this service's whole policy can be the remedy of a denial.
pub fn check_scope(denial: &Denial, site: &CallSite<'_>) -> Result<(), NoPolicy> {
    check_cause(denial, site)?;
    let region = region_of(denial, site)?;
    if allowing(&own_policy(site, &region, &[]), &denial.action).is_empty() {
        return Err(NoPolicy::NotNeeded);
    }
    check_exact(denial, site)
}

/// Whether an Allow in the caller's policies helps, and the caller and the resource belong to this
/// service's account.
fn check_cause(denial: &Denial, site: &CallSite<'_>) -> Result<(), NoPolicy> {
    if !denial.cause.is_fixed_by_allowing() {
        return Err(NoPolicy::of_cause(denial.cause));
    }
    if denial.action == "iam:PassRole" && !["", "dax"].contains(&site.called_service) {
        return Err(NoPolicy::NotNeeded);
    }
    if denial.principal.as_deref() == Some("anonymous") {
        return Err(NoPolicy::Anonymous);
    }
    let principal = denial.principal.as_deref().and_then(Arn::parse);
    let resource = denial.resource.as_deref().and_then(resource::arn_in);
    for arn in principal.iter().chain(resource.iter()) {
        check_account(arn, site)?;
    }
    Ok(())
}

/// Whether the ARN in a pasted message is exact. AWS itself writes `/*` for what a call would create.
fn check_exact(denial: &Denial, site: &CallSite<'_>) -> Result<(), NoPolicy> {
    let resource = denial.resource.as_deref().and_then(resource::arn_in);
    match resource {
        Some(arn) if !arn.is_exact() && !site.is_own_call => Err(NoPolicy::Inexact),
        Some(_) | None => Ok(()),
    }
}

fn check_account(arn: &Arn<'_>, site: &CallSite<'_>) -> Result<(), NoPolicy> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    match (arn.partition, arn.account) {
        (partition, _) if partition != site.partition => Err(NoPolicy::OtherAccount),
        (_, account) if account == site.account_id || account.is_empty() => Ok(()),
        (_, account) if is_account(account) || account == "aws" => Err(NoPolicy::OtherAccount),
        (_, _) => Err(NoPolicy::Masked),
    }
}

/// The Region of the denied call: that of the resource, otherwise that of the call site.
fn region_of(denial: &Denial, site: &CallSite<'_>) -> Result<String, NoPolicy> {
    let resource = denial.resource.as_deref().and_then(resource::arn_in);
    match resource
        .map(|arn| arn.region)
        .filter(|region| !region.is_empty())
    {
        None => Ok(site.region.to_owned()),
        Some(region) if partition_of(region) == Some(site.partition) => Ok(region.to_owned()),
        Some(_) => Err(NoPolicy::UnknownRegion),
    }
}

fn own_policy(site: &CallSite<'_>, region: &str, service_role_arns: &[String]) -> PolicyDocument {
    service_policy(&ServiceScope {
        partition: site.partition,
        account_id: site.account_id,
        region,
        boundary_arn: site.boundary_arn,
        service_role_arns,
        lookups: site.lookups,
    })
}

fn allowing<'a>(policy: &'a PolicyDocument, action: &str) -> Vec<&'a Statement> {
    let allows = |one: &&Statement| {
        one.effect == Effect::Allow && one.action.texts().iter().any(|name| name == action)
    };
    policy.statement.iter().filter(allows).collect()
}

/// The conditions under which this service's own policy allows an action.
pub fn conditions(action: &str, site: &CallSite<'_>) -> Conditions {
    let own = own_policy(site, site.region, &[]);
    let first = allowing(&own, action).first().copied();
    first.map(single_values).unwrap_or_default()
}

/// The conditions of a statement. A list of one value is written as the value.
fn single_values(statement: &Statement) -> Conditions {
    let mut conditions = statement.condition.clone();
    for value in conditions.values_mut().flat_map(|keys| keys.values_mut()) {
        if let [one] = value.texts() {
            *value = Values::one(one);
        }
    }
    conditions
}

fn is_on(statement: &Statement, resource: &str) -> bool {
    let resources = statement.resource.as_ref().map(Values::texts);
    resources.is_some_and(|texts| texts == [resource])
}

/// The statement of this service's policy, for one action and resource.
fn narrowed(denial: &Denial, own: &Statement, resource: Values) -> PolicyDocument {
    let action = Values::one(&denial.action);
    let statement = Statement::allow(None, action, resource, single_values(own));
    PolicyDocument::new(vec![statement])
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
