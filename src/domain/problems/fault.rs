//! Fault: why a step failed, as stored data. Hints are looked up when a response is written.

use serde::{Deserialize, Serialize};

use super::problem_code::ProblemCode;
use crate::domain::iam::denial::Denial;
use crate::domain::waiting::WaitingFor;

/// The meaning of a fault for the operation. `aws/fault.rs` derives it from AWS's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    /// The call was not applied and can be repeated.
    Transient,
    /// AWS throttles the account's calls.
    Throttled,
    /// The outcome is unknown: timeout, connection reset, 5xx, or unreadable response.
    Ambiguous,
    /// A resource of that name exists. Reading it decides whether the step succeeded.
    AlreadyExists,
    /// A resource that the call needs does not exist, or is not visible yet.
    NotFound,
    /// The resource's state does not allow the call: in use, being created, still attached.
    WrongState,
    /// DAX cannot assume the service role: recently created, or with a wrong trust policy.
    RoleNotAssumable,
    /// The account's service-linked role for DAX does not exist, or is not visible to DAX yet.
    ServiceLinkedRoleMissing,
    /// The service's identity lacks a permission.
    Permission,
    /// AWS rejected the service's credentials.
    Credentials,
    /// A quota of the AWS account is used up.
    Quota,
    /// AWS has no capacity for the nodes.
    Capacity,
    /// AWS rejected the input as invalid.
    Invalid,
    /// The Region does not offer DAX.
    RegionUnsupported,
    /// A resource of that name is not managed by this service.
    Conflict,
    /// A cluster that this service does not manage has the name.
    ClusterExists,
    /// The service role of the request does not exist.
    RoleNotFound,
    /// Several roles could be the service role, or none and there is no default.
    RoleUnspecified,
    /// The program was built without the feature that the call needs.
    NotBuiltIn,
    /// A step or the operation exceeded its deadline.
    Deadline,
    /// The cluster did not become available before its deadline.
    ClusterNotAvailable,
    /// The operation was not approved.
    NotApproved,
    /// The step panicked or ended its process five times in a row.
    Crashed,
}

/// How the worker handles a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Check again with backoff until the step's deadline.
    Retry,
    /// Block the operation, report the fault, and check again at long intervals.
    Block,
    /// Only another request can succeed: roll back and finish.
    Fail,
}

impl FaultClass {
    /// How the worker handles a fault of this class.
    pub fn handling(self) -> Handling {
        match self {
            Self::Transient
            | Self::Throttled
            | Self::Ambiguous
            | Self::AlreadyExists
            | Self::NotFound
            | Self::WrongState
            | Self::RoleNotAssumable
            | Self::ServiceLinkedRoleMissing => Handling::Retry,
            Self::Permission
            | Self::Credentials
            | Self::Quota
            | Self::Capacity
            | Self::NotBuiltIn
            | Self::Deadline
            | Self::ClusterNotAvailable
            | Self::Crashed => Handling::Block,
            Self::Invalid
            | Self::RegionUnsupported
            | Self::Conflict
            | Self::ClusterExists
            | Self::RoleNotFound
            | Self::RoleUnspecified
            | Self::NotApproved => Handling::Fail,
        }
    }

    /// What a retried or blocked operation waits for after a fault of this class.
    pub fn waiting_for(self) -> WaitingFor {
        match self {
            Self::Ambiguous => WaitingFor::LostAnswer,
            Self::WrongState => WaitingFor::Release,
            Self::RoleNotAssumable => WaitingFor::RoleTrust,
            Self::ServiceLinkedRoleMissing => WaitingFor::RolePropagation,
            Self::Permission => WaitingFor::Permission,
            Self::Credentials => WaitingFor::Credentials,
            Self::Quota => WaitingFor::Quota,
            Self::Capacity => WaitingFor::Capacity,
            Self::ClusterNotAvailable => WaitingFor::Cluster,
            Self::NotBuiltIn => WaitingFor::Operator,
            Self::NotApproved => WaitingFor::Approval,
            Self::Throttled => WaitingFor::AwsRateLimit,
            Self::Transient
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Deadline
            | Self::Crashed
            | Self::Invalid
            | Self::RegionUnsupported
            | Self::Conflict
            | Self::ClusterExists
            | Self::RoleNotFound
            | Self::RoleUnspecified => WaitingFor::Aws,
        }
    }

