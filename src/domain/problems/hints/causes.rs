//! Hints: which policy refused. Where it is not the caller's own, an Allow there does not help.

use super::pages::{
    ACCESS_DENIED, BOUNDARIES, ENDPOINT_POLICIES, EVALUATION, RESOURCE_CONTROL, SERVICE_CONTROL,
    SESSION_POLICIES,
};
use super::{ANY_SERVICE, Hint, ROW};
use crate::domain::iam::denial::{DenialCause, PolicyKind};

const DENIED: Hint = Hint {
    service: ANY_SERVICE,
    code: "AccessDenied",
    ..ROW
};

/// A row for each cause but the ordinary one, the caller's own policies, which is a row for each action.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "cause_permissions_boundary",
        cause: Some(DenialCause::PermissionsBoundary),
        title: "Widen the permissions boundary of the calling user or role.",
        explanation: "The caller's own policies may allow the action, but its boundary does not, and both must. Add the statement to the policy named as `PermissionsBoundary` of the user or role; whoever set the boundary has to do it.",
        documentation: BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "cause_service_control_policy",
        cause: Some(DenialCause::ServiceControlPolicy),
        title: "Ask the administrator of the organisation: a service control policy does not allow the action.",
        explanation: "A service control policy (SCP) limits everybody in the account, administrators too. Adding an Allow in the account will not help: an SCP at every level from the root to the account has to allow the action, as `FullAWSAccess` does.",
        documentation: SERVICE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "cause_resource_control_policy",
        cause: Some(DenialCause::ResourceControlPolicy),
        title: "Ask the administrator of the organisation: a resource control policy does not allow the access.",
        explanation: "A resource control policy (RCP) limits who may reach the organisation's resources. Adding an Allow in the account will not help; look at the conditions `aws:PrincipalOrgID` and `aws:SourceAccount` of the RCP.",
        documentation: RESOURCE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "cause_session_policy",
        cause: Some(DenialCause::SessionPolicy),
        title: "Widen the session policy with which the role was assumed.",
        explanation: "The session carries less than its role: a `Policy` or `PolicyArns` parameter was given to AssumeRole (or a federation tool did so). Add the statement there and start a new session; a running one does not change.",
        documentation: SESSION_POLICIES,
        ..DENIED
    },
    Hint {
        id: "cause_vpc_endpoint_policy",
        cause: Some(DenialCause::VpcEndpointPolicy),
        title: "Widen the policy of the VPC endpoint the call went through.",
        explanation: "The call left the network through an endpoint whose `PolicyDocument` does not let this action pass. An Allow for the caller does not help: add action and principal to the endpoint's policy, or call the service around the endpoint.",
        documentation: ENDPOINT_POLICIES,
        ..DENIED
    },
    Hint {
        id: "cause_resource_policy",
        cause: Some(DenialCause::ResourcePolicy),
        title: "Add the caller to the policy of the resource itself.",
        explanation: "The resource has a policy of its own that has to name the caller in `Principal`; across accounts the caller's own Allow is needed besides, within one account it can do instead.",
        documentation: EVALUATION,
        ..DENIED
    },
    Hint {
        id: "explicit_deny",
        cause: Some(DenialCause::ExplicitDeny(None)),
        title: "Remove the Deny that matches: adding an Allow will not help.",
        explanation: "Some policy denies this action, and a Deny wins over every Allow. Search the caller's policies, its boundary and the organisation's policies for a statement with `\"Effect\": \"Deny\"` that matches; often its condition asks for `aws:MultiFactorAuthPresent` or a Region.",
        documentation: EVALUATION,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_identity_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Identity))),
        title: "Remove the Deny from the caller's own policies: adding an Allow will not help.",
        explanation: "A policy attached to the user, one of its groups, or the role denies the action. Find the `Deny` statement (the newest messages end with the policy's ARN) and take the action out of it or satisfy its condition.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_permissions_boundary",
        cause: Some(DenialCause::ExplicitDeny(Some(
            PolicyKind::PermissionsBoundary,
        ))),
        title: "Remove the Deny from the caller's permissions boundary: adding an Allow will not help.",
        explanation: "The `PermissionsBoundary` of the user or role holds a Deny that matches. Only who owns that policy can change it, or set another boundary.",
        documentation: BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_service_control_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::ServiceControl))),
        title: "Ask the administrator of the organisation: a service control policy denies the action.",
        explanation: "AWS uses these words also where no SCP allows the action. Adding an Allow will not help; the administrator exempts the caller in the SCP's condition (`aws:PrincipalArn`) or takes the action or Region out of it.",
        documentation: SERVICE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_resource_control_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::ResourceControl))),
        title: "Ask the administrator of the organisation: a resource control policy denies the access.",
        explanation: "An RCP of the resource's organisation holds a Deny that matches. Adding an Allow will not help; service calls are exempted there with `aws:PrincipalIsAWSService`, callers with `aws:PrincipalArn`.",
        documentation: RESOURCE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_session_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Session))),
        title: "Start a session without that Deny: adding an Allow will not help.",
        explanation: "The policy passed to AssumeRole denies the action for this session only. Take the Deny out of the `Policy` parameter of whatever makes the session, then start a new one.",
        documentation: SESSION_POLICIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_vpc_endpoint_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::VpcEndpoint))),
        title: "Remove the Deny from the VPC endpoint's policy: adding an Allow will not help.",
        explanation: "The endpoint this call went through denies it in its `PolicyDocument`. The owner of the VPC changes that document, or the call goes another way.",
        documentation: ENDPOINT_POLICIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_resource_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Resource))),
        title: "Remove the Deny from the resource's own policy: adding an Allow will not help.",
        explanation: "The policy of the resource denies the caller. For a DynamoDB table reached by an IPv6-only cluster, a Deny on IPv4 ranges needs the exception `ArnNotEquals` `aws:PrincipalArn` with the ARN of the DAX service role.",
        documentation: super::pages::IPV6,
        ..DENIED
    },
];
