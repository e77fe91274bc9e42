//! Permits for requests that read from AWS: a limit on concurrency, so that no caller exhausts the
//! account's rate limits.

use std::time::Duration;

use crate::domain::inventory::{Presence, ResourceKind};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::load;
use crate::api::http::shares::Share;
use crate::api::targets::TargetApi;

/// Maximum number of requests that read from AWS concurrently.
pub(crate) const AWS_PERMITS_MAX: usize = 8;
/// How long a request waits for a permit.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(3);
/// `Retry-After` while all permits are taken.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl TargetApi {
    /// A permit to read from AWS; the handler holds it until its last call.
    pub(crate) async fn aws_permit(&self, caller: &Caller) -> Result<Share, ApiError> {
        let busy = || {
            let error = ApiError::new(
                ProblemCode::TooManyRequests,
                "too many concurrent requests to AWS; retry later",
            );
            error.with_retry_after(RETRY_AFTER)
        };
        load::leave();
        let permit = self
            .target
            .aws_reads
            .0
            .acquire(caller, PERMIT_TIMEOUT)
            .await;
        permit.ok_or_else(busy)
    }

    /// Rejects named groups that this service created for another managed cluster: their use would
    /// block the deletion of that cluster.
    pub(crate) async fn reject_managed_groups(
        &self,
        named: &[(&str, ResourceKind, Option<&str>)],
    ) -> Result<(), ApiError> {
        let names: Vec<String> = named
            .iter()
            .filter_map(|(_, _, name)| name.map(str::to_owned))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let evidence = self.store.evidence(&names).await?;
        let is_managed = |kind: ResourceKind, name: &str| {
            evidence.iter().any(|one| {
                one.kind == kind
                    && one.name == name
                    && one.presence == Some(Presence::Present)
                    && one.cluster_kept
            })
        };
        let rule = || {
            RuleViolation::new(
                "managed_group",
                "was created for one cluster and cannot be shared; use another group",
            )
        };
        let errors: Vec<FieldError> = named
            .iter()
            .filter(|(_, kind, name)| name.is_some_and(|name| is_managed(*kind, name)))
            .map(|(pointer, _, _)| FieldError::at(*pointer, rule()))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(errors).into())
        }
    }
}
