//! Denial: parses the message of an AWS access denial.

use std::sync::LazyLock;

use regex::Regex;

/// The parts of a denial message (IAM user guide, "Troubleshoot access denied error messages").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The denied caller: an ARN, or `anonymous`.
    pub principal: Option<String>,
    /// The denied action, such as `iam:CreateRole`; always a substring of the message.
    pub action: String,
    /// The resource as in the message: an ARN, `policy NAME` or `role NAME`; DAX names none.
    pub resource: Option<String>,
    /// Why the action was denied.
    pub cause: DenialCause,
    /// The policy that denies the action, if the message names it.
    pub policy_arn: Option<String>,
}

impl Denial {
    /// The name of the role, if the caller is one: an assumed-role session or the role itself.
    pub fn role_name(&self) -> Option<&str> {
        let principal = self.principal.as_deref()?;
        let resource = principal.splitn(6, ':').nth(5)?;
        match resource.split_once('/')? {
            ("assumed-role", rest) => rest.split('/').next(),
            ("role", rest) => rest.rsplit('/').next(),
            _ => None,
        }
    }
}

/// Why a request was denied. Each cause has its own remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DenialCause {
    /// No policy of the user or role allows the action.
    IdentityPolicy,
    /// The permissions boundary does not allow the action.
    PermissionsBoundary,
    /// No service control policy of the organisation allows the action.
    ServiceControlPolicy,
    /// No resource control policy of the organisation allows the action.
    ResourceControlPolicy,
    /// The session's policy does not allow the action.
    SessionPolicy,
    /// The policy of the VPC endpoint does not allow the action.
    VpcEndpointPolicy,
    /// The policy of the resource does not allow the action.
    ResourcePolicy,
    /// A statement denies the action. The kind of policy is known if the message names it.
    ExplicitDeny(Option<PolicyKind>),
    /// The message gives no reason, as in older messages.
    Unstated,
}

impl DenialCause {
    /// The name of the cause in problems and hints.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether an Allow in the caller's policies, boundary or session policy fixes the denial.
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

    fn missing_allow_in(kind: PolicyKind) -> Self {
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

/// The kinds of policies that can deny a request.
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
    /// A policy passed when the session was created.
    Session,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
    /// A policy of the resource itself.
    Resource,
}

/// The names of the kinds in AWS's messages.
const KINDS: [(&str, PolicyKind); 7] = [
    ("identity-based policy", PolicyKind::Identity),
    ("permissions boundary", PolicyKind::PermissionsBoundary),
    ("service control policy", PolicyKind::ServiceControl),
    ("resource control policy", PolicyKind::ResourceControl),
    ("session policy", PolicyKind::Session),
    ("vpc endpoint policy", PolicyKind::VpcEndpoint),
    ("resource-based policy", PolicyKind::Resource),
];

/// The words before a resource's name in messages without an ARN.
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

/// The start of a denial. A separator must follow the action, so that a truncated action never
/// matches.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?:User:? (?P<user>\S+) |(?P<arn>arn:\S+) )?is not authorized to perform:? (?P<action>[A-Za-z0-9-]+:[A-Za-z0-9]+)(?:[ .,;)"'\\\]<]|$)"#,
    )
    .expect("the pattern is a valid regular expression")
});

/// Parses the first denial in a text. `None` if the text has none, or the action is encoded.
pub fn parse(message: &str) -> Option<Denial> {
    // Pasted texts are wrapped and indented, so every run of white space becomes one space.
    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let head = HEAD.captures(&text)?;
    let action = head.name("action")?;
    let principal = head
        .name("user")
        .or_else(|| head.name("arn"))
        .map(|principal| principal.as_str().to_owned());
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

/// Splits the text after the action into the resource and the rest.
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

/// The cause and the denying policy, from the text after action and resource. Ignores any further
/// denial in the text.
fn read_reason(rest: &str) -> (DenialCause, Option<String>) {
    let rest = rest.trim_start_matches([' ', '.', ',', ';', '"', '\'']);
    if let Some(kind) = rest.strip_prefix("because no ").and_then(leading_kind) {
        return (DenialCause::missing_allow_in(kind.0), None);
    }
    let sentence = rest.split("User: ").next().unwrap_or_default();
    let Some((_, after)) = sentence.split_once("explicit deny") else {
        return (DenialCause::Unstated, None);
    };
    let policy = [" in an ", " in a ", " in the "]
        .iter()
        .find_map(|words| after.strip_prefix(words));
    let Some((kind, after)) = policy.and_then(leading_kind) else {
        return (DenialCause::ExplicitDeny(None), None);
    };
    let arn = after
        .strip_prefix(": ")
        .and_then(|after| after.split(' ').next());
    let arn = arn.map(|arn| arn.trim_matches(['"', '\'', '.', ',', ';', ')', '\\']));
    let arn = arn.filter(|arn| arn.starts_with("arn:")).map(str::to_owned);
    (DenialCause::ExplicitDeny(Some(kind)), arn)
}

/// The kind of policy at the start of a text, and the rest of the text.
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
