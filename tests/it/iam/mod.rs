//! Permissions: the shipped policies, hints, plans, preflights and escalations.

use dax_provisioner::domain::iam::policies::{Effect, PolicyDocument, Values};

pub mod altered_roles;
pub mod change_plans;
pub mod change_scenarios;
pub mod doctor;
pub mod escalation_names;
pub mod escalation_policy_calls;
pub mod escalation_role_calls;
pub mod escalation_simulated;
pub mod escalations;
pub mod explained_escalations;
pub mod explanation_samples;
pub mod explanations;
pub mod guide;
pub mod lookups_permissions;
pub mod permissions;
pub mod plans;
pub mod policy_command;
pub mod preflight_account;
pub mod preflights;
pub mod reachable;
pub mod required_preflights;

/// A policy that does not allow one action.
pub fn without(policy: &PolicyDocument, action: &str) -> PolicyDocument {
    let mut statements = policy.statement.clone();
    for statement in &mut statements {
        if statement.effect == Effect::Allow {
            let actions = statement.action.texts().iter();
            let left = actions.filter(|one| *one != action).cloned();
            statement.action = Values::many(left);
        }
    }
    statements.retain(|statement| !statement.action.texts().is_empty());
    PolicyDocument::new(statements)
}
