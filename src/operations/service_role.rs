//! Steps of the service role: find or create it, and ensure that DAX's service-linked role exists.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::aws::RoleSummary;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::{DAX_PRINCIPAL, trust_policy};
use crate::domain::iam::service_role::{FoundRole, usable_role};
use crate::domain::iam::trust::is_discoverable;
use crate::domain::inventory::{Item, Owner, ResourceKind};
use crate::domain::mutation::{Mutation, SERVICE_LINKED_ROLE};
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG, managed_name};
use crate::domain::partitions::iam_region;
use crate::domain::preflight::Simulated;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::verdict::Findings;

use super::evidence::tags;
use super::{Context, StepOutcome, cluster, ensure_created};

/// Failed attempts after which a role counts as missing: IAM may not show a new one at once.
const ATTEMPTS_FOR_A_NEW_ROLE: u32 = 3;
const PASS_ROLE: &str = "iam:PassRole";

/// Finds the role that the request names, or discovers the account's role as the AWS console does.
pub(super) async fn find(context: &Context<'_>, spec: &ClusterSpec) -> Result<StepOutcome, Fault> {
    // A Region without DAX rejects every call of DAX, and a name that is taken cannot be used: fail
    // before anything is created.
    cluster::reject_taken_name(context, spec).await?;
    match &spec.service_role {
        ServiceRole::New { .. } => Ok(StepOutcome::Skip),
        ServiceRole::Existing { arn } => {
            check_existing_role(context, arn.as_str()).await?;
            check_passing(context, arn.as_str()).await?;
            Ok(use_role(context, arn.as_str()))
        }
        ServiceRole::Discover { default_access } => {
            let candidates = candidates(context).await?;
            match candidates.as_slice() {
                [only] => {
                    check_passing(context, &only.arn).await?;
                    Ok(use_role(context, &only.arn))
                }
                [] if default_access.is_some() => Ok(StepOutcome::Skip),
                _ => Err(unspecified_role(
                    candidates.into_iter().map(|role| role.arn).collect(),
                )),
            }
        }
    }
}

fn use_role(context: &Context<'_>, arn: &str) -> StepOutcome {
    StepOutcome::Done(Findings::of(Item::external(
        ResourceKind::Role,
        name_in(arn),
        Some(arn.to_owned()),
        context.task.operation_id,
    )))
}

/// The role name at the end of a role ARN.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Rejects a role that DAX cannot assume. One that was created moments ago may not be visible yet.
async fn check_existing_role(context: &Context<'_>, arn: &str) -> Result<(), Fault> {
    let role = context.aws.role_named_in(arn).await?;
    let mut roles = Vec::new();
    if role.is_none() {
        if context.task.step.faults_in_row < ATTEMPTS_FOR_A_NEW_ROLE {
            let detail = format!("the service role {arn} does not exist or is not visible yet");
            return Err(Fault::new(FaultClass::NotFound, detail));
        }
        // They are only help, so a denied list does not hide that the role is missing.
        roles = context.aws.roles("/").await.unwrap_or_default();
        roles.retain(|role| is_discoverable(&role.path, &role.trust_policy));
    }
    let found = role
        .as_ref()
        .map(|(arn, trust_policy)| FoundRole { arn, trust_policy });
    usable_role(arn, found, || {
        roles.into_iter().map(|role| role.arn).collect()
    })
    .map(|_| ())
}

/// Rejects a role that this service may not pass to DAX, which CreateCluster would find only after
/// the other resources exist. What IAM's simulator does not know for certain is left to that call.
async fn check_passing(context: &Context<'_>, arn: &str) -> Result<(), Fault> {
    let Ok(principal) = context.aws.own_principal().await else {
        return Ok(());
    };
    let condition_keys = [
        (
            "aws:RequestedRegion",
            iam_region(&context.account.partition).to_owned(),
        ),
        ("iam:PassedToService", DAX_PRINCIPAL.to_owned()),
    ];
    let resources = [arn.to_owned()];
    let simulated = context
        .aws
        .simulate(&principal, &[PASS_ROLE], &resources, &condition_keys)
        .await
        .unwrap_or_default();
    let Some(cause) = simulated.first().and_then(Simulated::certain_denial) else {
        return Ok(());
    };
    let detail = format!(
        "the service may not pass the role {arn} to DAX: IAM's simulator denies {PASS_ROLE} ({})",
        cause.as_str()
    );
    let denial = Denial {
        principal: Some(principal),
        action: PASS_ROLE.to_owned(),
        resource: Some(arn.to_owned()),
        cause,
        policy_arn: None,
    };
    Err(Fault {
        predicted: Some(Box::new(denial)),
        ..Fault::new(FaultClass::Permission, detail)
    })
}

