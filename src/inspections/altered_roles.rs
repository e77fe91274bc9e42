//! The roles under the IAM path of this service that differ from the roles that it creates.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Inspector;
use crate::aws::Role;
use crate::domain::iam::alteration::{Alteration, FoundBoundary, alteration};
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG};
use crate::domain::problems::fault::Fault;

/// Pause before each read of a role, which leaves most of the budget of IAM calls to operations.
const GET_ROLE_PAUSE: Duration = Duration::from_millis(100);
/// Reads without a pause: fewer than the burst of that budget.
const READS_WITHOUT_PAUSE: usize = 8;

/// What is compared with the roles.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedRoles<'a> {
    /// This installation; `None` if it is unknown. Another has a boundary of its own.
    pub installation: Option<Uuid>,
    /// ARN of the configured permissions boundary. Without one, boundaries are not read.
    pub boundary: Option<&'a str>,
    /// ARNs of the boundaries of other targets of the account: IAM knows no Region.
    pub other_boundaries: &'a [String],
}

/// A role that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredRole {
    /// The name of the role.
    pub name: String,
    /// The ARN of the role.
    pub arn: String,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// How it differs.
    pub alteration: Alteration,
}

/// The result for all roles under the path.
#[derive(Debug, Default)]
pub struct RoleReview {
    /// The roles that differ.
    pub altered: Vec<AlteredRole>,
    /// Number of roles under the path.
    pub total: usize,
    /// Number of roles whose boundary could not be read.
    pub unread: usize,
}

impl Inspector {
    /// Compares every role under the IAM path of this service with the roles that it creates. IAM
    /// cannot limit the trust policy of a new role, so only a look at the roles finds another one.
    pub async fn review_roles(&self, expected: ExpectedRoles<'_>) -> Result<RoleReview, Fault> {
        let mut review = RoleReview::default();
        for role in self.aws.roles(IAM_PATH).await? {
            let full = match expected.boundary {
                None => None,
                Some(_) => {
                    if review.total >= READS_WITHOUT_PAUSE {
                        tokio::time::sleep(GET_ROLE_PAUSE).await;
                    }
                    match self.aws.role(&role.name, &role.arn).await {
                        Ok(Some(full)) => Some(full),
                        // Deleted since it was listed.
                        Ok(None) => continue,
                        Err(fault) => {
                            tracing::debug!(
                                role.name = role.name,
                                detail = fault.detail,
                                "could not read the boundary of a role"
                            );
                            review.unread += 1;
                            None
                        }
                    }
                }
            };
            let found = full.as_ref().map_or(FoundBoundary::Unread, |full| {
                found_boundary(full, expected.installation)
            });
            review.total += 1;
            let boundary = full
                .as_ref()
                .and_then(|full| full.permissions_boundary.as_ref())
                .filter(|found| expected.other_boundaries.contains(found))
                .map_or(expected.boundary, |other| Some(other));
            if let Some(alteration) = alteration(&role.trust_policy, found, boundary) {
                review.altered.push(AlteredRole {
                    name: role.name,
                    arn: role.arn,
                    created_at: role.created_at,
                    alteration,
                });
            }
        }
        Ok(review)
    }
}

fn found_boundary(role: &Role, installation: Option<Uuid>) -> FoundBoundary<'_> {
    let boundary = role.permissions_boundary.as_deref();
    let is_other = role
        .tags
        .get(INSTALLATION_TAG)
        .is_some_and(|creator| installation.is_none_or(|own| *creator != own.to_string()));
    if is_other {
        FoundBoundary::OfOtherInstallation(boundary)
    } else {
        FoundBoundary::Read(boundary)
    }
}
