//! Authorization: what a caller may do, decided by Cedar policies. It depends on `domain` only.
//!
//! It fails closed: policies are validated strictly against `schema.cedarschema`, requests and
//! entities are built against it, and an error during an evaluation denies, because Cedar itself
//! ignores a policy that errors, a `forbid` as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::caller::Identity;
use crate::domain::prices::Prices;
use crate::domain::project::{ProjectName, Scope, Scopes};
use crate::domain::target::TargetName;

mod action;
mod decision;
mod entities;
mod example;
mod policies;
mod prepared;
mod settings;
#[cfg(test)]
mod tests;

pub use action::{Action, Right, right_of};
pub use decision::{DecidingPolicy, Denial, Permits, Place, Question, Subject};
pub use example::Example;
pub use policies::{Policies, PolicyFault};
pub use prepared::Kept;
pub use settings::{Settings, changed_fields};

/// The schema, as `organisation schema` prints it.
pub const SCHEMA: &str = include_str!("schema.cedarschema");
/// The policies of a directory that has none of its own.
pub const BUILT_IN: &str = include_str!("built_in.cedar");

/// What governs an installation. The default permits everything: an installation without a
/// directory.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Hash of the directory; `None` without one.
    pub hash: Option<String>,
    /// Whether the policies are those of the directory, not the built-in ones.
    pub has_own_policies: bool,
    /// The policies; `None` permits everything.
    pub policies: Option<Policies>,
    /// The targets of the directory.
    pub targets: BTreeMap<TargetName, TargetPlace>,
    /// The projects of the directory. Others can exist as well.
    pub projects: BTreeMap<ProjectName, ProjectRules>,
    /// The price list.
    pub prices: Prices,
    /// What decisions have in common. A copy of the rules begins without any.
    pub kept: Kept,
}

/// The account and Region of a target, as the directory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlace {
    /// The account, if the directory names it.
    pub account_id: Option<String>,
    /// The Region.
    pub region: String,
}

/// What the directory says of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectRules {
    /// ARNs of existing roles that the callers of the project may use.
    pub service_roles: Vec<String>,
}

impl Rules {
    /// Whether everything is permitted.
    pub fn permit_everything(&self) -> bool {
        self.policies.is_none()
    }

    /// Whether the caller may read a scope.
    pub fn may_read(&self, caller: &Identity, scope: &Scope) -> bool {
        let question = Question {
            caller,
            action: Action::Read,
            subject: Subject::Scope(scope),
        };
        self.decide(&question).is_ok()
    }

    /// Whether the caller may read a scope of the target, also of a project that does not exist yet.
    pub fn may_reach(&self, caller: &Identity, target: &TargetName) -> bool {
        let Some(policies) = &self.policies else {
            return true;
        };
        let unnamed = ProjectName::unnamed();
        let named = self.named(caller, policies);
        let projects = named.into_iter().chain([&unnamed]).map(Some);
        projects
            .chain([None])
            .any(|project| self.may_read(caller, &Scope::of(project, target)))
    }

    /// The scopes that the caller may read, of these targets and projects.
    ///
    /// Policies cannot tell projects apart that neither they, nor the directory, nor the caller name:
    /// one that no one names stands for all of these, also for those that do not exist yet.
    pub fn readable(
        &self,
        caller: &Identity,
        targets: &[TargetName],
        known: &BTreeSet<ProjectName>,
    ) -> Scopes {
        let Some(policies) = &self.policies else {
            return Scopes::All;
        };
        let named = self.named(caller, policies);
        let unnamed = ProjectName::unnamed();
        let others = known.iter().filter(|project| !named.contains(project));
        let others: Vec<&ProjectName> = others.collect();
        let (mut readable, mut are_all) = (BTreeSet::new(), true);
        for target in targets {
            for project in named.iter().copied().map(Some).chain([None]) {
                let scope = Scope::of(project, target);
                if self.may_read(caller, &scope) {
                    readable.insert(scope);
                } else {
                    are_all = false;
                }
            }
            if self.may_read(caller, &Scope::of(Some(&unnamed), target)) {
                readable.extend(
                    others
                        .iter()
                        .map(|project| Scope::of(Some(project), target)),
                );
            } else {
                are_all = false;
            }
        }
        if are_all {
            Scopes::All
        } else {
            Scopes::Only(readable)
        }
    }

    /// Projects that stand for all: those that policies can tell apart, and one that no one names.
    pub fn representative_projects(&self, caller: &Identity) -> BTreeSet<ProjectName> {
        let named = self.policies.as_ref();
        let named = named.map(|policies| self.named(caller, policies));
        let mut projects: BTreeSet<ProjectName> = named.into_iter().flatten().cloned().collect();
        projects.insert(ProjectName::unnamed());
        projects
    }

    /// The projects that policies can tell apart.
    fn named<'a>(
        &'a self,
        caller: &'a Identity,
        policies: &'a Policies,
    ) -> BTreeSet<&'a ProjectName> {
        let own = caller.projects.iter();
        own.chain(self.projects.keys())
            .chain(policies.named_projects())
            .collect()
    }
}
