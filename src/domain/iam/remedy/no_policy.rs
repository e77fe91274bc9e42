//! Why a denial has no ready policy.

use crate::domain::iam::denial::DenialCause;

/// Why a denial has no ready policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// The hint itself says that an Allow does not help.
    #[error("an Allow in the caller's policies does not help")]
    AllowDoesNotHelp,
    /// The boundary lacks the Allow.
    #[error("the Allow belongs in the permissions boundary, not in the caller's policies")]
    Boundary,
    /// The session policy lacks the Allow.
    #[error("the Allow belongs in the session policy, not in the caller's policies")]
    Session,
    /// The service's own policy lacks the action.
    #[error(
        "this service's own policy does not have this permission, which could let its holder gain others"
    )]
    NotNeeded,
    /// The service's own policy has the action, but not on this resource.
    #[error(
        "this service's own policy does not have this permission on this resource; for an existing service role, \
         `dax-provisioner policy --service-role-arn ARN` prints the statements"
    )]
    OtherResource,
    /// The message is about another account or partition.
    #[error("the message is about another account or partition than this service's")]
    OtherAccount,
    /// The account in the message is masked.
    #[error("the account in the message is masked; paste the message with the account's 12 digits")]
    Masked,
    /// The caller has no policies.
    #[error("the caller has no identity; send the call with credentials")]
    Anonymous,
    /// The message names no Region of this partition.
    #[error("the ARN in the message has no Region of this service's partition")]
    UnknownRegion,
    /// The message names no resource.
    #[error("the message does not name the resource, or names it without its path")]
    ResourceUnknown,
    /// The resource has wildcards, variables or placeholders.
    #[error("the resource in the message is no exact ARN")]
    Inexact,
}

impl NoPolicy {
    /// Why the caller's policies do not help against a cause.
    pub fn of_cause(cause: DenialCause) -> Self {
        match cause {
            DenialCause::PermissionsBoundary => Self::Boundary,
            DenialCause::SessionPolicy => Self::Session,
            DenialCause::IdentityPolicy
            | DenialCause::ServiceControlPolicy
            | DenialCause::ResourceControlPolicy
            | DenialCause::VpcEndpointPolicy
            | DenialCause::ResourcePolicy
            | DenialCause::ExplicitDeny(_)
            | DenialCause::Unstated => Self::AllowDoesNotHelp,
        }
    }
}
