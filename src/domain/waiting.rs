//! Waiting: what an operation waits for, when it waits.

use serde::{Deserialize, Serialize};

/// What an operation waits for, when it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// AWS to answer again, or to slow down less.
    Aws,
    /// The cluster to reach a state.
    Cluster,
    /// DAX to be able to assume the service role.
    RolePropagation,
    /// A lost answer to be settled.
    LostAnswer,
    /// Something to be no longer in use.
    Release,
    /// A permission.
    Permission,
    /// A trust policy that lets DAX in.
    RoleTrust,
    /// Valid credentials.
    Credentials,
    /// A higher quota.
    Quota,
    /// Capacity in AWS.
    Capacity,
    /// A person: nothing goes on by itself.
    Operator,
}

impl WaitingFor {
    /// Every reason to wait.
    pub const ALL: [Self; 11] = [
        Self::Aws,
        Self::Cluster,
        Self::RolePropagation,
        Self::LostAnswer,
        Self::Release,
        Self::Permission,
        Self::RoleTrust,
        Self::Credentials,
        Self::Quota,
        Self::Capacity,
        Self::Operator,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Cluster => "cluster",
            Self::RolePropagation => "role_propagation",
            Self::LostAnswer => "lost_answer",
            Self::Release => "release",
            Self::Permission => "permission",
            Self::RoleTrust => "role_trust",
            Self::Credentials => "credentials",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Operator => "operator",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}
