//! How to delete one inventory item.

use uuid::Uuid;

use crate::aws::Aws;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::{is_role_of_operation, operation_suffix};
use crate::domain::problems::fault::{Fault, FaultClass};

use super::evidence::{cluster_tags, is_description_of, tag_differences, tags};
use super::ingress_rules::delete_action_of_rule;

/// How to delete one inventory item.
#[derive(Debug)]
pub(super) enum DeleteAction {
    /// It does not exist.
    Gone,
    /// It is not managed, or not any more, for this reason.
    Leave(String),
    /// AWS is deleting it.
    Deleting,
    /// It cannot be deleted yet.
    Wait,
    /// Send this call, which deletes it or prepares its deletion.
    Send(Mutation),
}

/// Reads the ownership evidence of a managed item from AWS and decides how to delete it. `role` is
/// the role that a policy is attached to, if another operation created that role.
pub(super) async fn delete_action_of(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    item: &Item,
    role: Option<&str>,
) -> Result<DeleteAction, Fault> {
    match item.kind {
        ResourceKind::Cluster => cluster(aws, installation, item).await,
        ResourceKind::SubnetGroup => {
            let current = aws.subnet_group(&item.name).await?;
            let delete = Mutation::DeleteSubnetGroup {
                name: item.name.clone(),
            };
            Ok(group(
                current.map(|group| group.description),
                installation,
                item,
                delete,
            ))
        }
        ResourceKind::ParameterGroup => {
            let current = aws.parameter_group(&item.name).await?;
            let delete = Mutation::DeleteParameterGroup {
                name: item.name.clone(),
            };
            Ok(group(
                current.map(|group| group.description),
                installation,
                item,
                delete,
            ))
        }
        ResourceKind::Policy => policy(aws, account, installation, item, role).await,
        ResourceKind::Role => role_action(aws, account, installation, item).await,
        ResourceKind::SecurityGroupRule => {
            delete_action_of_rule(aws, account, installation, item).await
        }
        ResourceKind::ServiceLinkedRole => {
            Ok(DeleteAction::Leave("the whole account uses it".to_owned()))
        }
    }
}

/// The name of a cluster that uses a role. The role's own cluster is deleted before this is called.
pub(super) async fn cluster_using_role(aws: &Aws, role_arn: &str) -> Result<Option<String>, Fault> {
    let clusters = match aws.clusters().await {
        // A Region without DAX has no clusters.
        Err(fault) if fault.class == FaultClass::RegionUnsupported => return Ok(None),
        clusters => clusters?,
    };
    let user = clusters
        .into_iter()
        .find(|(_, cluster)| cluster.iam_role_arn.as_deref() == Some(role_arn));
    Ok(user.map(|(name, _)| name))
}

async fn cluster(aws: &Aws, installation: Uuid, item: &Item) -> Result<DeleteAction, Fault> {
    let Some(current) = aws.cluster(&item.name).await? else {
        return Ok(DeleteAction::Gone);
    };
    if current.is_deleting() {
        return Ok(DeleteAction::Deleting);
    }
    let by_role = current
        .iam_role_arn
        .as_deref()
        .is_some_and(|arn| is_role_of_operation(arn, item.operation_id));
    if !by_role {
        let Some(current_tags) = cluster_tags(aws, &current).await? else {
            return Ok(DeleteAction::Wait);
        };
        if !tag_differences(&tags(installation, item.operation_id), &current_tags).is_empty() {
            return Ok(DeleteAction::Leave(
                "the cluster of this name does not have the ownership tags".to_owned(),
            ));
        }
    }
    // AWS rejects DeleteCluster while a change of the cluster is in progress.
    if current.has_status("creating") || current.has_status("modifying") {
        return Ok(DeleteAction::Wait);
    }
    Ok(DeleteAction::Send(Mutation::DeleteCluster {
        name: item.name.clone(),
    }))
}

fn group(
    description: Option<String>,
    installation: Uuid,
    item: &Item,
    delete: Mutation,
) -> DeleteAction {
    match description {
        None => DeleteAction::Gone,
        Some(text) if is_description_of(&text, installation, item.operation_id) => {
            DeleteAction::Send(delete)
        }
        Some(_) => DeleteAction::Leave(
            "its description does not name the operation that created it".to_owned(),
        ),
    }
}

async fn policy(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    item: &Item,
    role: Option<&str>,
) -> Result<DeleteAction, Fault> {
    let arn = item
        .arn
        .clone()
        .unwrap_or_else(|| account.iam_arn("policy", &item.name));
    let Some(current) = aws.policy(&arn).await? else {
        return Ok(DeleteAction::Gone);
    };
    if !tag_differences(&tags(installation, item.operation_id), &current.tags).is_empty() {
        return Ok(DeleteAction::Leave(
            "it does not have the ownership tags".to_owned(),
        ));
    }
    if current.attachments > 0
        && let Some(role) = role.map(str::to_owned).or_else(|| role_of_policy(item))
        && let Some(attached) = aws
            .attached_policies(&role, &account.iam_arn("role", &role))
            .await?
        && attached.contains(&arn)
    {
        return Ok(DeleteAction::Send(Mutation::DetachRolePolicy {
            role,
            policy_arn: arn,
        }));
    }
    Ok(DeleteAction::Send(Mutation::DeletePolicy { arn }))
}

/// The role that a policy was created for: the policy's name up to and including the operation's
/// suffix.
fn role_of_policy(item: &Item) -> Option<String> {
    let suffix = operation_suffix(item.operation_id);
    let at = item.name.find(&suffix)?;
    item.name.get(..at + suffix.len()).map(str::to_owned)
}

async fn role_action(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    item: &Item,
) -> Result<DeleteAction, Fault> {
    let arn = item
        .arn
        .clone()
        .unwrap_or_else(|| account.iam_arn("role", &item.name));
    let Some(current) = aws.role(&item.name, &arn).await? else {
        return Ok(DeleteAction::Gone);
    };
    if !tag_differences(&tags(installation, item.operation_id), &current.tags).is_empty() {
        return Ok(DeleteAction::Leave(
            "it does not have the ownership tags".to_owned(),
        ));
    }
    Ok(DeleteAction::Send(Mutation::DeleteRole {
        name: item.name.clone(),
    }))
}
