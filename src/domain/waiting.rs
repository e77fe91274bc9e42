//! Waiting: why an operation does not make progress.

use serde::{Deserialize, Serialize};

/// What an operation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum WaitingFor {
    /// AWS to respond again, or to stop throttling.
    Aws,
    /// The rate limits of AWS. This wait does not count as time of the step.
    AwsRateLimit,
    /// The cluster to reach a state.
    Cluster,
    /// DAX to be able to assume a recently created service role.
    RolePropagation,
    /// Evidence of whether a call with a lost response took effect.
    LostAnswer,
    /// A resource to be no longer in use.
    Release,
    /// An IAM permission for this service.
    Permission,
    /// A trust policy that lets DAX assume the service role.
    RoleTrust,
    /// Valid AWS credentials.
    Credentials,
    /// A higher quota.
    Quota,
    /// Capacity in AWS.
    Capacity,
    /// People to approve the operation.
    Approval,
    /// An operator to fix the cause.
    Operator,
}

impl WaitingFor {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
