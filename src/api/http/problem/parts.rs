//! Parts of a problem that need nothing else of it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::problems::fault::Difference;

/// A policy of the organisation that forbids a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ForbiddingPolicy {
    /// ID of the policy.
    #[schema(example = "own_projects")]
    pub(crate) id: String,
    /// What its author advises; null if there is no advice.
    pub(crate) advice: Option<String>,
}

/// A setting of an existing AWS resource that differs from the requested one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldDifference {
    /// Name of the setting.
    pub(crate) field: String,
    /// The requested value.
    pub(crate) expected: String,
    /// The value in AWS.
    pub(crate) found: String,
}

impl From<Difference> for FieldDifference {
    fn from(difference: Difference) -> Self {
        Self {
            field: difference.field,
            expected: difference.expected,
            found: difference.found,
        }
    }
}
