//! Decisions: one question, answered by all policies that can apply to its action.

use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Policy, PolicyId, PolicySet, Request,
};

use crate::domain::caller::Identity;
use crate::domain::iam::policies::Access;
use crate::domain::ingress::IngressSpec;
use crate::domain::names::ClusterName;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::TargetName;

use super::action::Action;
use super::policies::{PARSED, Policies, action_uid};
use super::prepared::{Answer, Prepared};
use super::settings::Settings;
use super::{Rules, entities};

/// May this caller do this?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The caller.
    pub caller: &'a Identity,
    /// The action.
    pub action: Action,
    /// What it is about.
    pub subject: Subject<'a>,
}

/// What an action is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A scope, for `read` and for the webhooks of a project.
    Scope(&'a Scope),
    /// A target.
    Target(&'a TargetName),
    /// A cluster, for actions without settings.
    Cluster(&'a ClusterName, &'a Scope),
    /// A cluster and the settings that it would have.
    Settings(&'a Settings<'a>, &'a Scope),
    /// A rule of a security group of a cluster.
    Ingress(&'a ClusterName, &'a IngressSpec, &'a Scope),
    /// A table by its name, and the access that a role would get to it.
    Table(&'a str, Option<Access>, &'a Scope, &'a Place<'a>),
}

/// The account and Region of a table, as far as known.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The target.
    pub target: &'a TargetName,
    /// The account.
    pub account_id: Option<&'a str>,
    /// The Region.
    pub region: Option<&'a str>,
}

/// The IDs of the policies that permit something; none without policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permits(pub Vec<String>);

/// A policy that forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidingPolicy {
    /// Its ID.
    pub id: String,
    /// What its author advises.
    pub advice: Option<String>,
    /// The group whose approval lifts it.
    pub approval: Option<String>,
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// These policies forbid it; none if no policy permits it.
    Forbidden(Vec<DecidingPolicy>),
    /// Only these policies forbid it, and an approval of their groups lifts them.
    NeedsApproval(Vec<DecidingPolicy>),
    /// The evaluation failed, so nothing is permitted. The text is for the log.
    Failed(String),
}

impl Subject<'_> {
    /// The target, the project and the cluster, as far as it names them.
    pub fn place(&self) -> (&TargetName, Option<&ProjectName>, Option<&ClusterName>) {
        let (scope, cluster) = match self {
            Self::Target(target) => return (target, None, None),
            Self::Scope(scope) | Self::Table(_, _, scope, _) => (scope, None),
            Self::Cluster(name, scope) | Self::Ingress(name, _, scope) => (scope, Some(*name)),
            Self::Settings(settings, scope) => (scope, Some(&settings.spec.name)),
        };
        (&scope.target, scope.project.as_ref(), cluster)
    }

    /// The scope that it belongs to.
    fn scope(&self) -> Scope {
        let (target, project, _) = self.place();
        Scope::of(project, target)
    }
}

impl Question<'_> {
    /// What the answer for a caller depends on, if it is worth keeping.
    fn answer(&self) -> Option<Answer> {
        let about = match (self.action, self.subject) {
            (Action::Read, Subject::Scope(_)) => String::new(),
            (Action::UseTable, Subject::Table(name, access, _, place)) => {
                let of = |part: Option<&str>| part.unwrap_or_default().to_owned();
                let access = access.map_or("", Into::into);
                // Only the name, which is last, can contain a slash.
                [&of(place.account_id), &of(place.region), access, name].join("/")
            }
            _ => return None,
        };
        Some((self.action, self.subject.scope(), about))
    }
}

impl Rules {
    /// Decides a question. Returns the policies that permit it.
    pub fn decide(&self, question: &Question<'_>) -> Result<Permits, Denial> {
        let decide = || self.decide_in(question, None);
        match question.answer() {
            Some(answer) => self.kept.answer(question.caller, answer, decide),
            None => decide(),
        }
    }

    /// Decides a question, in another context than that of its subject.
    pub(super) fn decide_in(
        &self,
        question: &Question<'_>,
        context: Option<Context>,
    ) -> Result<Permits, Denial> {
        let Some(policies) = &self.policies else {
            return Ok(Permits::default());
        };
        let prepared = self.prepared(policies, question)?;
        let (request, entities) = self.request(&prepared, question, context)?;
        policies.answer_of(&prepared.policies, &request, &entities)
    }

    /// Whether the answer can depend on the number or cost of the clusters of the project.
    pub fn is_counted(&self, question: &Question<'_>) -> Result<bool, Denial> {
        match &self.policies {
            None => Ok(false),
            Some(policies) => Ok(self.prepared(policies, question)?.is_counted),
        }
    }

