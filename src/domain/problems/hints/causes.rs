//! Hints: the kind of policy that denied the action. Only some denials are fixed by an Allow.

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

/// A row for each cause except a missing Allow of the caller, which has a row per action.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "cause_permissions_boundary",
        cause: Some(DenialCause::PermissionsBoundary),
        title: "Widen the permissions boundary of the calling user or role.",
        explanation: "Both the caller's policies and its permissions boundary must allow the \
            action, and the boundary does not. Add the statement to the policy that is set as \
            `PermissionsBoundary` of the user or role. The owner of the boundary must do this.",
        documentation: BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "cause_service_control_policy",
        cause: Some(DenialCause::ServiceControlPolicy),
        title: "Ask the administrator of the organisation: a service control policy does not allow \
            the action.",
        explanation: "A service control policy (SCP) limits every principal in the account, \
            administrators included. Adding an Allow in the account will not help. An SCP at every \
            level from the root to the account must allow the action, as `FullAWSAccess` does.",
        documentation: SERVICE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "cause_resource_control_policy",
        cause: Some(DenialCause::ResourceControlPolicy),
        title: "Ask the administrator of the organisation: a resource control policy does not \
            allow the access.",
        explanation: "A resource control policy (RCP) limits who can access the organisation's \
            resources. Adding an Allow in the account will not help. Check the conditions \
            `aws:PrincipalOrgID` and `aws:SourceAccount` of the RCP.",
        documentation: RESOURCE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "cause_session_policy",
        cause: Some(DenialCause::SessionPolicy),
        title: "Widen the session policy with which the role was assumed.",
        explanation: "The session has fewer permissions than its role: AssumeRole was called with \
            a `Policy` or `PolicyArns` parameter, possibly by a federation tool. Add the statement \
            there and start a new session. A running session does not change.",
        documentation: SESSION_POLICIES,
        ..DENIED
    },
    Hint {
        id: "cause_vpc_endpoint_policy",
        cause: Some(DenialCause::VpcEndpointPolicy),
        title: "Widen the policy of the VPC endpoint that the call used.",
        explanation: "The `PolicyDocument` of the VPC endpoint does not allow this action. An \
            Allow for the caller does not help. Add the action and the principal to the endpoint's \
            policy, or call the service without the endpoint.",
        documentation: ENDPOINT_POLICIES,
        ..DENIED
    },
    Hint {
        id: "cause_resource_policy",
        cause: Some(DenialCause::ResourcePolicy),
        title: "Add the caller to the policy of the resource.",
        explanation: "The resource has its own policy, which must name the caller in `Principal`. \
            Across accounts, the caller's policies must allow the action as well. Within one \
            account, an Allow in the caller's policies is an alternative.",
        documentation: EVALUATION,
        ..DENIED
    },
    Hint {
        id: "iam_boundary_required",
        service: "iam",
        action: Some("iam:CreateRole"),
        cause: Some(DenialCause::ExplicitDeny(None)),
        title: "Set the permissions boundary that the organisation requires on new roles.",
        explanation: "The usual reason for an explicit deny of `iam:CreateRole` is a Deny unless \
            the condition key `iam:PermissionsBoundary` has the ARN of a certain policy. Find that \
            ARN in the denying policy, and start this service with `--permissions-boundary ARN`. \
            If a boundary is set already, the Deny requires another one.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate",
        ..DENIED
    },
    Hint {
        id: "explicit_deny",
        cause: Some(DenialCause::ExplicitDeny(None)),
        title: "Remove the matching Deny: adding an Allow will not help.",
        explanation: "A policy denies this action, and a Deny overrides every Allow. Search the \
            caller's policies, its boundary and the organisation's policies for a matching \
            statement with `\"Effect\": \"Deny\"`. Its condition often requires \
            `aws:MultiFactorAuthPresent` or a Region.",
        documentation: EVALUATION,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_identity_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Identity))),
        title: "Remove the Deny from the caller's own policies: adding an Allow will not help.",
        explanation: "A policy attached to the user, one of its groups, or the role denies the \
            action. Find the `Deny` statement; newer messages end with the policy's ARN. Remove \
            the action from the statement or satisfy its condition.",
        documentation: ACCESS_DENIED,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_permissions_boundary",
        cause: Some(DenialCause::ExplicitDeny(Some(
            PolicyKind::PermissionsBoundary,
        ))),
        title: "Remove the Deny from the caller's permissions boundary: adding an Allow will not \
            help.",
        explanation: "The `PermissionsBoundary` of the user or role contains a matching Deny. The \
            owner of that policy must change it, or set another boundary.",
        documentation: BOUNDARIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_service_control_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::ServiceControl))),
        title: "Ask the administrator of the organisation: a service control policy denies the \
            action.",
        explanation: "AWS sends the same message when no SCP allows the action. Adding an Allow \
            will not help. The administrator can exempt the caller in the SCP's condition \
            (`aws:PrincipalArn`), or remove the action or Region from the SCP.",
        documentation: SERVICE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_resource_control_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::ResourceControl))),
        title: "Ask the administrator of the organisation: a resource control policy denies the \
            access.",
        explanation: "An RCP of the resource's organisation contains a matching Deny. Adding an \
            Allow will not help. The RCP can exempt AWS services with `aws:PrincipalIsAWSService` \
            and callers with `aws:PrincipalArn`.",
        documentation: RESOURCE_CONTROL,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_session_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Session))),
        title: "Start a session without that Deny: adding an Allow will not help.",
        explanation: "The policy passed to AssumeRole denies the action for this session only. \
            Remove the Deny from the `Policy` parameter of the tool that creates the session, then \
            start a new session.",
        documentation: SESSION_POLICIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_vpc_endpoint_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::VpcEndpoint))),
        title: "Remove the Deny from the VPC endpoint's policy: adding an Allow will not help.",
        explanation: "The VPC endpoint that the call used denies it in its `PolicyDocument`. The \
            owner of the VPC must change that document, or the call must use another network path.",
        documentation: ENDPOINT_POLICIES,
        ..DENIED
    },
    Hint {
        id: "explicit_deny_resource_policy",
        cause: Some(DenialCause::ExplicitDeny(Some(PolicyKind::Resource))),
        title: "Remove the Deny from the resource's own policy: adding an Allow will not help.",
        explanation: "The policy of the resource denies the caller. For a DynamoDB table used by \
            an IPv6-only cluster, a Deny on IPv4 ranges needs an exception: `ArnNotEquals` \
            `aws:PrincipalArn` with the ARN of the DAX service role.",
        documentation: super::pages::IPV6,
        ..DENIED
    },
];
