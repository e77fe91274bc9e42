//! Checks of the service role and the service-linked role.

use crate::domain::iam::service_role::{FoundRole, usable_role};
use crate::domain::iam::trust::DaxTrust;
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::preflight::{Check, PredictedError};

use super::reason;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;
use crate::inspections::service_role::RoleChoice;

const SERVICE_ROLE: &str = "service_role";
const LINKED_ROLE: &str = "service_linked_role";

impl Inspector {
    /// Checks that the service role exists and that its trust policy lets DAX assume it.
    pub(super) async fn check_service_role(&self, draft: &Draft<'_>) -> Check {
        match draft.role {
            RoleChoice::New { .. } => Check::pass(
                SERVICE_ROLE,
                "a role will be created with a trust policy that lets DAX assume it",
            ),
            RoleChoice::Existing(arn) | RoleChoice::Discovered(arn) => self.check_trust(arn).await,
            RoleChoice::Ambiguous { candidates } if candidates.is_empty() => {
                let detail = "no role of this account trusts DAX; set `service_role.arn`, or set \
                              `service_role.access` and `service_role.tables` to have a role \
                              created";
                Check::fail(SERVICE_ROLE, detail, None)
            }
            RoleChoice::Ambiguous { candidates } => {
                let detail = "several roles of this account trust DAX; \
                              set `service_role.arn` to the one to use";
                Check::fail(
                    SERVICE_ROLE,
                    format!("{detail}: {}", candidates.join(", ")),
                    None,
                )
            }
            RoleChoice::Unknown(fault) => {
                Check::not_checked(SERVICE_ROLE, reason("could not list the roles", fault))
            }
        }
    }

    async fn check_trust(&self, arn: &str) -> Check {
        let role = match self.aws.role_named_in(arn).await {
            Ok(role) => role,
            Err(fault) => {
                return Check::not_checked(SERVICE_ROLE, reason("could not read the role", &fault));
            }
        };
        let roles = match &role {
            Some(_) => Vec::new(),
            None => self.candidates().await.unwrap_or_default(),
        };
        let listed = roles.join(", ");
        let found = role
            .as_ref()
            .map(|(arn, trust_policy)| FoundRole { arn, trust_policy });
        match usable_role(arn, found, || roles) {
            Ok(DaxTrust::Conditional(keys)) => Check::not_checked(
                SERVICE_ROLE,
                format!(
                    "the trust policy of {arn} lets DAX assume it only under conditions that AWS \
                     evaluates: {}",
                    keys.join(", ")
                ),
            ),
            Ok(_) => Check::pass(
                SERVICE_ROLE,
                format!("the trust policy of {arn} lets DAX assume it"),
            ),
            Err(fault) => {
                let candidates = if listed.is_empty() { "" } else { ": " };
                Check::fail(
                    SERVICE_ROLE,
                    format!("{}{candidates}{listed}", fault.detail),
                    PredictedError::of_class(fault.class),
                )
            }
        }
    }

    /// Checks the service-linked role, with which DAX manages network interfaces. The operation
    /// creates a missing one.
    pub(super) async fn check_linked_role(&self, draft: &Draft<'_>) -> Check {
        match self
            .aws
            .role(SERVICE_LINKED_ROLE, &draft.linked_role_arn())
            .await
        {
            Ok(Some(_)) => Check::pass(LINKED_ROLE, format!("{SERVICE_LINKED_ROLE} exists")),
            Ok(None) => {
                let detail = format!(
                    "{SERVICE_LINKED_ROLE} will be created with iam:CreateServiceLinkedRole"
                );
                Check::pass(LINKED_ROLE, detail)
            }
            Err(fault) => Check::not_checked(
                LINKED_ROLE,
                reason("could not read the service-linked role", &fault),
            ),
        }
    }
}
