//! The targets of the API: the one that a request is about, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::watch;
use utoipa::IntoParams;

use crate::authorization::{Action, Denial, Place, Subject};
use crate::domain::caller::Identity;
use crate::domain::iam::policies::Access;
use crate::domain::installation::AwsAccount;
use crate::domain::names::ClusterName;
use crate::domain::problems::fault::Fault;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::{TargetName, TargetStatus};
use crate::inspections::{Inspector, has_lookups};
use crate::store::Store;

use super::Api;
use super::access::CallerApi;
use super::http::api_error::ApiError;
use super::http::aws_permits::AWS_PERMITS_MAX;
use super::http::query::{Parameters, by_rule};
use super::http::shares::Shares;
use super::permissions::problem_renderer::ProblemRenderer;

/// How long a request waits until the AWS account of its target is known.
const ACCOUNT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// A target, as far as requests use it.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// Reads from its account and Region; it changes nothing there. `None` if the organisation no
    /// longer has the target.
    pub inspector: Option<Inspector>,
    /// Account and Region; `None` until the database or AWS has returned them.
    pub account: watch::Receiver<Option<AwsAccount>>,
    /// Whether operations in it can run.
    pub status: watch::Receiver<TargetStatus>,
    /// Access of a new service role to all tables, where a request names no role and none is
    /// discovered.
    pub default_access: Option<Access>,
    /// ARN of the permissions boundary of managed roles; policies in hints require it.
    pub permissions_boundary: Option<String>,
    /// ARNs of the boundaries of other targets of the account.
    pub other_boundaries: Vec<String>,
    /// Permits for requests that read from AWS.
    pub aws_reads: AwsReads,
}

/// The permits for requests that read from the AWS of one target.
#[derive(Debug)]
pub struct AwsReads(pub(crate) Shares);

impl Default for AwsReads {
    fn default() -> Self {
        Self(Shares::new(AWS_PERMITS_MAX))
    }
}

/// Every target of the installation, also those that the organisation no longer has.
pub type Targets = BTreeMap<TargetName, Arc<Target>>;

/// The target of a request about clusters.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InTarget {
    /// The target, an AWS account and Region of the installation. Reads default to `default`. With
    /// more than one target, every change must name it.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$", example = "default")]
    #[serde(default, deserialize_with = "target_name")]
    pub(crate) target: Option<TargetName>,
}

pub(crate) fn target_name<'de, D: Deserializer<'de>>(
    text: D,
) -> Result<Option<TargetName>, D::Error> {
    by_rule(text, TargetName::parse)
}

pub(crate) fn project_name<'de, D: Deserializer<'de>>(
    text: D,
) -> Result<Option<ProjectName>, D::Error> {
    by_rule(text, ProjectName::parse)
}

/// The target of a request and its other query parameters.
pub(crate) struct InTargetWith<T>(pub(crate) InTarget, pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for InTargetWith<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut parameters = Parameters::of(parts)?;
        let (target, query) = (parameters.read(), parameters.read());
        parameters.finish().map(|()| Self(target, query))
    }
}

/// The API for one target: what a handler uses after it knows the target of its request.
#[derive(Clone)]
pub(crate) struct TargetApi {
    api: CallerApi,
    /// Access to the rows of the target.
    pub(crate) store: Store,
    /// The target.
    pub(crate) target: Arc<Target>,
}

impl Deref for TargetApi {
    type Target = CallerApi;

    fn deref(&self) -> &CallerApi {
        &self.api
    }
}

impl CallerApi {
    fn in_target(&self, target: Arc<Target>) -> TargetApi {
        TargetApi {
            store: self.store.of_target(&target.name),
            api: self.clone(),
            target,
        }
    }

    /// The target that a read is about: the named one, else the only one, else `default`.
    pub(crate) fn to_read(&self, name: Option<&TargetName>) -> Result<TargetApi, ApiError> {
        let fallback = TargetName::default();
        let is_known = self.targets.borrow().contains_key(&fallback) && self.reaches(&fallback);
        self.resolve(name.or(is_known.then_some(&fallback)))
    }

