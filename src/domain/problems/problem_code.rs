//! The closed set of problem types, in one place. Each has its page under `/problems/`.

use serde::{Deserialize, Serialize};

use super::problem_table::{ROWS, Row};

/// A problem type. The word is the last part of the RFC 9457 `type` and is part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The request breaks a rule; `errors` names every field.
    InvalidRequest,
    /// No valid bearer token.
    Unauthenticated,
    /// The token may not do this.
    Forbidden,
    /// No such thing.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than the service reads.
    BodyTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// Too many requests.
    TooManyRequests,
    /// The service cannot work right now, the database being away for instance.
    Unavailable,
    /// A fault of ours.
    Internal,
    /// The idempotency key was used with another request.
    IdempotencyKeyReused,
    /// A cluster of this name is managed already.
    ClusterExists,
    /// Another operation works on the cluster.
    OperationInProgress,
    /// The operation is over.
    OperationFinished,
    /// The operation is not blocked.
    OperationNotBlocked,
    /// The operation is past the point where it can be cancelled or rolled back.
    OperationNotCancellable,
    /// The create of the cluster failed: there is nothing to change.
    ClusterFailed,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// `If-Match` is stale.
    PreconditionFailed,
    /// The field cannot change after creation.
    ImmutableField,
    /// The cluster is protected against deletion.
    DeletionProtected,
    /// The cluster has no endpoint yet.
    EndpointNotReady,
    /// The preflight found faults.
    PreflightFailed,
    /// It cannot be told which service role is meant.
    ServiceRoleUnspecified,
    /// AWS refused an action for lack of a permission.
    PermissionMissing,
    /// DAX cannot assume the service role.
    RoleNotAssumable,
    /// A cluster of this name exists in AWS and is not ours.
    ClusterExistsInAws,
    /// Something of that name is there and is not what we would have made.
    ResourceConflict,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// AWS has no capacity.
    CapacityUnavailable,
    /// DAX is not offered in the Region.
    RegionUnsupported,
    /// The cluster did not become available in time.
    ClusterNotAvailable,
    /// AWS calls the input invalid.
    AwsRejectedInput,
    /// AWS does not answer, or asks to slow down.
    AwsUnavailable,
    /// AWS does not accept the service's credentials.
    CredentialsInvalid,
    /// A step or the operation took longer than its deadline.
    DeadlineExceeded,
    /// A step crashed five times in a row.
    StepCrashed,
    /// What was made could not be removed completely.
    UndoUnfinished,
}

impl ProblemCode {
    /// Every code, in the order of the list of problem pages.
    pub const ALL: [Self; 38] = [
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Internal,
        Self::IdempotencyKeyReused,
        Self::ClusterExists,
        Self::OperationInProgress,
        Self::OperationFinished,
        Self::OperationNotBlocked,
        Self::OperationNotCancellable,
        Self::ClusterFailed,
        Self::PreconditionRequired,
        Self::PreconditionFailed,
        Self::ImmutableField,
        Self::DeletionProtected,
        Self::EndpointNotReady,
        Self::PreflightFailed,
        Self::ServiceRoleUnspecified,
        Self::PermissionMissing,
        Self::RoleNotAssumable,
        Self::ClusterExistsInAws,
        Self::ResourceConflict,
        Self::QuotaExceeded,
        Self::CapacityUnavailable,
        Self::RegionUnsupported,
        Self::ClusterNotAvailable,
        Self::AwsRejectedInput,
        Self::AwsUnavailable,
        Self::CredentialsInvalid,
        Self::DeadlineExceeded,
        Self::StepCrashed,
        Self::UndoUnfinished,
    ];

    /// The word of the public contract.
    pub fn as_str(self) -> &'static str {
        self.row().word
    }

    /// The HTTP status an answer with this problem has: chosen by what the reader should do next.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// The problem's title, the same for every occurrence.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What it means and what to do, for the page under `/problems/`.
    pub fn explanation(self) -> &'static str {
        self.row().explanation
    }

    /// Whether the same request, or the operation by itself, can succeed later without being changed.
    pub fn retryable(self) -> bool {
        self.row().retryable
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    fn row(self) -> &'static Row {
        // The table has the order of the enum, which a test checks.
        &ROWS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_has_one_row_for_each_code_in_order() {
        let mut words = HashSet::new();
        for (index, code) in ProblemCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, index);
            assert!(words.insert(code.as_str()), "{} twice", code.as_str());
            assert_eq!(serde_json::to_value(code).expect("a word"), code.as_str());
            assert_eq!(ProblemCode::parse(code.as_str()), Some(code));
            assert!((400..600).contains(&code.status()));
        }
    }
}
