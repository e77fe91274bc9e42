//! Steps of the access policies: one to ten documents, created one call at a time, and attached.

use std::time::Duration;

use crate::domain::iam::policies::{PolicyDocument, Tables, access_policies};
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{IAM_PATH, managed_name, policy_name};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::verdict::Findings;
use crate::domain::waiting::WaitingFor;

use super::evidence::{Existence, find_evidence, tags};
use super::{Context, StepOutcome, conflict};

/// Creates the policies that allow the role exactly the requested access.
pub(super) async fn create(
    context: &Context<'_>,
    spec: &ClusterSpec,
) -> Result<StepOutcome, Fault> {
    if uses_existing_role(context) {
        return Ok(StepOutcome::Skip);
    }
    let mut findings = Findings::default();
    for mutation in policies(context, spec)? {
        if context
            .task
            .present_named(ResourceKind::Policy, mutation.target())
            .is_some()
        {
            continue;
        }
        let task = context.task;
        let mutation = task.open_call_like(&mutation).cloned().unwrap_or(mutation);
        match find_evidence(
            context.aws,
            context.account,
            task.installation_id,
            task.operation_id,
            &mutation,
        )
        .await?
        {
            Existence::Owned(item) => findings.inventory.push(*item),
            Existence::Foreign(differences) | Existence::Altered(_, differences) => {
                return Err(conflict(&mutation, differences));
            }
            Existence::Absent | Existence::Undecided if findings.inventory.is_empty() => {
                return Ok(StepOutcome::act(mutation));
            }
            // The policies found so far are committed first; the next turn creates this one.
            Existence::Absent | Existence::Undecided => {
                return Ok(StepOutcome::CheckAgain {
                    after: Duration::ZERO,
                    waiting_for: WaitingFor::LostAnswer,
                    findings,
                });
            }
        }
    }
    Ok(StepOutcome::Done(findings))
}

/// Attaches every policy that this operation created to the managed role.
pub(super) async fn attach(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    if uses_existing_role(context) {
        return Ok(StepOutcome::Skip);
    }
    let task = context.task;
    let role = task.managed(ResourceKind::Role).next().map_or_else(
        || managed_name(&task.cluster, task.operation_id),
        |role| role.name.clone(),
    );
    let attached = context
        .aws
        .attached_policies(&role, &context.account.iam_arn("role", &role))
        .await?;
    let Some(attached) = attached else {
        return Err(Fault::new(
            FaultClass::NotFound,
            format!("the role {role} is not visible yet"),
        ));
    };
    let policies = task
        .created_here(ResourceKind::Policy)
        .filter_map(|policy| policy.arn.as_ref());
    let missing = policies.into_iter().find(|arn| !attached.contains(arn));
    Ok(missing.map_or_else(StepOutcome::done, |arn| {
        StepOutcome::act(Mutation::AttachRolePolicy {
            role,
            policy_arn: arn.clone(),
        })
    }))
}

fn uses_existing_role(context: &Context<'_>) -> bool {
    context
        .task
        .present(ResourceKind::Role)
        .is_some_and(|role| role.owner == Owner::External)
}

fn policies(context: &Context<'_>, spec: &ClusterSpec) -> Result<Vec<Mutation>, Fault> {
    let task = context.task;
    let documents = documents(context, spec)?;
    let count = documents.len();
    let policies =
        documents
            .into_iter()
            .enumerate()
            .map(|(index, document)| Mutation::CreatePolicy {
                name: policy_name(&task.cluster, task.operation_id, index, count),
                path: IAM_PATH.to_owned(),
                document: document.to_json(),
                description: format!("DynamoDB access of the DAX cluster {}", task.cluster),
                tags: tags(task.installation_id, task.operation_id),
            });
    Ok(policies.collect())
}

fn documents(context: &Context<'_>, spec: &ClusterSpec) -> Result<Vec<PolicyDocument>, Fault> {
    let all = Tables::All;
    let (access, tables) = match &spec.service_role {
        ServiceRole::New { access, tables } => (*access, tables),
        ServiceRole::Discover {
            default_access: Some(access),
        } => (*access, &all),
        ServiceRole::Discover {
            default_access: None,
        }
        | ServiceRole::Existing { .. } => return Ok(Vec::new()),
    };
    let account = context.account;
    access_policies(
        access,
        tables,
        &account.partition,
        &account.region,
        &account.account_id,
    )
    .map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))
}