    /// Whether a policy that names no count of a project refuses, whatever the counts are.
    pub fn decide_uncounted(&self, question: &Question<'_>) -> Result<Permits, Denial> {
        let Some(policies) = &self.policies else {
            return Ok(Permits::default());
        };
        let prepared = self.prepared(policies, question)?;
        let (request, entities) = self.request(&prepared, question, None)?;
        match policies.answer_of(&prepared.uncounted, &request, &entities) {
            // A permit that names a count may still permit it.
            Err(Denial::Forbidden(by)) if by.is_empty() && prepared.has_counted_permit => {
                Ok(Permits::default())
            }
            answer => answer,
        }
    }

    /// Whether a policy can permit an action on a cluster, whatever the context is. Forbids do not
    /// count.
    pub fn can_permit(&self, question: &Question<'_>) -> bool {
        let Some(policies) = &self.policies else {
            return true;
        };
        let Ok(prepared) = self.prepared(policies, question) else {
            return false;
        };
        let permits = prepared.policies.policies();
        let permits = permits.filter(|policy| policy.effect() == Effect::Permit);
        let permits: Vec<Policy> = permits.cloned().collect();
        if permits.iter().any(Policy::has_non_scope_constraint) {
            return true;
        }
        let request = entities::subject(&question.subject).and_then(|(resource, _, others)| {
            let (caller, action) = (prepared.caller.clone(), action_uid(question.action));
            // Without the schema: the context of the action is not known.
            let request = Request::new(caller, action, resource, Context::empty(), None);
            let entities = entities::with(&prepared.entities, others)?;
            let permits = PolicySet::from_policies(permits).map_err(|error| error.to_string())?;
            let request = request.map_err(|error| error.to_string())?;
            Ok(Authorizer::new().is_authorized(&request, &permits, &entities))
        });
        request.is_ok_and(|response| response.decision() == Decision::Allow)
    }

    /// What the question shares with others.
    pub(super) fn prepared(
        &self,
        policies: &Policies,
        question: &Question<'_>,
    ) -> Result<Arc<Prepared>, Denial> {
        let (caller, action, scope) = (question.caller, question.action, question.subject.scope());
        let make = || Prepared::new(self, policies, caller, action, &scope);
        let prepared = self.kept.prepared(caller, action, &scope, make);
        prepared.map_err(Denial::Failed)
    }

    /// The question in Cedar's form.
    pub(super) fn request(
        &self,
        prepared: &Prepared,
        question: &Question<'_>,
        other_context: Option<Context>,
    ) -> Result<(Request, Entities), Denial> {
        let request = || {
            let (resource, context, others) = entities::subject(&question.subject)?;
            let context = other_context.unwrap_or(context);
            let (caller, action) = (prepared.caller.clone(), action_uid(question.action));
            let request = Request::new(caller, action, resource, context, PARSED.checks());
            let entities = entities::with(&prepared.entities, others)?;
            Ok((request.map_err(|error| error.to_string())?, entities))
        };
        request().map_err(Denial::Failed)
    }
}

impl Policies {
    /// The answer of these policies.
    pub(super) fn answer_of(
        &self,
        about: &PolicySet,
        request: &Request,
        entities: &Entities,
    ) -> Result<Permits, Denial> {
        let response = Authorizer::new().is_authorized(request, about, entities);
        let errors = response.diagnostics().errors();
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        if !errors.is_empty() && !crate::sabotage::is("failed_policy_ignored") {
            return Err(Denial::Failed(errors.join("; ")));
        }
        let text = |id: &PolicyId| AsRef::<str>::as_ref(id).to_owned();
        if response.decision() == Decision::Allow {
            return Ok(Permits(response.diagnostics().reason().map(text).collect()));
        }
        let forbids = |id: &&PolicyId| {
            let policy = about.policy(id);
            policy.is_some_and(|policy| policy.effect() == Effect::Forbid)
        };
        let deciding = |id: &PolicyId| DecidingPolicy {
            id: text(id),
            advice: self.advice(id).map(str::to_owned),
            approval: about.policy(id).and_then(approval_of),
        };
        let reason = response.diagnostics().reason().filter(forbids);
        let mut forbidding: Vec<DecidingPolicy> = reason.map(deciding).collect();
        forbidding.sort_by(|a, b| a.id.cmp(&b.id));
        if forbidding.is_empty() || forbidding.iter().any(|policy| policy.approval.is_none()) {
            return Err(Denial::Forbidden(forbidding));
        }
        let others = about
            .policies()
            .filter(|policy| approval_of(policy).is_none());
        let others = PolicySet::from_policies(others.cloned());
        let others = others.map_err(|error| Denial::Failed(error.to_string()))?;
        self.answer_of(&others, request, entities)?;
        Err(Denial::NeedsApproval(forbidding))
    }
}

/// The group of an `@approval`.
fn approval_of(policy: &Policy) -> Option<String> {
    policy.annotation("approval").map(str::to_owned)
}
