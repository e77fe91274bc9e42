//! Denial: a refusal of AWS's, read from the sentence in which AWS refuses.

use std::sync::LazyLock;

use regex::Regex;

/// What a refusal says (IAM user guide, "Troubleshoot access denied error messages").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who asked: an ARN, or `anonymous`.
    pub principal: Option<String>,
    /// The refused action, e.g. `iam:CreateRole`; always a piece of the message.
    pub action: String,
    /// The resource as the message has it: an ARN, `policy NAME`, `role NAME`; DAX names none.
    pub resource: Option<String>,
    /// Which policy refused.
    pub cause: DenialCause,
    /// The policy that denies, where the message names it.
    pub policy_arn: Option<String>,
}

/// Why a request was refused; each cause has another remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialCause {
    /// No policy of the user or role allows it.
    IdentityPolicy,
    /// The permissions boundary does not allow it.
    PermissionsBoundary,
    /// No service control policy of the organisation allows it.
    ServiceControlPolicy,
    /// No resource control policy of the organisation allows it.
    ResourceControlPolicy,
    /// The session's policy does not allow it.
    SessionPolicy,
    /// The policy of the VPC endpoint does not allow it.
    VpcEndpointPolicy,
    /// The policy of the resource does not allow it.
    ResourcePolicy,
    /// A statement denies it, in a policy of this kind where the message says so.
    ExplicitDeny(Option<PolicyKind>),
    /// The message gives no reason, as older messages do.
    Unstated,
}

impl DenialCause {
    /// The name in problems and hints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdentityPolicy => "identity_policy",
            Self::PermissionsBoundary => "permissions_boundary",
            Self::ServiceControlPolicy => "service_control_policy",
            Self::ResourceControlPolicy => "resource_control_policy",
            Self::SessionPolicy => "session_policy",
            Self::VpcEndpointPolicy => "vpc_endpoint_policy",
            Self::ResourcePolicy => "resource_policy",
            Self::ExplicitDeny(_) => "explicit_deny",
            Self::Unstated => "unstated",
        }
    }

    /// Whether an Allow for the caller, or in the boundary or session policy that was silent, ends the refusal.
    pub fn is_fixed_by_allowing(self) -> bool {
        match self {
            Self::IdentityPolicy
            | Self::PermissionsBoundary
            | Self::SessionPolicy
            | Self::Unstated => true,
            Self::ServiceControlPolicy
            | Self::ResourceControlPolicy
            | Self::VpcEndpointPolicy
            | Self::ResourcePolicy
            | Self::ExplicitDeny(_) => false,
        }
    }

    fn silence_of(kind: PolicyKind) -> Self {
        match kind {
            PolicyKind::Identity => Self::IdentityPolicy,
            PolicyKind::PermissionsBoundary => Self::PermissionsBoundary,
            PolicyKind::ServiceControl => Self::ServiceControlPolicy,
            PolicyKind::ResourceControl => Self::ResourceControlPolicy,
            PolicyKind::Session => Self::SessionPolicy,
            PolicyKind::VpcEndpoint => Self::VpcEndpointPolicy,
            PolicyKind::Resource => Self::ResourcePolicy,
        }
    }
}

/// The kinds of policies that can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A policy of a user, group or role.
    Identity,
    /// A permissions boundary.
    PermissionsBoundary,
    /// A service control policy of an organisation.
    ServiceControl,
    /// A resource control policy of an organisation.
    ResourceControl,
    /// A policy given when the session was made.
    Session,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
    /// A policy of the resource itself.
    Resource,
}

/// AWS's names for the kinds.
const KINDS: [(&str, PolicyKind); 7] = [
    ("identity-based policy", PolicyKind::Identity),
    ("permissions boundary", PolicyKind::PermissionsBoundary),
    ("service control policy", PolicyKind::ServiceControl),
    ("resource control policy", PolicyKind::ResourceControl),
    ("session policy", PolicyKind::Session),
    ("vpc endpoint policy", PolicyKind::VpcEndpoint),
    ("resource-based policy", PolicyKind::Resource),
];

/// The words before a resource's name where AWS writes no ARN.
const RESOURCE_WORDS: [&str; 9] = [
    "policy",
    "role",
    "user",
    "group",
    "instance",
    "profile",
    "mfa",
    "server",
    "certificate",
];

/// The head of the sentence. The action ends where its characters end, so that half of one is never taken for it.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?:User:? (?P<user>\S+) |(?P<arn>arn:\S+) )?is not authorized to perform:? (?P<action>[A-Za-z0-9-]+:[A-Za-z0-9]+)(?:[ .,;)"'\\\]<]|$)"#,
    )
    .expect("the pattern is a valid regular expression")
});

/// Reads the first refusal in a text, whatever surrounds it; `None` when there is none or its action is encoded.
pub fn parse(message: &str) -> Option<Denial> {
    // Pasted texts are wrapped and indented: one blank for each run of white space.
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let head = HEAD.captures(&text)?;
    let action = head.name("action")?;
    let principal = head
        .name("user")
        .or_else(|| head.name("arn"))
        .map(|found| found.as_str().to_owned());
    let (resource, reason) = split_resource(text.get(action.end()..)?);
    let (cause, policy_arn) = read_reason(reason);
    Some(Denial {
        principal,
        action: action.as_str().to_owned(),
        resource,
        cause,
        policy_arn,
    })
}

/// The resource, and what follows it.
fn split_resource(rest: &str) -> (Option<String>, &str) {
    let Some(mut rest) = rest.strip_prefix(" on resource: ") else {
        return (None, rest);
    };
    let mut words = Vec::new();
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_kind = RESOURCE_WORDS.contains(&word);
        words.push(word.trim_matches(['"', '\'', '\\']));
        rest = after;
        let ends = ["because ", "with an explicit ", "("]
            .iter()
            .any(|end| after.starts_with(end));
        if !is_kind || ends || after.is_empty() {
            break;
        }
    }
    let resource = words.join(" ");
    let resource = if rest.starts_with("Encoded authorization") {
        resource.trim_end_matches('.')
    } else {
        &resource
    };
    ((!resource.is_empty()).then(|| resource.to_owned()), rest)
}

/// Why, from the words after action and resource; a cause is only taken from the sentence it belongs to.
fn read_reason(rest: &str) -> (DenialCause, Option<String>) {
    let rest = rest.trim_start_matches([' ', '.', ',', ';', '"', '\'']);
    if let Some(kind) = rest.strip_prefix("because no ").and_then(leading_kind) {
        return (DenialCause::silence_of(kind.0), None);
    }
    let sentence = rest.split("User: ").next().unwrap_or_default();
    let Some((_, after)) = sentence.split_once("explicit deny") else {
        return (DenialCause::Unstated, None);
    };
    let place = [" in an ", " in a ", " in the "]
        .iter()
        .find_map(|words| after.strip_prefix(words));
    let Some((kind, after)) = place.and_then(leading_kind) else {
        return (DenialCause::ExplicitDeny(None), None);
    };
    let arn = after
        .strip_prefix(": ")
        .and_then(|after| after.split(' ').next());
    let arn = arn.map(|arn| arn.trim_matches(['"', '\'', '.', ',', ';', ')', '\\']));
    let arn = arn.filter(|arn| arn.starts_with("arn:")).map(str::to_owned);
    (DenialCause::ExplicitDeny(Some(kind)), arn)
}

/// The kind of policy a text begins with, and what follows.
fn leading_kind(text: &str) -> Option<(PolicyKind, &str)> {
    KINDS.iter().find_map(|(name, kind)| {
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name)
            .then(|| (*kind, &text[name.len()..]))
    })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
