//! What every step runs with: clients, account and settings; and how narrow its session is.

use crate::aws::{Aws, WorkingSession};
use crate::domain::iam::policies::sessions::working_policy;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, Presence, ResourceKind};
use crate::domain::names::ClusterName;
use crate::domain::spec::ServiceRole;
use crate::domain::task::Task;

use super::RoleCandidates;
use super::timing::Settings;

/// What every step of every operation runs with.
#[derive(Debug, Clone)]
pub struct StepEnvironment {
    /// AWS clients with the service's credentials.
    pub aws: Aws,
    /// The account and Region of these clients.
    pub account: AwsAccount,
    /// The operator's settings.
    pub settings: Settings,
    /// The roles that can be discovered, as lately listed.
    pub candidates: RoleCandidates,
}

impl StepEnvironment {
    /// The environment of work on one cluster. Where the target's role is assumed, its session writes
    /// nothing else in IAM. `role_arns` are the existing roles that the cluster uses.
    pub fn narrowed(&self, cluster: Option<&ClusterName>, role_arns: &[String]) -> Self {
        if !self.aws.is_assumed() {
            return self.clone();
        }
        let name = cluster.map(ClusterName::as_str);
        let session = WorkingSession {
            cluster: name.unwrap_or("sweep").to_owned(),
            policy: working_policy(&self.account, name, role_arns).to_json(),
        };
        Self {
            aws: self.aws.working(&session),
            ..self.clone()
        }
    }

    /// The environment of a turn at an operation.
    pub fn of_task(&self, task: &Task) -> Self {
        let used = task.inventory.iter().filter(|item| {
            item.kind == ResourceKind::Role
                && item.owner == Owner::External
                && item.presence == Presence::Present
        });
        let mut roles: Vec<String> = used.filter_map(|item| item.arn.clone()).collect();
        let desired = task.spec.desired().map(|desired| &desired.service_role);
        if let Some(ServiceRole::Existing { arn }) = desired
            && !roles.contains(&arn.to_string())
        {
            roles.push(arn.to_string());
        }
        self.narrowed(Some(&task.cluster), &roles)
    }
}
