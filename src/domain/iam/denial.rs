//! Denial: parses the message of an AWS access denial.

use serde::{Deserialize, Serialize};

use crate::domain::pasted;

mod sentence;

/// The parts of a denial message (IAM user guide, "Troubleshoot access denied error messages").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The denied caller: an ARN, or `anonymous`.
    pub principal: Option<String>,
    /// The denied action, such as `iam:CreateRole`; always a substring of the message.
    pub action: String,
    /// The resource as in the message: an ARN, `policy NAME` or `role NAME`; DAX names none. An ARN
    /// can have placeholders.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
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

    /// Whether an Allow in the caller's own policies fixes the denial.
    pub fn is_fixed_by_allowing(self) -> bool {
        match self {
            Self::IdentityPolicy | Self::Unstated => true,
            Self::PermissionsBoundary
            | Self::SessionPolicy
            | Self::ServiceControlPolicy
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Parses the first denial in a text, whatever it is wrapped in. `None` if the text has none, or the
/// action is encoded.
pub fn parse(message: &str) -> Option<Denial> {
    find(&pasted::unwrap(message).plain)
        .or_else(|| find(&pasted::unwrap(&pasted::unwrap_url(message)?).plain))
}

fn find(text: &str) -> Option<Denial> {
    if !text.to_ascii_lowercase().contains("authorized") {
        return None;
    }
    let head = sentence::HEAD.captures(text)?;
    let action = head.name("action")?;
    let principal = head.name("user").or_else(|| head.name("arn"));
    let tail = sentence::tail(text.get(action.end()..)?);
    Some(Denial {
        principal: principal.map(|principal| principal.as_str().to_owned()),
        action: action.as_str().to_owned(),
        resource: tail.resource,
        cause: tail.cause,
        policy_arn: tail.policy_arn,
    })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wrapped;