    /// The target that a change is about: the named one, or the only one.
    pub(crate) fn to_change(&self, name: Option<&TargetName>) -> Result<TargetApi, ApiError> {
        self.resolve(name)
    }

    /// The target whose AWS a read is about. Fails if the target cannot be used.
    pub(crate) fn to_inspect(&self, name: Option<&TargetName>) -> Result<TargetApi, ApiError> {
        self.to_read(name)?.usable()
    }

    fn resolve(&self, name: Option<&TargetName>) -> Result<TargetApi, ApiError> {
        let target = match name {
            Some(name) => {
                let found = self.targets.borrow().get(name).map(Arc::clone);
                // One that the caller may not read at all does not exist for them.
                let found = found.filter(|_| self.reaches(name));
                found.ok_or_else(|| self.unknown_target(name))?
            }
            None => self.only_target()?,
        };
        Ok(self.in_target(target))
    }

    /// The targets that the caller may read.
    pub(crate) fn visible_targets(&self) -> Vec<Arc<Target>> {
        let targets = self.targets.borrow();
        let visible = targets.iter().filter(|(name, _)| self.reaches(name));
        visible.map(|(_, target)| Arc::clone(target)).collect()
    }

    fn only_target(&self) -> Result<Arc<Target>, ApiError> {
        let mut visible = self.visible_targets();
        match (visible.len(), self.targets.borrow().is_empty()) {
            (1, _) => Ok(visible.remove(0)),
            (0, true) => Err(unknown_account()),
            (0, false) => {
                let detail = "you may read no target; ask for a group, or for a project";
                Err(ApiError::new(ProblemCode::Forbidden, detail))
            }
            _ => {
                let detail = format!("name the target in `target`: one of {}", names(&visible));
                Err(ApiError::new(ProblemCode::TargetRequired, detail))
            }
        }
    }

    fn unknown_target(&self, name: &TargetName) -> ApiError {
        let (name, visible) = (name.as_str(), self.visible_targets());
        let detail = match visible.as_slice() {
            [] => format!("there is no target {name:?} that you may read"),
            visible => format!("there is no target {name:?}; use one of {}", names(visible)),
        };
        ApiError::new(ProblemCode::UnknownTarget, detail)
    }

    /// The API for a target that the caller may read.
    pub(crate) fn reachable(&self, target: &TargetName) -> Option<TargetApi> {
        let found = self.targets.borrow().get(target).map(Arc::clone);
        let found = found.filter(|_| self.reaches(target));
        found.map(|target| self.in_target(target))
    }

    /// The API for the target of a row that the caller may read.
    pub(crate) fn of_row(&self, target: &TargetName) -> Result<TargetApi, ApiError> {
        let found = self.targets.borrow().get(target).map(Arc::clone);
        found
            .map(|target| self.in_target(target))
            .ok_or_else(unknown_account)
    }
}

impl Api {
    /// Fails until the account of some target is known.
    pub(crate) fn check_targets(&self) -> Result<(), ApiError> {
        let targets = self.targets.borrow();
        let is_known = targets
            .values()
            .any(|target| target.account.borrow().is_some());
        is_known.then_some(()).ok_or_else(unknown_account)
    }
}

fn names(targets: &[Arc<Target>]) -> String {
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    names.join(", ")
}

fn unknown_account() -> ApiError {
    ApiError::new(ProblemCode::Unavailable, "the AWS account is not known yet")
}

impl TargetApi {
    /// Fails if an operator must act before the target can be used: there is nothing to wait for.
    pub(crate) fn usable(self) -> Result<Self, ApiError> {
        let status = self.target.status.borrow().clone();
        match status {
            TargetStatus::Ready | TargetStatus::Unreachable(_) => Ok(self),
            TargetStatus::Misconfigured(_) | TargetStatus::Removed => Err(self.unavailable()),
        }
    }