/// The latest list of the roles that can be discovered, and when it was requested. Operations that
/// need it at the same time wait for one list: an account can have thousands of roles.
#[derive(Debug, Clone, Default)]
pub struct RoleCandidates(Arc<Mutex<Option<CandidateList>>>);

#[derive(Debug)]
struct CandidateList {
    listed_at: Instant,
    roles: Vec<RoleSummary>,
}

async fn candidates(context: &Context<'_>) -> Result<Vec<RoleSummary>, Fault> {
    let mut latest = context.candidates.0.lock().await;
    let kept = context.settings.timing.role_recheck;
    if let Some(list) = &*latest
        && list.listed_at.elapsed() < kept
    {
        return Ok(list.roles.clone());
    }
    let listed_at = Instant::now();
    let roles = list_candidates(context).await?;
    *latest = Some(CandidateList {
        listed_at,
        roles: roles.clone(),
    });
    Ok(roles)
}

/// The roles that trust DAX and are not managed: outside the service's IAM path, and without its
/// ownership tags.
async fn list_candidates(context: &Context<'_>) -> Result<Vec<RoleSummary>, Fault> {
    let mut candidates = Vec::new();
    for role in context.aws.roles("/").await? {
        if !is_discoverable(&role.path, &role.trust_policy) {
            continue;
        }
        let full = context.aws.role(&role.name, &role.arn).await?;
        if full.is_some_and(|full| !full.tags.contains_key(INSTALLATION_TAG)) {
            candidates.push(role);
        }
    }
    Ok(candidates)
}

/// The fault of a role that a request neither names nor can discover.
pub fn unspecified_role(candidates: Vec<String>) -> Fault {
    let detail = if candidates.is_empty() {
        "no role of this account trusts DAX; set `service_role.arn`, or set \
         `service_role.access` and `service_role.tables` to have a role created"
    } else {
        "several roles of this account trust DAX; set `service_role.arn` to the one to use"
    };
    Fault {
        candidates,
        ..Fault::new(FaultClass::RoleUnspecified, detail)
    }
}

/// Creates the role that only this cluster uses.
pub(super) async fn create(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let task = context.task;
    if task
        .present(ResourceKind::Role)
        .is_some_and(|role| role.owner == Owner::External)
    {
        return Ok(StepOutcome::Skip);
    }
    let mutation = Mutation::CreateRole {
        name: managed_name(&task.cluster, task.operation_id),
        path: IAM_PATH.to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: context.settings.permissions_boundary.clone(),
        description: format!(
            "Lets the DAX cluster {} reach its DynamoDB tables",
            task.cluster
        ),
        tags: tags(task.installation_id, task.operation_id),
    };
    ensure_created(context, mutation).await
}

/// Ensures that the account has DAX's service-linked role, which DAX uses to manage network
/// interfaces.
pub(super) async fn ensure_service_linked(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let account = context.account;
    let arn = format!(
        "arn:{}:iam::{}:role/aws-service-role/dax.amazonaws.com/{SERVICE_LINKED_ROLE}",
        account.partition, account.account_id
    );
    match context.aws.role(SERVICE_LINKED_ROLE, &arn).await {
        Ok(Some(role)) => {
            let item = Item::external(
                ResourceKind::ServiceLinkedRole,
                SERVICE_LINKED_ROLE,
                Some(role.arn),
                context.task.operation_id,
            );
            Ok(StepOutcome::Done(Findings::of(item)))
        }
        Ok(None) => Ok(StepOutcome::act(Mutation::CreateServiceLinkedRole)),
        // Without iam:GetRole the step is skipped: DAX creates a missing role itself.
        Err(fault) if fault.class == FaultClass::Permission => Ok(StepOutcome::Skip),
        Err(fault) => Err(fault),
    }
}

/// Until this time the error "DAX cannot assume the role" can mean that the role is too new.
pub(super) async fn propagating_until(
    context: &Context<'_>,
) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(role) = context.task.present(ResourceKind::Role) else {
        return Ok(None);
    };
    let created_at = match role.owner {
        Owner::Managed => role.recorded_at,
        Owner::External => {
            let arn = role.arn.as_deref().unwrap_or_default();
            context
                .aws
                .role(&role.name, arn)
                .await?
                .and_then(|role| role.created_at)
        }
    };
    Ok(created_at.map(|at| at + context.settings.timing.propagation))
}
