//! Fault: what AWS, or a deadline, said went wrong. Data, stored as it came; advice is looked up when it is read.

use serde::{Deserialize, Serialize};

use super::problem_code::ProblemCode;

/// What a fault means for the work. Decided in one place for AWS's codes: `aws/fault.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    /// AWS said it was not applied, and to try again.
    Transient,
    /// Too many calls.
    Throttled,
    /// Nobody knows whether it was applied: a timeout, a reset, a 5xx, an unreadable answer.
    Ambiguous,
    /// Something of that name exists. Neither success nor failure by itself: look.
    AlreadyExists,
    /// What the call needs is not there, or not visible yet.
    NotFound,
    /// The thing is in a state that does not allow the call: in use, still creating, still attached.
    WrongState,
    /// DAX cannot assume the service role: too young, or the wrong trust policy.
    RoleNotAssumable,
    /// The account's service-linked role for DAX is missing, or not visible to DAX yet.
    ServiceLinkedRoleMissing,
    /// The caller lacks a permission.
    Permission,
    /// The caller's credentials are not accepted.
    Credentials,
    /// A quota of the account is used up.
    Quota,
    /// AWS has no capacity.
    Capacity,
    /// AWS calls the input invalid.
    Invalid,
    /// DAX is not offered in this Region.
    RegionUnsupported,
    /// Something of that name belongs to someone else.
    Conflict,
    /// A foreign cluster has the name.
    ClusterExists,
    /// Several roles could be meant, or none and no default.
    RoleUnspecified,
    /// What would have to be asked is not built into this program.
    NotBuiltIn,
    /// A step or the operation took longer than its deadline.
    Deadline,
    /// The cluster did not become available in time.
    ClusterNotAvailable,
    /// The step ended its process, or panicked, five times in a row.
    Crashed,
}

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Look again, soon and with backoff, until the step's deadline.
    Retry,
    /// Stop, explain, and look again on a gentle schedule.
    Block,
    /// Only another request can cure it: undo what was made and end.
    Fail,
}

impl FaultClass {
    /// What to do about a fault of this class.
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
            | Self::RoleUnspecified => Handling::Fail,
        }
    }

    /// The problem type a client sees for a fault of this class.
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
            Self::RoleUnspecified => ProblemCode::ServiceRoleUnspecified,
            Self::NotBuiltIn => ProblemCode::Unavailable,
            Self::Deadline => ProblemCode::DeadlineExceeded,
            Self::ClusterNotAvailable => ProblemCode::ClusterNotAvailable,
            Self::Crashed => ProblemCode::StepCrashed,
        }
    }

    /// Whether a block with this fault means that patience has ended, rather than that something must be granted.
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
            | Self::RoleUnspecified
            | Self::Crashed => false,
        }
    }

    /// Whether the call that met this fault may have taken effect all the same.
    pub fn leaves_outcome_unknown(self) -> bool {
        self == Self::Ambiguous
    }
}

/// What went wrong, with everything AWS said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What it means for the work.
    pub class: FaultClass,
    /// One sentence of ours: what we were doing.
    pub detail: String,
    /// What AWS said, if AWS said something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsError>,
    /// Where what we found differs from what we would have made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Things a person can choose from: role ARNs, for instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// AWS's own events about the thing, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// For something the undo could not finish: the code is then `undo_unfinished`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub during_undo: bool,
}

/// AWS's own words about a refused call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsError {
    /// The service, as in an IAM action's prefix: `iam`, `dax`, `ec2`.
    pub service: String,
    /// The API operation, such as `CreateRole`.
    pub operation: String,
    /// AWS's error code, or `Timeout` and the like when no answer came.
    pub code: String,
    /// AWS's message, verbatim.
    pub message: String,
    /// AWS's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The ARN of what the call was about, as far as it can be told beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
}

/// One difference between what we would have made and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What we would have made.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Difference {
    /// A difference, if there is one.
    pub fn between(field: &str, expected: &str, found: Option<&str>) -> Option<Self> {
        (found != Some(expected)).then(|| Self {
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.unwrap_or("(none)").to_owned(),
        })
    }
}

impl Fault {
    /// A fault that no AWS answer stands behind.
    pub fn new(class: FaultClass, detail: impl Into<String>) -> Self {
        Self {
            class,
            detail: detail.into(),
            aws: None,
            differences: Vec::new(),
            candidates: Vec::new(),
            events: Vec::new(),
            during_undo: false,
        }
    }

    /// The problem type a client sees.
    pub fn problem_code(&self) -> ProblemCode {
        if self.during_undo && self.class != FaultClass::Crashed {
            return ProblemCode::UndoUnfinished;
        }
        self.class.problem_code()
    }
}
