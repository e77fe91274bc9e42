//! What a decision needs and the request does not change: for a caller, an action and a scope, the
//! entities and the policies whose head can match. It is kept until the rules change.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{
    Effect, Entities, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint,
};

use crate::domain::caller::Identity;
use crate::domain::project::Scope;

use super::Rules;
use super::action::Action;
use super::decision::{Denial, Permits};
use super::entities;
use super::policies::{Policies, uid};

/// How many are kept. Then all are dropped: they are made again in microseconds.
const KEPT_MAX: usize = 4_096;

/// What is the same for all requests of a caller for an action in a scope.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) caller: EntityUid,
    /// The action, the caller with its groups and projects, the project and the target of the scope.
    pub(super) entities: Entities,
    /// The policies that can apply.
    pub(super) policies: PolicySet,
    /// Those of them that name no count of a project.
    pub(super) uncounted: PolicySet,
    /// Whether one of them names a count.
    pub(super) is_counted: bool,
    /// Whether one of them names a count and permits.
    pub(super) has_counted_permit: bool,
}

impl Prepared {
    pub(super) fn new(
        rules: &Rules,
        policies: &Policies,
        identity: &Identity,
        action: Action,
        scope: &Scope,
    ) -> Result<Self, String> {
        let mut others = entities::of_scope(rules, scope)?;
        let scope_entities: Vec<EntityUid> = others.iter().map(|entity| entity.uid()).collect();
        let caller = entities::caller(rules, identity, &mut others)?;
        let groups = identity.groups.iter().map(|group| uid("Group", group));
        let projects = identity.projects.iter().map(entities::project_uid);
        let caller_entities: Vec<EntityUid> =
            groups.chain(projects).chain([caller.clone()]).collect();
        let applies = |policy: &&Policy| {
            principal_can_match(policy, &caller_entities)
                && resource_can_match(policy, &scope_entities)
        };
        let applying = policies.about(action).filter(applies);
        let (counted, uncounted): (Vec<&Policy>, Vec<&Policy>) =
            applying.partition(|policy| policies.is_counted(policy));
        let set = |policies: &[&Policy]| {
            let set = PolicySet::from_policies(policies.iter().copied().cloned());
            set.map_err(|error| error.to_string())
        };
        Ok(Self {
            caller,
            entities: entities::checked(action, others)?,
            policies: set(&[counted.as_slice(), uncounted.as_slice()].concat())?,
            uncounted: set(&uncounted)?,
            is_counted: !counted.is_empty(),
            has_counted_permit: counted
                .iter()
                .any(|policy| policy.effect() == Effect::Permit),
        })
    }
}

/// Whether the head of a policy can match a caller that is, or is in, one of these.
fn principal_can_match(policy: &Policy, caller: &[EntityUid]) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
        PrincipalConstraint::Eq(named)
        | PrincipalConstraint::In(named)
        | PrincipalConstraint::IsIn(_, named) => caller.contains(&named),
    }
}

/// Whether the head of a policy can match what belongs to a project and a target. One that names a
/// cluster or a table can.
fn resource_can_match(policy: &Policy, scope: &[EntityUid]) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => true,
        ResourceConstraint::Eq(named)
        | ResourceConstraint::In(named)
        | ResourceConstraint::IsIn(_, named) => {
            let is_of_scope = ["Project", "Target"].contains(&named.type_name().basename());
            !is_of_scope || scope.contains(&named)
        }
    }
}

/// What an answer is about: an action in a scope, and the table with its place and access.
pub(super) type Answer = (Action, Scope, String);

/// What is kept of a caller.
#[derive(Debug, Default)]
struct OfCaller {
    answers: HashMap<Answer, Result<Permits, Denial>>,
    prepared: HashMap<(Action, Scope), Arc<Prepared>>,
}

/// Everything that is kept, for one version of the rules: a copy of the rules begins without any.
#[derive(Default)]
pub struct Kept(Mutex<(usize, HashMap<Identity, OfCaller>)>);

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Kept {
    /// Whether a caller may read a scope, or let a role reach a table. An answer that failed is not kept.
    pub(super) fn answer(
        &self,
        caller: &Identity,
        about: Answer,
        decide: impl FnOnce() -> Result<Permits, Denial>,
    ) -> Result<Permits, Denial> {
        if let Some(answer) = self.find(caller, |kept| kept.answers.get(&about).cloned()) {
            return answer;
        }
        let answer = decide();
        if !matches!(answer, Err(Denial::Failed(_))) {
            self.keep(caller, |kept| {
                kept.answers.insert(about, answer.clone());
            });
        }
        answer
    }

    /// What a decision needs.
    pub(super) fn prepared(
        &self,
        caller: &Identity,
        action: Action,
        scope: &Scope,
        make: impl FnOnce() -> Result<Prepared, String>,
    ) -> Result<Arc<Prepared>, String> {
        let key = (action, scope.clone());
        if let Some(prepared) = self.find(caller, |kept| kept.prepared.get(&key).cloned()) {
            return Ok(prepared);
        }
        let prepared = Arc::new(make()?);
        self.keep(caller, |kept| {
            kept.prepared.insert(key, Arc::clone(&prepared));
        });
        Ok(prepared)
    }

    fn find<T>(&self, caller: &Identity, pick: impl FnOnce(&OfCaller) -> Option<T>) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pick(kept.1.get(caller)?)
    }

    fn keep(&self, caller: &Identity, insert: impl FnOnce(&mut OfCaller)) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 >= KEPT_MAX {
            *kept = Default::default();
        }
        kept.0 += 1;
        insert(kept.1.entry(caller.clone()).or_default());
    }
}
