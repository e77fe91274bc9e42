//! Preflight: simulates the permissions of a plan and checks the account for other obstacles.

use std::collections::BTreeMap;

use crate::domain::plan::Permission;
use crate::domain::preflight::{Check, Preflight, Simulated};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::ClusterSpec;

use super::Inspector;
use super::plan::{Draft, PlanContext};

mod account;
mod groups;
mod network;
mod role;
mod tables;

/// One call of the IAM policy simulator: actions on the same resources in the same Region.
struct Simulation<'a> {
    resources: &'a [String],
    actions: Vec<&'a str>,
    context: Vec<(&'static str, String)>,
}

impl Inspector {
    /// Checks for everything that would make the create operation fail or block. A check that
    /// cannot be carried out is reported as `not_checked`, not as an error.
    pub async fn preflight(
        &self,
        spec: &ClusterSpec,
        context: PlanContext<'_>,
    ) -> Result<Preflight, Fault> {
        let role = self.choose_role(spec).await;
        let draft = Draft::new(spec, context, &role)?;
        let permissions = draft.permissions();
        let (mut checks, account) = tokio::join!(
            self.permission_checks(&permissions),
            self.account_checks(&draft)
        );
        checks.extend(account);
        Ok(Preflight { checks })
    }

    /// Simulates permissions of this service's own identity.
    pub async fn permission_checks(&self, permissions: &[Permission]) -> Vec<Check> {
        let not_checked = |reason: String| {
            let check = |one: &Permission| Check::not_checked(&one.action, reason.clone());
            permissions.iter().map(check).collect()
        };
        let principal = match self.aws.own_principal().await {
            Ok(principal) => principal,
            Err(fault) => {
                let what = "could not find whose permissions to simulate";
                return not_checked(reason(what, &fault));
            }
        };
        let mut simulated = Simulations::default();
        for simulation in simulations(permissions) {
            if let Err(reason) = self.simulate(&principal, simulation, &mut simulated).await {
                return not_checked(reason);
            }
        }
        let Simulations {
            decisions,
            unusable,
        } = simulated;
        let check = |one: &Permission| match unusable.get(&*one.action) {
            Some(reason) => Check::not_checked(&one.action, reason.clone()),
            None => Check::of_permission(one, &principal, &decisions),
        };
        permissions.iter().map(check).collect()
    }

    /// Simulates actions. If IAM rejects them together, they are simulated in smaller groups; an
    /// action that it rejects alone is unusable. Fails if IAM simulates nothing for this service.
    async fn simulate(
        &self,
        principal: &str,
        simulation: Simulation<'_>,
        simulated: &mut Simulations,
    ) -> Result<(), String> {
        let (resources, context) = (simulation.resources, simulation.context);
        let mut groups = vec![simulation.actions];
        while let Some(actions) = groups.pop() {
            let answer = self
                .aws
                .simulate(principal, &actions, resources, &context)
                .await;
            match answer {
                Ok(mut decisions) => {
                    // IAM may name another resource than the one that was asked about.
                    if let [only] = resources {
                        decisions
                            .iter_mut()
                            .for_each(|one| one.resource.clone_from(only));
                    }
                    simulated.decisions.extend(decisions);
                }
                Err(fault) if fault.class != FaultClass::Invalid => {
                    return Err(reason("could not simulate permissions", &fault));
                }
                Err(fault) => match actions.as_slice() {
                    [only] => {
                        let reason = reason("could not simulate the action", &fault);
                        simulated.unusable.insert((*only).to_owned(), reason);
                    }
                    many => groups.extend(split(many, &fault)),
                },
            }
        }
        Ok(())
    }
}

/// The results of all simulations.
#[derive(Default)]
struct Simulations {
    decisions: Vec<Simulated>,
    /// Why an action has no decision, by action.
    unusable: BTreeMap<String, String>,
}

/// Splits actions that IAM rejects together: by the groups that its message names, else in halves.
///
/// `Invalid Input Actions: [a,b] and [c] require different authorization information.`
fn split<'a>(actions: &[&'a str], fault: &Fault) -> Vec<Vec<&'a str>> {
    let message = fault.aws.as_ref().map_or("", |aws| aws.message.as_str());
    let named: Vec<&str> = message
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next())
        .collect();
    let group_of = |action: &str| {
        let names = |group: &&str| {
            let mut members = group.split(',').map(str::trim);
            members.any(|member| member.eq_ignore_ascii_case(action))
        };
        named.iter().position(names)
    };
    let mut groups: BTreeMap<Option<usize>, Vec<&str>> = BTreeMap::new();
    for action in actions {
        groups.entry(group_of(action)).or_default().push(action);
    }
    if groups.len() > 1 {
        return groups.into_values().collect();
    }
    let (first, second) = actions.split_at(actions.len() / 2);
    vec![first.to_vec(), second.to_vec()]
}

/// Groups permissions into as few simulations as possible: one per set of resources and Region.
///
/// Condition keys are merged, because a key that an action does not use has no effect on it.
fn simulations(permissions: &[Permission]) -> Vec<Simulation<'_>> {
    let mut simulations: Vec<Simulation<'_>> = Vec::new();
    for permission in permissions {
        let same = simulations.iter_mut().find(|one| {
            one.resources == permission.simulated_on
                && one.context.first() == permission.context.first()
        });
        match same {
            None => simulations.push(Simulation {
                resources: &permission.simulated_on,
                actions: vec![&permission.action],
                context: permission.context.clone(),
            }),
            Some(simulation) => {
                simulation.actions.push(&permission.action);
                let new = permission
                    .context
                    .iter()
                    .filter(|(key, _)| simulation.context.iter().all(|(one, _)| one != key));
                let new: Vec<_> = new.cloned().collect();
                simulation.context.extend(new);
            }
        }
    }
    simulations
}

/// Why a check could not be carried out. A denied read is not a finding: it does not make the
/// operation fail.
fn reason(what: &str, fault: &Fault) -> String {
    match &fault.aws {
        Some(error) => {
            format!(
                "{what}: {}:{} returned {}",
                error.service, error.operation, error.code
            )
        }
        None => format!("{what}: {}", fault.detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::problems::fault::AwsError;

    fn invalid(message: &str) -> Fault {
        let error = AwsError {
            service: "iam".to_owned(),
            operation: "SimulatePrincipalPolicy".to_owned(),
            code: "InvalidInput".to_owned(),
            message: message.to_owned(),
            request_id: None,
            target_arn: None,
        };
        Fault {
            aws: Some(error),
            ..Fault::new(FaultClass::Invalid, "rejected")
        }
    }

    #[test]
    fn rejected_actions_are_split_as_iam_names_them_or_in_halves() {
        let message = "Invalid Input Actions: [iam:passrole,iam:GetRole] and [dax:TagResource] \
                       require different authorization information.";
        let actions = ["iam:GetRole", "dax:TagResource", "iam:PassRole"];
        assert_eq!(
            split(&actions, &invalid(message)),
            [vec!["iam:GetRole", "iam:PassRole"], vec!["dax:TagResource"]]
        );
        for other in [
            "",
            "Invalid Action: x",
            "[iam:GetRole, dax:TagResource, iam:PassRole]",
        ] {
            let halves = split(&actions, &invalid(other));
            assert_eq!(
                halves,
                [vec!["iam:GetRole"], vec!["dax:TagResource", "iam:PassRole"]]
            );
        }
    }
}