    /// The problem type that callers see for a fault of this class.
    pub fn problem_code(self) -> ProblemCode {
        match self {
            Self::Transient | Self::Throttled | Self::Ambiguous => ProblemCode::AwsUnavailable,
            Self::AlreadyExists | Self::Conflict | Self::WrongState => {
                ProblemCode::ResourceConflict
            }
            Self::NotFound | Self::Invalid => ProblemCode::AwsRejectedInput,
            Self::RoleNotAssumable => ProblemCode::RoleNotAssumable,
            Self::Permission | Self::ServiceLinkedRoleMissing => ProblemCode::PermissionMissing,
            Self::Credentials => ProblemCode::CredentialsInvalid,
            Self::Quota => ProblemCode::QuotaExceeded,
            Self::Capacity => ProblemCode::CapacityUnavailable,
            Self::RegionUnsupported => ProblemCode::RegionUnsupported,
            Self::ClusterExists => ProblemCode::ClusterExistsInAws,
            Self::RoleNotFound => ProblemCode::ServiceRoleNotFound,
            Self::RoleUnspecified => ProblemCode::ServiceRoleUnspecified,
            Self::NotBuiltIn => ProblemCode::Unavailable,
            Self::Deadline => ProblemCode::DeadlineExceeded,
            Self::ClusterNotAvailable => ProblemCode::ClusterNotAvailable,
            Self::NotApproved => ProblemCode::ApprovalNotAllowed,
            Self::Crashed => ProblemCode::StepCrashed,
        }
    }

    /// Whether the block was caused by a timeout rather than by a missing permission or quota.
    pub fn is_timeout(self) -> bool {
        match self {
            Self::Transient
            | Self::Throttled
            | Self::Ambiguous
            | Self::AlreadyExists
            | Self::NotFound
            | Self::WrongState
            | Self::Deadline
            | Self::ClusterNotAvailable => true,
            Self::RoleNotAssumable
            | Self::ServiceLinkedRoleMissing
            | Self::Permission
            | Self::Credentials
            | Self::Quota
            | Self::Capacity
            | Self::NotBuiltIn
            | Self::Invalid
            | Self::RegionUnsupported
            | Self::Conflict
            | Self::ClusterExists
            | Self::RoleNotFound
            | Self::RoleUnspecified
            | Self::NotApproved
            | Self::Crashed => false,
        }
    }

    /// Whether the failed call may have taken effect.
    pub fn leaves_outcome_unknown(self) -> bool {
        self == Self::Ambiguous
    }
}

/// Why a step failed, with AWS's error if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The meaning of the fault for the operation.
    pub class: FaultClass,
    /// What failed, in one sentence.
    pub detail: String,
    /// AWS's error, if AWS returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsError>,
    /// The denial that IAM's simulator predicts for a call that was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Box<Denial>>,
    /// How the existing resource differs from the requested one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Values that the caller can choose from, such as role ARNs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// AWS's events about the resource, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Whether an undo failed; the problem code is then `undo_unfinished`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub during_undo: bool,
}

/// The error that AWS returned for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsError {
    /// The service, as in an IAM action's prefix: `iam`, `dax`, `ec2`.
    pub service: String,
    /// The API operation, such as `CreateRole`.
    pub operation: String,
    /// AWS's error code, or one of this service, such as `Timeout`, if there was no response.
    pub code: String,
    /// AWS's message, verbatim.
    pub message: String,
    /// The request ID that AWS assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The ARN of the call's target, if it is known before the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
}

/// One difference between an existing resource and the requested one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The name of the field.
    pub field: String,
    /// The requested value.
    pub expected: String,
    /// The existing value, or `(none)`.
    pub found: String,
}

impl Difference {
    /// The difference of one field, or `None` if the values are equal.
    pub fn between(field: &str, expected: &str, found: Option<&str>) -> Option<Self> {
        (found != Some(expected)).then(|| Self {
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.unwrap_or("(none)").to_owned(),
        })
    }
}

impl Fault {
    /// A fault without an error from AWS.
    pub fn new(class: FaultClass, detail: impl Into<String>) -> Self {
        Self {
            class,
            detail: detail.into(),
            aws: None,
            predicted: None,
            differences: Vec::new(),
            candidates: Vec::new(),
            events: Vec::new(),
            during_undo: false,
        }
    }

    /// The problem type that callers see.
    pub fn problem_code(&self) -> ProblemCode {
        if self.during_undo && self.class != FaultClass::Crashed {
            return ProblemCode::UndoUnfinished;
        }
        self.class.problem_code()
    }
}
