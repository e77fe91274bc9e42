//! Which role a wanted cluster would use, looked up as the operation will look it up.

use crate::domain::iam::policies::{Access, Tables};
use crate::domain::inventory::Owner;
use crate::domain::problems::fault::Fault;
use crate::domain::spec::{ClusterSpec, ServiceRole};

use super::Inspector;

/// The role that a wanted cluster would use.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RoleChoice {
    /// A new one.
    New {
        /// What it may do.
        access: Access,
        /// On which tables.
        tables: Tables,
        /// Whether the account's roles are searched first.
        searched: bool,
    },
    /// The one that was named.
    Existing(String),
    /// The one of the account that trusts DAX.
    Found(String),
    /// It cannot be told: none, or several.
    Unclear {
        /// The ARNs of several.
        candidates: Vec<String>,
    },
    /// The roles of the account cannot be listed.
    Unknown(Box<Fault>),
}

impl RoleChoice {
    /// The ARN of an existing role.
    pub(super) fn existing(&self) -> Option<&str> {
        match self {
            Self::Existing(arn) | Self::Found(arn) => Some(arn),
            Self::New { .. } | Self::Unclear { .. } | Self::Unknown(_) => None,
        }
    }
}

/// The role name at the end of a role ARN.
pub(super) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl Inspector {
    /// Which role a wanted cluster would use.
    pub(super) async fn choose_role(&self, spec: &ClusterSpec) -> RoleChoice {
        match &spec.service_role {
            ServiceRole::Existing { arn } => RoleChoice::Existing(arn.clone()),
            ServiceRole::New { access, tables } => RoleChoice::New {
                access: *access,
                tables: tables.clone(),
                searched: false,
            },
            ServiceRole::Discover { default_access } => {
                match (self.candidates().await, default_access) {
                    (Err(fault), _) => RoleChoice::Unknown(Box::new(fault)),
                    (Ok(candidates), Some(access)) if candidates.is_empty() => RoleChoice::New {
                        access: *access,
                        tables: Tables::All,
                        searched: true,
                    },
                    (Ok(candidates), _) => match candidates.as_slice() {
                        [only] => RoleChoice::Found(only.clone()),
                        _ => RoleChoice::Unclear { candidates },
                    },
                }
            }
        }
    }

    /// Roles that trust DAX and are not ours. One whose tags may not be read stays a candidate: the permission to read it
    /// is asked about like every other.
    async fn candidates(&self) -> Result<Vec<String>, Fault> {
        let roles = self.service_roles().await?.into_iter();
        Ok(roles
            .filter(|role| role.owner == Owner::External)
            .map(|role| role.arn)
            .collect())
    }
}
