//! The approvals that a request needs, and decisions about whole operations.

use std::collections::BTreeSet;

use crate::authorization::{Action, Denial, Subject};
use crate::domain::change::ChangeSpec;
use crate::domain::names::ClusterName;
use crate::domain::project::Scope;
use crate::domain::spec::Spec;
use crate::store::ApprovalState;

use crate::api::clusters::decisions::{Pending, Proposal};
use crate::api::http::api_error::ApiError;
use crate::api::targets::TargetApi;

/// The groups whose approval a request needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Approvals(BTreeSet<String>);

/// The approvals that a request needs, and what is decided when it is accepted.
pub(crate) type Decided = (Approvals, Option<Pending>);

/// The action that is not permitted, and why.
pub(crate) type Refused = (Action, Denial);

impl Approvals {
    /// Notes the approvals that a decision asks for. Other denials are returned.
    pub(crate) fn note<T>(&mut self, decided: Result<T, Denial>) -> Result<(), Denial> {
        match decided {
            Ok(_) => Ok(()),
            Err(Denial::NeedsApproval(by)) => {
                let groups = by.into_iter().filter_map(|policy| policy.approval);
                self.0.extend(groups);
                Ok(())
            }
            Err(denial) => Err(denial),
        }
    }

    /// The approvals that one decision asks for.
    pub(crate) fn of<T>(decided: Result<T, Denial>) -> Result<Self, Denial> {
        let mut approvals = Self::default();
        approvals.note(decided)?;
        Ok(approvals)
    }

    /// The groups.
    pub(crate) fn groups(self) -> impl Iterator<Item = String> {
        self.0.into_iter()
    }

    /// The same for an operation.
    pub(crate) fn state(self) -> ApprovalState {
        if self.0.is_empty() {
            ApprovalState::NotNeeded
        } else {
            ApprovalState::Needed(self.0)
        }
    }
}

impl TargetApi {
    /// Decides an operation on a cluster in a scope.
    pub(crate) fn decide_operation(
        &self,
        name: &ClusterName,
        scope: &Scope,
        spec: &Spec,
    ) -> Result<Result<Decided, Refused>, ApiError> {
        let action = action_of(spec);
        let subject = match (spec, spec.change()) {
            (_, Some(change)) => return self.decide_change(name, scope, action, change),
            (Spec::CreateCluster(after) | Spec::AdoptCluster(after), None) => {
                let decided = self.decide_settings(Proposal {
                    action,
                    scope: scope.clone(),
                    before: None,
                    after: (**after).clone(),
                })?;
                return Ok(decided.map_err(|denial| (action, denial)));
            }
            (Spec::ChangeIngress(ingress), None) => Subject::Ingress(name, ingress, scope),
            (_, None) => Subject::Cluster(name, scope),
        };
        let approvals = Approvals::of(self.decided(action, subject));
        let decided = approvals.map(|approvals| (approvals, None));
        Ok(decided.map_err(|denial| (action, denial)))
    }

    fn decide_change(
        &self,
        name: &ClusterName,
        scope: &Scope,
        action: Action,
        change: &ChangeSpec,
    ) -> Result<Result<Decided, Refused>, ApiError> {
        let mut further = Approvals::default();
        for (action, scope) in further_rights(change, scope) {
            let decided = self.decided(action, Subject::Cluster(name, &scope));
            if let Err(denial) = further.note(decided) {
                return Ok(Err((action, denial)));
            }
        }
        let decided = self.decide_settings(Proposal {
            action,
            scope: scope.clone(),
            before: Some(change.before.clone()),
            after: change.after.clone(),
        })?;
        let decided = decided.map(|(mut approvals, pending)| {
            approvals.0.extend(further.0);
            (approvals, pending)
        });
        Ok(decided.map_err(|denial| (action, denial)))
    }
}

/// The actions that a change stands for, besides its own.
fn further_rights(change: &ChangeSpec, scope: &Scope) -> Vec<(Action, Scope)> {
    let mut rights = Vec::new();
    if change.reboot_nodes_if_needed {
        rights.push((Action::RebootNodes, scope.clone()));
    }
    let [before, after] = [&change.before, &change.after].map(|spec| spec.local.expires_at);
    // It is a delete at that time.
    if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
        rights.push((Action::DeleteCluster, scope.clone()));
    }
    if change.project.is_some() {
        let becomes = Scope::of(change.project.as_ref(), &scope.target);
        rights.push((Action::AssignProject, scope.clone()));
        rights.push((Action::AssignProject, becomes));
    }
    rights
}

/// The action of an operation.
pub(crate) fn action_of(spec: &Spec) -> Action {
    match spec {
        Spec::CreateCluster(_) => Action::CreateCluster,
        Spec::DeleteCluster(_) => Action::DeleteCluster,
        Spec::UpdateCluster(_) => Action::UpdateCluster,
        Spec::ScaleCluster(_) => Action::ScaleCluster,
        Spec::RebootNodes(_) => Action::RebootNodes,
        Spec::RepairCluster(_) => Action::RepairCluster,
        Spec::AdoptCluster(_) => Action::AdoptCluster,
        Spec::ReleaseCluster => Action::ReleaseCluster,
        Spec::ChangeIngress(ingress) if ingress.open => Action::OpenIngress,
        Spec::ChangeIngress(_) => Action::CloseIngress,
    }
}
