//! The closed set of problem types. Each has its page under `/problems/`.

use serde::{Deserialize, Serialize};

use super::problem_table::{ROWS, Row};

/// A problem type. Its code is the last segment of the RFC 9457 `type` and is part of the public
/// contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProblemCode {
    /// The request is invalid; `errors` names every field.
    InvalidRequest,
    /// There is more than one target, and the request names none.
    TargetRequired,
    /// No target has this name.
    UnknownTarget,
    /// The target cannot be used until an operator acts.
    TargetUnavailable,
    /// The request has no valid bearer token.
    Unauthenticated,
    /// The token, or the origin of the request, does not permit it.
    Forbidden,
    /// The resource does not exist.
    NotFound,
    /// The path exists but does not support the method.
    MethodNotAllowed,
    /// The request body exceeds the limit.
    BodyTooLarge,
    /// The content type of the request body is not JSON.
    UnsupportedMediaType,
    /// The caller exceeds a request limit.
    TooManyRequests,
    /// The service cannot serve the request at the moment, for example without its database.
    Unavailable,
    /// A fault of this service.
    Internal,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// A managed cluster already has this name.
    ClusterExists,
    /// Another operation is in progress on the cluster.
    OperationInProgress,
    /// The operation has finished.
    OperationFinished,
    /// The operation is running, so it cannot be retried or rolled back.
    OperationNotBlocked,
    /// The operation is past the point where it can be cancelled or rolled back.
    OperationNotCancellable,
    /// The operation does not wait for an approval.
    OperationNotAwaitingApproval,
    /// The caller may not decide on the operation, or it was not approved.
    ApprovalNotAllowed,
    /// The cluster was never created, so there is nothing to change.
    ClusterFailed,
    /// Events after the cursor are no longer available.
    CursorExpired,
    /// The request needs `If-Match`.
    PreconditionRequired,
    /// `If-Match` does not match the current version.
    PreconditionFailed,
    /// The field cannot be changed after creation.
    ImmutableField,
    /// `deletion_protection` of the cluster is on.
    DeletionProtected,
    /// DAX has not assigned an endpoint to the cluster yet.
    EndpointNotReady,
    /// The preflight found problems.
    PreflightFailed,
    /// Several roles could be the service role, or none.
    ServiceRoleUnspecified,
    /// The service role of the request does not exist.
    ServiceRoleNotFound,
    /// AWS denied an action.
    PermissionMissing,
    /// The service role's trust policy is wrong, or not visible to DAX yet.
    RoleNotAssumable,
    /// A cluster that this service does not manage has the name.
    ClusterExistsInAws,
    /// A resource in AWS conflicts with the request.
    ResourceConflict,
    /// A quota of the AWS account is used up.
    QuotaExceeded,
    /// AWS has no capacity for the nodes.
    CapacityUnavailable,
    /// The Region does not offer DAX.
    RegionUnsupported,
    /// The cluster did not become available before its deadline.
    ClusterNotAvailable,
    /// AWS rejected the input as invalid.
    AwsRejectedInput,
    /// AWS does not respond, fails, or throttles.
    AwsUnavailable,
    /// AWS rejected the service's credentials.
    CredentialsInvalid,
    /// A step or the operation exceeded its deadline.
    DeadlineExceeded,
    /// A step crashed five times in a row.
    StepCrashed,
    /// A rollback or delete could not remove every resource.
    UndoUnfinished,
    /// The service has no key to encrypt secrets with.
    SecretsKeyRequired,
    /// The webhook is disabled.
    WebhookDisabled,
}

impl ProblemCode {
    /// The code in the public contract, such as `not_found`.
    pub fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status of a response with this problem.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// The title, identical for every occurrence.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Cause and remedy, for the page under `/problems/`.
    pub fn explanation(self) -> &'static str {
        self.row().explanation
    }

    /// Whether the unchanged request, or the operation, can succeed later.
    pub fn retryable(self) -> bool {
        self.row().retryable
    }

    fn row(self) -> &'static Row {
        // A test checks that table and enum have the same order.
        &ROWS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::VariantArray;

    use super::*;

    #[test]
    fn the_table_has_one_row_for_each_code_in_order() {
        let mut codes = HashSet::new();
        for (index, &code) in ProblemCode::VARIANTS.iter().enumerate() {
            assert_eq!(code as usize, index);
            assert!(codes.insert(code.as_str()), "duplicate {}", code.as_str());
            assert_eq!(serde_json::to_value(code).expect("a string"), code.as_str());
            assert_eq!(<&str>::from(code), code.as_str());
            assert_eq!(code.as_str().parse::<ProblemCode>(), Ok(code));
            assert!((400..600).contains(&code.status()));
        }
    }
}
