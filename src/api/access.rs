//! Access: the API for one caller. It finds nothing that the caller may not read, and decides what
//! the caller may do.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::authorization::{Action, DecidingPolicy, Denial, Question, Rules, Subject};
use crate::domain::caller::Identity;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::{ProjectName, Scope, Scopes};
use crate::domain::target::TargetName;

use crate::store::{Actor, Store, StoreError};

use super::Api;
use super::audit::recording::{actor_of, note_policies};
use super::http::api_error::ApiError;
use super::http::authentication::Caller;
use super::http::problem::{ForbiddingPolicy, Problem};

/// How long the names of projects are used before they are read again. A project of another process
/// is missing in lists for so long, for callers who may not read everything.
const PROJECTS_KEPT: Duration = Duration::from_secs(1);

/// The names of projects that clusters have, as last read.
#[derive(Debug, Default)]
pub(crate) struct KnownProjects(Mutex<(Option<Instant>, Arc<BTreeSet<ProjectName>>)>);

impl KnownProjects {
    fn latest(&self) -> (bool, Arc<BTreeSet<ProjectName>>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = known.0.is_some_and(|at| at.elapsed() < PROJECTS_KEPT);
        (is_recent, Arc::clone(&known.1))
    }

    fn set(&self, projects: Arc<BTreeSet<ProjectName>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = (Some(Instant::now()), projects);
    }

    /// The next reader reads the names again.
    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = None;
    }
}

/// The API for the caller of a request.
#[derive(Clone)]
pub(crate) struct CallerApi {
    api: Api,
    /// Access to the database, which records what the caller writes.
    pub(crate) store: Store,
    /// What audit records say of the request.
    pub(crate) actor: Arc<Actor>,
    /// The caller.
    pub(crate) caller: Caller,
    /// The rules of this moment.
    pub(crate) rules: Arc<Rules>,
}

impl Deref for CallerApi {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl FromRequestParts<Api> for CallerApi {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let rules = Arc::clone(&api.rules.borrow());
        let actor = actor_of(parts)?;
        actor.note_organisation(rules.hash.as_deref());
        Ok(Self {
            store: api.store.acting(Arc::clone(&actor)),
            actor,
            api: api.clone(),
            caller,
            rules,
        })
    }
}

impl CallerApi {
    /// The same API as another caller would have it.
    pub(crate) fn seen_by(&self, identity: Identity) -> Self {
        Self {
            caller: Caller::from(identity),
            ..self.clone()
        }
    }

    /// Takes the rules of this moment.
    pub(crate) fn take_new_rules(&mut self) {
        self.rules = Arc::clone(&self.api.rules.borrow());
        self.actor.note_organisation(self.rules.hash.as_deref());
    }

    /// Whether the caller may read a scope.
    pub(crate) fn may_read(&self, scope: &Scope) -> bool {
        // A request can wait for a minute: the rules of this moment count.
        self.api.rules.borrow().may_read(&self.caller, scope)
    }

    /// Whether the caller may read a scope of the target.
    pub(crate) fn reaches(&self, target: &TargetName) -> bool {
        self.rules.may_reach(&self.caller, target)
    }

    /// The scopes that lists are limited to; `None` for no limit.
    pub(crate) async fn scopes(&self) -> Result<Option<Vec<Scope>>, StoreError> {
        if self.rules.permit_everything() {
            return Ok(None);
        }
        let (is_recent, mut known) = self.known_projects.latest();
        if !is_recent {
            known = Arc::new(self.store.projects().await?);
            self.known_projects.set(Arc::clone(&known));
        }
        let targets: Vec<TargetName> = self.targets.borrow().keys().cloned().collect();
        match self.rules.readable(&self.caller, &targets, &known) {
            Scopes::All => Ok(None),
            Scopes::Only(scopes) => Ok(Some(scopes.into_iter().collect())),
        }
    }

    /// Lists of this process show a new project at once.
    pub(crate) fn note_project(&self, project: Option<&ProjectName>) {
        if project.is_some_and(|project| !self.known_projects.latest().1.contains(project)) {
            self.known_projects.forget();
        }
    }

    /// Whether the rules permit an action.
    pub(crate) fn decided(&self, action: Action, subject: Subject<'_>) -> Result<(), Denial> {
        self.note_subject(&subject);
        let decided = self.rules.decide(&Question {
            caller: &self.caller,
            action,
            subject,
        });
        if action != Action::Read {
            note_policies(&self.actor, &decided);
        }
        decided.map(|_| ())
    }

    /// Notes for audit records what a decision is about.
    pub(crate) fn note_subject(&self, subject: &Subject<'_>) {
        let (target, project, cluster) = subject.place();
        self.actor.note_subject(Some(target), project, cluster);
    }

    /// Rejects a request that the rules do not permit.
    pub(crate) fn decide(&self, action: Action, subject: Subject<'_>) -> Result<(), ApiError> {
        self.decided(action, subject)
            .map_err(|denial| self.denied(action, denial))
    }

    /// Rejects an action that the rules do not permit for every target.
    pub(crate) fn decide_everywhere(&self, action: Action) -> Result<(), ApiError> {
        let targets: Vec<TargetName> = self.targets.borrow().keys().cloned().collect();
        if targets.is_empty() && !self.rules.permit_everything() {
            let detail = "no target is known yet";
            return Err(ApiError::new(ProblemCode::Unavailable, detail));
        }
        let decide = |target| self.decide(action, Subject::Target(target));
        targets.iter().try_for_each(decide)
    }

    /// The response to a request that the rules do not permit.
    pub(crate) fn denied(&self, action: Action, denial: Denial) -> ApiError {
        let name = action.as_str();
        if let Denial::Forbidden(policies) | Denial::NeedsApproval(policies) = &denial {
            let ids = policies.iter().map(|policy| policy.id.clone());
            self.actor.note_forbids(ids);
        }
        match denial {
            Denial::Failed(error) => {
                tracing::error!(action = name, error, "a decision failed, so it is denied");
                metrics::counter!("dax_provisioner_decisions_failed_total").increment(1);
                let detail = "the policies of the organisation could not be evaluated; an operator \
                    finds the reason in the service log";
                ApiError::new(ProblemCode::Internal, detail)
            }
            Denial::Forbidden(policies) if policies.is_empty() => {
                let groups = match self.caller.groups.as_slice() {
                    [] => "you are in no group".to_owned(),
                    groups => format!("your groups are {}", groups.join(", ")),
                };
                let detail = format!("no policy permits {name} here; {groups}");
                ApiError::new(ProblemCode::Forbidden, detail)
            }
            // What is no operation of its own cannot wait for an approval.
            Denial::Forbidden(policies) | Denial::NeedsApproval(policies) => {
                let ids: Vec<&str> = policies.iter().map(|policy| policy.id.as_str()).collect();
                let detail = format!("{name} is forbidden by {}; see `policies`", ids.join(", "));
                let mut problem = Problem::new(ProblemCode::Forbidden, detail);
                problem.policies = policies.into_iter().map(ForbiddingPolicy::from).collect();
                problem.into()
            }
        }
    }
}

impl From<DecidingPolicy> for ForbiddingPolicy {
    fn from(policy: DecidingPolicy) -> Self {
        Self {
            id: policy.id,
            advice: policy.advice,
        }
    }
}
