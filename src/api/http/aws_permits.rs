//! Asking: reads of AWS on behalf of requests, a few at a time, so that no caller uses up the account's rate limits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::domain::inventory::{Presence, ResourceKind};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use super::problem::{FieldError, Problem};
use crate::api::Api;
use crate::api::http::api_error::ApiError;

/// Most requests that ask AWS at the same time.
pub(crate) const ASKING_MAX: usize = 8;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(3);
/// When to come back while too many ask.
const COME_BACK: Duration = Duration::from_secs(5);

impl Api {
    /// Leave to ask AWS; held while it is asked.
    pub(crate) async fn aws_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy = || {
            let refusal = ApiError::new(
                ProblemCode::TooManyRequests,
                "too many requests ask AWS right now",
            );
            refusal.come_back_in(COME_BACK)
        };
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.asking).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(busy)
    }

    /// Refuses groups by name that were made for a cluster which is managed here: a group in use holds up the delete of
    /// the cluster it was made for.
    pub(crate) async fn refuse_groups_of_others(
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
        let is_made = |kind: ResourceKind, name: &str| {
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
                "was made for a cluster that is managed here, and serves it alone",
            )
        };
        let errors: Vec<FieldError> = named
            .iter()
            .filter(|(_, kind, name)| name.is_some_and(|name| is_made(*kind, name)))
            .map(|(pointer, _, _)| FieldError::at(*pointer, rule()))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(errors).into())
        }
    }
}