    fn unavailable(&self) -> ApiError {
        let status = self.target.status.borrow();
        let reason = status.reason().unwrap_or("it is not used");
        let name = self.target.name.as_str();
        let detail = format!("target {name:?} cannot be used: {reason}");
        ApiError::new(ProblemCode::TargetUnavailable, detail)
    }

    /// The same as another caller would have it.
    pub(crate) fn seen_by(&self, identity: Identity) -> Self {
        Self {
            api: self.api.seen_by(identity),
            ..self.clone()
        }
    }

    /// The target with its account, for decisions.
    pub(crate) fn place<'a>(&'a self, account: &'a AwsAccount) -> Place<'a> {
        Place {
            target: &self.target.name,
            account_id: Some(&account.account_id),
            region: Some(&account.region),
        }
    }

    /// Rejects a request for a project of the target that the caller may not read: before anything
    /// else, so that no other answer says something of the project.
    pub(crate) fn check_readable(&self, project: Option<&ProjectName>) -> Result<(), ApiError> {
        let scope = Scope::of(project, &self.target.name);
        self.decide(Action::Read, Subject::Scope(&scope))
    }

    /// Whether the rules permit an action on the target.
    pub(crate) fn decided_target(&self, action: Action) -> Result<(), Denial> {
        self.decided(action, Subject::Target(&self.target.name))
    }

    /// Rejects an action on the target that the rules do not permit.
    pub(crate) fn decide_target(&self, action: Action) -> Result<(), ApiError> {
        self.decided_target(action)
            .map_err(|denial| self.denied(action, denial))
    }

    /// Which of these clusters the caller may read: what belongs to another one is left out of lists.
    pub(crate) async fn hidden_clusters(
        &self,
        named: impl Iterator<Item = &ClusterName>,
    ) -> Result<BTreeSet<ClusterName>, ApiError> {
        if self.scopes().await?.is_none() {
            return Ok(BTreeSet::new());
        }
        let names: BTreeSet<&ClusterName> = named.collect();
        let names: Vec<String> = names.into_iter().map(ClusterName::to_string).collect();
        let found = self.store.scopes_of_clusters(&names).await?;
        // One without a row is of an earlier time: only who may read everything sees it.
        let visible = found.into_iter().filter(|(_, scope)| self.may_read(scope));
        let visible: BTreeSet<String> = visible.map(|(name, _)| name).collect();
        let hidden = names.iter().filter(|name| !visible.contains(*name));
        Ok(hidden
            .filter_map(|name| ClusterName::parse(name).ok())
            .collect())
    }

    /// Reads from the account and Region of the target.
    pub(crate) fn inspector(&self) -> Result<&Inspector, ApiError> {
        self.target
            .inspector
            .as_ref()
            .ok_or_else(|| self.unavailable())
    }

    /// The account and Region, or a retryable error.
    pub(crate) fn account(&self) -> Result<AwsAccount, ApiError> {
        self.target
            .account
            .borrow()
            .clone()
            .ok_or_else(unknown_account)
    }

    /// The account and Region, after a short wait: a server that has just started still reads them.
    pub(crate) async fn account_soon(&self) -> Result<AwsAccount, ApiError> {
        let mut account = self.target.account.clone();
        // After a timeout or a closed channel, `account` returns the error.
        let _ = tokio::time::timeout(ACCOUNT_TIMEOUT, account.wait_for(Option::is_some)).await;
        self.account()
    }

    /// The error response for a failed AWS call that a request depends on.
    pub(crate) fn error_of(&self, fault: &Fault) -> ApiError {
        let account = self.target.account.borrow().clone();
        self.problem_renderer(account.as_ref())
            .problem_of(fault)
            .into()
    }

    pub(crate) fn problem_renderer<'a>(
        &'a self,
        account: Option<&'a AwsAccount>,
    ) -> ProblemRenderer<'a> {
        ProblemRenderer {
            account,
            permissions_boundary: self.target.permissions_boundary.as_deref(),
            lookups: has_lookups(),
        }
    }
}
