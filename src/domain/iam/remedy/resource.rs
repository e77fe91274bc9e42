//! The resource of a denied call as full ARNs.

use super::CallSite;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::service::DAX_ACTIONS;
use crate::domain::iam::policies::{DAX_PRINCIPAL, Values};
use crate::domain::names::IAM_PATH;

/// IAM actions that support only Resource `*` (Service Authorization Reference, "AWS Identity and
/// Access Management").
const WITHOUT_RESOURCE: [&str; 2] = ["iam:ListRoles", "iam:ListPolicies"];

/// Actions that are granted on `*`: they support no resource, or what they create has no ARN yet.
const ON_WILDCARD: [&str; 4] = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "sts:DecodeAuthorizationMessage",
    "sts:GetCallerIdentity",
];

/// Reads of a role. IAM authorises a role that does not exist by its name, without its path.
const ROLE_READS: [&str; 3] = [
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
];

/// The resource for the remedy's statement; `None` if it is not known.
pub(super) fn of(denial: &Denial, site: &CallSite<'_>) -> Option<Values> {
    let action = denial.action.as_str();
    let (service, name) = action.split_once(':')?;
    let stated = denial.resource.as_deref();
    let wildcard = || Values::one("*");
    match service {
        // Developer guide, "Managing DAX clusters": control plane actions support only `*`.
        "dax" if DAX_ACTIONS.contains(&action) => Some(wildcard()),
        "dax" => {
            let any_cluster = || {
                format!(
                    "arn:{}:dax:{}:{}:cache/*",
                    site.partition, site.region, site.account_id
                )
            };
            let known = stated
                .and_then(|text| full_arn(text, false))
                .or_else(|| fallback(site, "dax", None));
            Some(Values::One(known.unwrap_or_else(any_cluster)))
        }
        "iam" if WITHOUT_RESOURCE.contains(&action) => Some(wildcard()),
        "iam" => of_iam(denial, name, site),
        _ => {
            let named = stated.and_then(|text| full_arn(text, service == "ec2"));
            let known = named.or_else(|| fallback(site, service, None));
            known
                .map(Values::One)
                .or_else(|| is_granted_on_wildcard(action, name).then(wildcard))
        }
    }
}

/// Whether an action of another service is granted on `*` if its resource is unknown.
fn is_granted_on_wildcard(action: &str, name: &str) -> bool {
    let lists = name.starts_with("Describe") || name.starts_with("List");
    lists || ON_WILDCARD.contains(&action)
}

fn of_iam(denial: &Denial, name: &str, site: &CallSite<'_>) -> Option<Values> {
    let kind = kind_of_action(name);
    if let Some(resource) = denial
        .resource
        .as_deref()
        .and_then(|text| stated_in_iam(text, denial, site))
    {
        return Some(with_absent_role(&denial.action, resource));
    }
    if let Some(arn) = fallback(site, "iam", kind) {
        return Some(with_absent_role(&denial.action, Values::One(arn)));
    }
    let (partition, account_id) = account(denial, site);
    let path = match (name, kind?) {
        ("CreateServiceLinkedRole", _) => {
            format!("role/aws-service-role/{DAX_PRINCIPAL}/AWSServiceRoleForDAX")
        }
        (_, kind @ ("role" | "policy")) => format!("{kind}{IAM_PATH}dax-*"),
        (_, _) => return None,
    };
    Some(Values::One(format!(
        "arn:{partition}:iam::{account_id}:{path}"
    )))
}

/// Adds the ARN without the path for reads of a role, which IAM checks while the role does not
/// exist.
fn with_absent_role(action: &str, resource: Values) -> Values {
    let Values::One(arn) = resource else {
        return resource;
    };
    match path_of(&arn, "role") {
        Some((path, name)) if path != "/" && ROLE_READS.contains(&action) => {
            let absent = arn.replacen(&format!("role{path}{name}"), &format!("role/{name}"), 1);
            Values::Many(vec![arn, absent])
        }
        Some(_) | None => Values::One(arn),
    }
}

