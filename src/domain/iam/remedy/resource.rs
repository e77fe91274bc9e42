//! The resource of a refused call as full ARNs.

use super::CallSite;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::service::DAX_ACTIONS;
use crate::domain::iam::policies::{DAX_PRINCIPAL, Values};
use crate::domain::names::IAM_PATH;

/// IAM actions that know no resource (Service Authorization Reference, "AWS Identity and Access Management").
const WITHOUT_RESOURCE: [&str; 2] = ["iam:ListRoles", "iam:ListPolicies"];

/// Actions we meet that are granted on everything: they know no resource, or what they make has no ARN yet.
const ANYWHERE: [&str; 4] = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "sts:DecodeAuthorizationMessage",
    "sts:GetCallerIdentity",
];

/// Reads that name a role. One that does not exist has no path in IAM's eyes, so they are asked about it without one.
const ROLE_READS: [&str; 3] = [
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
];

/// What the remedy's statement has to cover; `None` when it would have to be guessed.
pub(super) fn of(denial: &Denial, place: &CallSite<'_>) -> Option<Values> {
    let action = denial.action.as_str();
    let (service, name) = action.split_once(':')?;
    let stated = denial.resource.as_deref();
    let anything = || Values::one("*");
    match service {
        // The developer guide, "Managing DAX clusters": actions of the control plane cannot be limited to a resource.
        "dax" if DAX_ACTIONS.contains(&action) => Some(anything()),
        "dax" => {
            let any_cluster = || {
                format!(
                    "arn:{}:dax:{}:{}:cache/*",
                    place.partition, place.region, place.account_id
                )
            };
            let known = stated
                .and_then(|text| full_arn(text, false))
                .or_else(|| fallback(place, "dax", None));
            Some(Values::One(known.unwrap_or_else(any_cluster)))
        }
        "iam" if WITHOUT_RESOURCE.contains(&action) => Some(anything()),
        "iam" => of_iam(denial, name, place),
        _ => {
            let named = stated.and_then(|text| full_arn(text, service == "ec2"));
            let known = named.or_else(|| fallback(place, service, None));
            known
                .map(Values::One)
                .or_else(|| knows_no_resource(action, name).then(anything))
        }
    }
}

/// Whether an action outside IAM and DAX may be granted on everything when nothing narrower is known.
fn knows_no_resource(action: &str, name: &str) -> bool {
    let lists = name.starts_with("Describe") || name.starts_with("List");
    lists || ANYWHERE.contains(&action)
}

fn of_iam(denial: &Denial, name: &str, place: &CallSite<'_>) -> Option<Values> {
    let kind = kind_of_action(name);
    if let Some(resource) = denial
        .resource
        .as_deref()
        .and_then(|text| stated_in_iam(text, denial, place))
    {
        return Some(with_absent_role(&denial.action, resource));
    }
    if let Some(arn) = fallback(place, "iam", kind) {
        return Some(with_absent_role(&denial.action, Values::One(arn)));
    }
    let (partition, account_id) = account(denial, place);
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

/// A role that is read, and the same role as IAM sees it while it does not exist: without its path.
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

/// An ARN, or `policy NAME` and the like made into one.
fn stated_in_iam(text: &str, denial: &Denial, place: &CallSite<'_>) -> Option<Values> {
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
    let known = fallback(place, "iam", None);
    if let Some(arn) = known
        .as_deref()
        .filter(|arn| path_of(arn, &kind).is_some_and(|(_, last)| last == name))
    {
        return Some(Values::one(arn));
    }
    let (partition, account_id) = account(denial, place);
    let whole = |path: &str| format!("arn:{partition}:iam::{account_id}:{kind}{path}{name}");
    // Everything of ours lies under one path, so the path of what the call was about is that of what it names.
    match known.as_deref().and_then(path_of_any) {
        Some(path) => Some(Values::One(whole(path))),
        None => Some(Values::Many(vec![whole("/"), whole("/*/")])),
    }
}

/// A text that is an ARN whole and safe to grant on: no policy variable, and no wildcard but, where services make such
/// ARNs themselves, a last `/*`.
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

/// The ARN of what the call was about, if it is of this service and, where it matters, of this kind.
fn fallback(place: &CallSite<'_>, service: &str, kind: Option<&str>) -> Option<String> {
    let arn = full_arn(place.resource_arn?, false)?;
    let fits = arn.split(':').nth(2) == Some(service)
        && kind.is_none_or(|kind| path_of(&arn, kind).is_some());
    fits.then_some(arn)
}

/// Path and name of an IAM ARN of a kind: `/dax-provisioner/` and `dax-a` of `…:role/dax-provisioner/dax-a`.
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

/// The kind of thing an IAM action is authorised on, read from its name: attaching a policy is an act on the role.
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

/// Partition and account of the caller as the sentence has them, else of the place.
fn account<'a>(denial: &'a Denial, place: &CallSite<'a>) -> (&'a str, &'a str) {
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
        _ => (place.partition, place.account_id),
    }
}

/// `^[\w+=,.@-]{1,128}$`, the rule for names in IAM's API model.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}
