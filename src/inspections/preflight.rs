//! Preflight: simulates the permissions of a plan and checks the account for other obstacles.

use crate::domain::plan::Permission;
use crate::domain::preflight::{Check, Preflight, Simulated};
use crate::domain::problems::fault::Fault;
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
        let (principal, decisions) = match self.simulate(permissions).await {
            Ok(simulated) => simulated,
            Err(reason) => {
                return permissions
                    .iter()
                    .map(|one| Check::not_checked(&one.action, reason.clone()))
                    .collect();
            }
        };
        permissions
            .iter()
            .map(|one| Check::of_permission(one, &principal, &decisions))
            .collect()
    }

    /// Returns the simulated principal and every decision, or why nothing could be simulated.
    async fn simulate(
        &self,
        permissions: &[Permission],
    ) -> Result<(String, Vec<Simulated>), String> {
        let principal = self.own_principal().await?;
        let mut decisions = Vec::new();
        for simulation in simulations(permissions) {
            let Simulation {
                resources,
                actions,
                context,
            } = simulation;
            let simulated = self
                .aws
                .simulate(&principal, &actions, resources, &context)
                .await
                .map_err(|fault| reason("could not simulate permissions", &fault))?;
            decisions.extend(simulated);
        }
        Ok((principal, decisions))
    }

    /// The ARN of the user or role that this service runs as. A session's ARN does not contain the
    /// path of its role, so the role is read.
    async fn own_principal(&self) -> Result<String, String> {
        let caller = self
            .aws
            .caller()
            .await
            .map_err(|fault| reason("could not read the service's own AWS identity", &fault))?;
        let resource = caller.arn.splitn(6, ':').nth(5).unwrap_or_default();
        if resource.starts_with("user/") {
            return Ok(caller.arn);
        }
        let Some(name) = resource
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next())
        else {
            return Err(format!(
                "cannot simulate {}; only users and roles can be simulated",
                caller.arn
            ));
        };
        let role = self
            .aws
            .role(name, &caller.arn)
            .await
            .map_err(|fault| reason("could not read the service's own role", &fault))?;
        role.map(|role| role.arn).ok_or_else(|| {
            format!(
                "could not read the service's own role {name}; \
                 allow iam:GetRole and iam:SimulatePrincipalPolicy on it"
            )
        })
    }
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
