//! The service role that a create operation would use, chosen as the operation chooses it.

use crate::domain::iam::policies::{Access, Tables};
use crate::domain::inventory::Owner;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ServiceRole};

use super::Inspector;

/// The service role that a create operation would use.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RoleChoice {
    /// The operation would create a role.
    New {
        access: Access,
        tables: Tables,
        /// Whether the operation lists the account's roles first.
        searched: bool,
    },
    /// The ARN in the request.
    Existing(String),
    /// The ARN of the only role in the account that trusts DAX.
    Discovered(String),
    /// No role in the account trusts DAX, or several do.
    Ambiguous {
        /// ARNs of the roles that trust DAX.
        candidates: Vec<String>,
    },
    /// The account's roles cannot be listed.
    Unknown(Box<Fault>),
}

impl RoleChoice {
    /// The ARN of an existing role.
    pub(super) fn existing(&self) -> Option<&str> {
        match self {
            Self::Existing(arn) | Self::Discovered(arn) => Some(arn),
            Self::New { .. } | Self::Ambiguous { .. } | Self::Unknown(_) => None,
        }
    }
}

/// The role name at the end of a role ARN.
pub(super) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl Inspector {
    pub(super) async fn choose_role(&self, spec: &ClusterSpec) -> RoleChoice {
        match &spec.service_role {
            // The role of an adopted cluster was not validated as that of a request is.
            ServiceRole::Existing { arn } if arn.as_str().contains(['*', '?', '$']) => {
                let detail = format!(
                    "the ARN {arn} contains characters with a meaning in policies, so no policy \
                     can name this role"
                );
                RoleChoice::Unknown(Box::new(Fault::new(FaultClass::Invalid, detail)))
            }
            ServiceRole::Existing { arn } => RoleChoice::Existing(arn.to_string()),
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
                        [only] => RoleChoice::Discovered(only.clone()),
                        _ => RoleChoice::Ambiguous { candidates },
                    },
                }
            }
        }
    }

    /// ARNs of the roles that trust DAX and that this service does not manage. A role whose tags
    /// cannot be read stays a candidate; the preflight checks the permission to read it.
    pub(super) async fn candidates(&self) -> Result<Vec<String>, Fault> {
        let roles = self.service_roles().await?.into_iter();
        Ok(roles
            .filter(|role| role.owner == Owner::External)
            .map(|role| role.arn)
            .collect())
    }
}
