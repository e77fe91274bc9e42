//! Whether the service role is one that DAX can use, and the service-linked role beside it.

use crate::domain::iam::trust::trusts_dax;
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::preflight::{Check, PredictedError};

use super::unanswered;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;
use crate::inspections::service_role::{RoleChoice, name_in};

const SERVICE_ROLE: &str = "service_role";
const LINKED_ROLE: &str = "service_linked_role";

/// What DAX says of a role that it cannot assume.
const NOT_ASSUMABLE: PredictedError = PredictedError::Error {
    service: "dax",
    operation: "CreateCluster",
    code: "InvalidParameterValueException",
    message: "No permission to assume role",
};

impl Inspector {
    /// The role itself: there, and with a trust policy that lets DAX in.
    pub(super) async fn check_service_role(&self, draft: &Draft<'_>) -> Check {
        match draft.role {
            RoleChoice::New { .. } => Check::pass(
                SERVICE_ROLE,
                "a new role is made, whose trust policy lets DAX assume it",
            ),
            RoleChoice::Existing(arn) | RoleChoice::Found(arn) => self.check_trust(arn).await,
            RoleChoice::Unclear { candidates } if candidates.is_empty() => {
                let detail = "no role of this account trusts DAX; name one by service_role.arn, or say by \
                              service_role.access and service_role.tables what a new one may reach";
                Check::fail(SERVICE_ROLE, detail, None)
            }
            RoleChoice::Unclear { candidates } => {
                let detail = "several roles of this account trust DAX; name the one to use by service_role.arn";
                Check::fail(
                    SERVICE_ROLE,
                    format!("{detail}: {}", candidates.join(", ")),
                    None,
                )
            }
            RoleChoice::Unknown(fault) => {
                Check::not_checked(SERVICE_ROLE, unanswered("roles cannot be listed", fault))
            }
        }
    }

    async fn check_trust(&self, arn: &str) -> Check {
        match self.aws.role(name_in(arn), arn).await {
            Err(fault) => {
                Check::not_checked(SERVICE_ROLE, unanswered("the role cannot be read", &fault))
            }
            Ok(Some(role)) if role.arn == arn && trusts_dax(&role.trust_policy) => Check::pass(
                SERVICE_ROLE,
                format!("the trust policy of {arn} lets DAX assume the role"),
            ),
            Ok(Some(role)) if role.arn == arn => {
                let detail = format!(
                    "the trust policy of {arn} does not let dax.amazonaws.com assume the role"
                );
                Check::fail(SERVICE_ROLE, detail, Some(NOT_ASSUMABLE))
            }
            Ok(_) => Check::fail(
                SERVICE_ROLE,
                format!("the role {arn} does not exist"),
                Some(NOT_ASSUMABLE),
            ),
        }
    }

    /// The role by which DAX itself reaches the network. A missing one is made on the way.
    pub(super) async fn check_linked_role(&self, draft: &Draft<'_>) -> Check {
        match self
            .aws
            .role(SERVICE_LINKED_ROLE, &draft.linked_role_arn())
            .await
        {
            Ok(Some(_)) => Check::pass(LINKED_ROLE, format!("{SERVICE_LINKED_ROLE} exists")),
            Ok(None) => {
                let detail =
                    format!("{SERVICE_LINKED_ROLE} will be made, with iam:CreateServiceLinkedRole");
                Check::pass(LINKED_ROLE, detail)
            }
            Err(fault) => Check::not_checked(
                LINKED_ROLE,
                unanswered("the service-linked role cannot be read", &fault),
            ),
        }
    }
}