/// The ARNs for an ARN, or for a name such as `policy NAME`.
fn stated_in_iam(text: &str, denial: &Denial, site: &CallSite<'_>) -> Option<Values> {
    if let Some(arn) = full_arn(text, false) {
        return Some(Values::One(arn));
    }
    let (words, name) = text.rsplit_once(' ')?;
    if let Some(arn) = full_arn(name, false) {
        return Some(Values::One(arn));
    }
    if !is_name(name) {
        return None;
    }
    let kind = words.replace(' ', "-");
    let known = fallback(site, "iam", None);
    if let Some(arn) = known
        .as_deref()
        .filter(|arn| path_of(arn, &kind).is_some_and(|(_, last)| last == name))
    {
        return Some(Values::one(arn));
    }
    let (partition, account_id) = account(denial, site);
    let arn = |path: &str| format!("arn:{partition}:iam::{account_id}:{kind}{path}{name}");
    // All managed IAM resources share one path, so the path of the call's target applies.
    match known.as_deref().and_then(path_of_any) {
        Some(path) => Some(Values::One(arn(path))),
        None => Some(Values::Many(vec![arn("/"), arn("/*/")])),
    }
}

/// The text if it is a complete ARN that is safe to grant on: without policy variables or
/// wildcards. With `open_end` it may end in `/*`, as in EC2's messages about new resources.
fn full_arn(text: &str, open_end: bool) -> Option<String> {
    let segments: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, _, _, resource] = segments[..] else {
        return None;
    };
    let filled = arn == "arn" && ![partition, service, resource].contains(&"");
    let exact = if open_end {
        text.strip_suffix("/*").unwrap_or(text)
    } else {
        text
    };
    let plain = exact.chars().all(|c| {
        c.is_ascii_graphic() && !['"', '\'', '\\', '$', '{', '}', '<', '>', '*', '?'].contains(&c)
    });
    (filled && plain).then(|| text.to_owned())
}

/// The ARN of the call's target, if it belongs to this service and, if given, is of this kind.
fn fallback(site: &CallSite<'_>, service: &str, kind: Option<&str>) -> Option<String> {
    let arn = full_arn(site.resource_arn?, false)?;
    let fits = arn.split(':').nth(2) == Some(service)
        && kind.is_none_or(|kind| path_of(&arn, kind).is_some());
    fits.then_some(arn)
}

/// Path and name in an IAM ARN of a kind: `/dax-provisioner/` and `dax-a` in
/// `…:role/dax-provisioner/dax-a`.
fn path_of<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let path = arn.splitn(6, ':').nth(5)?.strip_prefix(kind)?;
    let last = path.rfind('/')?;
    path.starts_with('/').then(|| path.split_at(last + 1))
}

fn path_of_any(arn: &str) -> Option<&str> {
    ["role", "policy", "user", "group"]
        .iter()
        .find_map(|kind| path_of(arn, kind))
        .map(|(path, _)| path)
}

/// The kind of resource that an IAM action is authorised on, from its name. `AttachRolePolicy` is
/// authorised on the role.
fn kind_of_action(name: &str) -> Option<&'static str> {
    if name.starts_with("Simulate") {
        return None;
    }
    [
        ("Role", "role"),
        ("User", "user"),
        ("Group", "group"),
        ("Polic", "policy"),
    ]
    .iter()
    .find_map(|(part, kind)| name.contains(part).then_some(*kind))
}

/// Partition and account of the caller in the message, otherwise of the call site.
fn account<'a>(denial: &'a Denial, site: &CallSite<'a>) -> (&'a str, &'a str) {
    let segments: Vec<&str> = denial
        .principal
        .as_deref()
        .unwrap_or_default()
        .splitn(6, ':')
        .collect();
    match segments[..] {
        ["arn", partition, "iam" | "sts", "", account_id, _]
            if account_id.len() == 12
                && account_id.bytes().all(|byte| byte.is_ascii_digit())
                && partition
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-') =>
        {
            (partition, account_id)
        }
        _ => (site.partition, site.account_id),
    }
}

/// `^[\w+=,.@-]{1,128}$`, the rule for names in IAM's API model.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}
