//! The resource of a denied call as full ARNs.

use super::CallSite;
use super::no_policy::NoPolicy;
use crate::domain::iam::arn::Arn;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::{Statement, Values};
use crate::domain::names::{IAM_PATH, cluster_in_name};

/// Reads of a role. IAM authorises a role that does not exist by its name, without its path.
const ROLE_READS: [&str; 3] = [
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
];

/// The ARN in the resource of a message, which can follow a word, as in `policy arn:…`.
pub(super) fn arn_in(resource: &str) -> Option<Arn<'_>> {
    Arn::parse(resource.rsplit(' ').next()?)
}

/// The resource for the remedy's statement.
pub(super) fn of(denial: &Denial, site: &CallSite<'_>) -> Result<Values, NoPolicy> {
    let stated = denial.resource.as_deref().filter(|text| *text != "*");
    let target = site
        .resource_arn
        .filter(|arn| Arn::parse(arn).is_some_and(|arn| is_about(denial, &arn)));
    let arn = match stated {
        Some(text) => match arn_in(text) {
            Some(arn) if arn.is_exact() || is_new(&arn) => {
                text.rsplit(' ').next().unwrap_or(text).to_owned()
            }
            Some(_) => return Err(NoPolicy::Inexact),
            None => of_name(text, target, site)?,
        },
        None => target.ok_or(NoPolicy::ResourceUnknown)?.to_owned(),
    };
    Ok(with_absent_role(&denial.action, arn))
}

/// Whether an ARN is of the service of the denied action, and of its kind of resource.
fn is_about(denial: &Denial, arn: &Arn<'_>) -> bool {
    let Some((service, name)) = denial.action.split_once(':') else {
        return false;
    };
    let kind = match (service, name) {
        ("iam", name) if name.contains("Role") => "role/",
        ("iam", name) if name.contains("Polic") => "policy/",
        (_, _) => "",
    };
    service == arn.service && arn.resource.starts_with(kind)
}

/// Whether this is EC2's ARN of rules that a call would create, as this service's own policy has it.
fn is_new(arn: &Arn<'_>) -> bool {
    arn.service == "ec2" && arn.resource == "security-group-rule/*"
}

/// The ARN for a name such as `policy NAME`: the call's target, or the path of managed resources.
fn of_name(text: &str, target: Option<&str>, site: &CallSite<'_>) -> Result<String, NoPolicy> {
    let (kind, name) = text.split_once(' ').ok_or(NoPolicy::ResourceUnknown)?;
    let is_target = |arn: &&str| {
        let resource = Arn::parse(arn).map_or("", |arn| arn.resource);
        resource.starts_with(kind) && resource.rsplit('/').next() == Some(name)
    };
    if let Some(arn) = target.filter(is_target) {
        return Ok(arn.to_owned());
    }
    if !["role", "policy"].contains(&kind) || cluster_in_name(name).is_none() {
        return Err(NoPolicy::ResourceUnknown);
    }
    let (partition, account_id) = (site.partition, site.account_id);
    Ok(format!(
        "arn:{partition}:iam::{account_id}:{kind}{IAM_PATH}{name}"
    ))
}

/// Adds the ARN without the path for reads of a role, which IAM checks while the role does not
/// exist.
fn with_absent_role(action: &str, arn: String) -> Values {
    let path = format!(":role{IAM_PATH}");
    match arn.split_once(&path) {
        Some((account, name)) if ROLE_READS.contains(&action) => {
            let absent = format!("{account}:role/{name}");
            Values::Many(vec![arn, absent])
        }
        Some(_) | None => Values::One(arn),
    }
}

/// Whether a statement's resource covers an ARN.
pub(super) fn matches_any(arn: &str, statement: &Statement) -> bool {
    let patterns = statement.resource.as_ref().map(Values::texts);
    patterns
        .unwrap_or_default()
        .iter()
        .any(|pattern| matches(pattern.as_bytes(), arn.as_bytes()))
}

/// Whether a pattern matches a text; `*` stands for any text and `?` for one character.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            matches(rest, text) || matches!(text, [_, after @ ..] if matches(pattern, after))
        }
        ([b'?', rest @ ..], [_, after @ ..]) => matches(rest, after),
        ([one, rest @ ..], [other, after @ ..]) => one == other && matches(rest, after),
        (_, _) => false,
    }
}
