//! Preflight: the permissions of a plan put to IAM's simulator, and what the account says of the rest. Reads only.

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

/// The permissions that are asked about in one call: those on the same resources, with the same Region.
struct Question<'a> {
    resources: &'a [String],
    actions: Vec<&'a str>,
    context: Vec<(&'static str, String)>,
}

impl Inspector {
    /// Looks for everything that would stop a wanted cluster. What cannot be looked at is said, and counts as no fault.
    pub async fn preflight(
        &self,
        spec: &ClusterSpec,
        ground: PlanContext<'_>,
    ) -> Result<Preflight, Fault> {
        let role = self.choose_role(spec).await;
        let draft = Draft::new(spec, ground, &role)?;
        let permissions = draft.permissions();
        let (mut checks, account) = tokio::join!(
            self.permission_checks(&permissions),
            self.account_checks(&draft)
        );
        checks.extend(account);
        Ok(Preflight { checks })
    }

    /// Puts permissions to IAM's simulator, for our own identity.
    pub async fn permission_checks(&self, permissions: &[Permission]) -> Vec<Check> {
        let (principal, answers) = match self.simulated(permissions).await {
            Ok(answered) => answered,
            Err(reason) => {
                return permissions
                    .iter()
                    .map(|one| Check::not_checked(&one.action, reason.clone()))
                    .collect();
            }
        };
        permissions
            .iter()
            .map(|one| Check::of_permission(one, &principal, &answers))
            .collect()
    }

    /// Who was asked about, and every answer; or why nothing can be said.
    async fn simulated(
        &self,
        permissions: &[Permission],
    ) -> Result<(String, Vec<Simulated>), String> {
        let principal = self.own_principal().await?;
        let mut answers = Vec::new();
        for question in questions(permissions) {
            let Question {
                resources,
                actions,
                context,
            } = question;
            let asked = self
                .aws
                .simulate(&principal, &actions, resources, &context)
                .await;
            answers.extend(
                asked.map_err(|fault| unanswered("permissions cannot be simulated", &fault))?,
            );
        }
        Ok((principal, answers))
    }

    /// The user or role whose policies are ours: a session's ARN names its role without the path.
    async fn own_principal(&self) -> Result<String, String> {
        let caller = self
            .aws
            .caller()
            .await
            .map_err(|fault| unanswered("AWS does not say who we are", &fault))?;
        let resource = caller.arn.splitn(6, ':').nth(5).unwrap_or_default();
        if resource.starts_with("user/") {
            return Ok(caller.arn);
        }
        let Some(name) = resource
            .strip_prefix("assumed-role/")
            .and_then(|rest| rest.split('/').next())
        else {
            return Err(format!(
                "{} is neither a user nor a role, and only those can be simulated",
                caller.arn
            ));
        };
        let read = self.aws.role(name, &caller.arn).await;
        let read =
            read.map_err(|fault| unanswered("the service's own role cannot be read", &fault))?;
        read.map(|role| role.arn)
            .ok_or_else(|| format!("the service's own role {name} is not visible"))
    }
}

/// As few questions as there are different resources: a key that one action brings does not disturb the others.
fn questions(permissions: &[Permission]) -> Vec<Question<'_>> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    for permission in permissions {
        let same = questions.iter_mut().find(|one| {
            one.resources == permission.asked && one.context.first() == permission.context.first()
        });
        match same {
            None => questions.push(Question {
                resources: &permission.asked,
                actions: vec![&permission.action],
                context: permission.context.clone(),
            }),
            Some(question) => {
                question.actions.push(&permission.action);
                let new = permission
                    .context
                    .iter()
                    .filter(|(key, _)| question.context.iter().all(|(one, _)| one != key));
                let new: Vec<_> = new.cloned().collect();
                question.context.extend(new);
            }
        }
    }
    questions
}

/// Why a check could not be made, from the fault that was in the way. A refusal is no finding: what was refused is the
/// looking.
fn unanswered(what: &str, fault: &Fault) -> String {
    match &fault.aws {
        Some(refusal) => {
            format!(
                "{what}: {}:{} answered {}",
                refusal.service, refusal.operation, refusal.code
            )
        }
        None => format!("{what}: {}", fault.detail),
    }
}
