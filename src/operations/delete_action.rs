//! Fate: what is to be done about one thing of the inventory that shall go.

use uuid::Uuid;

use crate::aws::Aws;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::names::operation_suffix;
use crate::domain::problems::fault::{Fault, FaultClass};

use super::evidence::{cluster_tags, describes, role_names_operation, tag_differences, tags};
use super::ingress_rules::delete_action_of_rule;

/// What is to be done about a thing that shall go.
#[derive(Debug)]
pub(super) enum DeleteAction {
    /// It is not there.
    Gone,
    /// It is not, or no longer, what we made.
    Leave(String),
    /// It is going already.
    Leaving,
    /// It cannot be touched yet.
    Wait,
    /// This call removes it, or brings its removal nearer.
    Remove(Mutation),
}

/// Reads the evidence of a thing again and says what is to be done. Only things of ours may be asked about. `role` is the
/// role that a policy may be attached to, where it is not the one that the same operation made.
pub(super) async fn delete_action_of(
    aws: &Aws,
    place: &AwsAccount,
    installation: Uuid,
    item: &Item,
    role: Option<&str>,
) -> Result<DeleteAction, Fault> {
    match item.kind {
        ResourceKind::Cluster => cluster(aws, installation, item).await,
        ResourceKind::SubnetGroup => {
            let found = aws.subnet_group(&item.name).await?;
            let delete = Mutation::DeleteSubnetGroup {
                name: item.name.clone(),
            };
            Ok(group(
                found.map(|group| group.description),
                installation,
                item,
                delete,
            ))
        }
        ResourceKind::ParameterGroup => {
            let found = aws.parameter_group(&item.name).await?;
            let delete = Mutation::DeleteParameterGroup {
                name: item.name.clone(),
            };
            Ok(group(
                found.map(|group| group.description),
                installation,
                item,
                delete,
            ))
        }
        ResourceKind::Policy => policy(aws, place, installation, item, role).await,
        ResourceKind::Role => role_action(aws, place, installation, item).await,
        ResourceKind::SecurityGroupRule => {
            delete_action_of_rule(aws, place, installation, item).await
        }
        ResourceKind::ServiceLinkedRole => Ok(DeleteAction::Leave(
            "it serves the whole account".to_owned(),
        )),
    }
}

/// The name of a cluster that uses a role; ours is gone before anybody asks.
pub(super) async fn cluster_using_role(aws: &Aws, role_arn: &str) -> Result<Option<String>, Fault> {
    let clusters = match aws.clusters().await {
        // Where DAX is not offered there is no cluster.
        Err(fault) if fault.class == FaultClass::RegionUnsupported => return Ok(None),
        clusters => clusters?,
    };
    let other = clusters
        .into_iter()
        .find(|(_, cluster)| cluster.iam_role_arn.as_deref() == Some(role_arn));
    Ok(other.map(|(name, _)| name))
}

async fn cluster(aws: &Aws, installation: Uuid, item: &Item) -> Result<DeleteAction, Fault> {
    let Some(found) = aws.cluster(&item.name).await? else {
        return Ok(DeleteAction::Gone);
    };
    if found.is_deleting() {
        return Ok(DeleteAction::Leaving);
    }
    let by_role = found
        .iam_role_arn
        .as_deref()
        .is_some_and(|arn| role_names_operation(arn, item.operation_id));
    if !by_role {
        let Some(found_tags) = cluster_tags(aws, &found).await? else {
            return Ok(DeleteAction::Wait);
        };
        if !tag_differences(&tags(installation, item.operation_id), &found_tags).is_empty() {
            return Ok(DeleteAction::Leave(
                "a cluster of this name exists that does not carry our tags".to_owned(),
            ));
        }
    }
    // DeleteCluster is refused while DAX is at work on the cluster.
    if found.has_status("creating") || found.has_status("modifying") {
        return Ok(DeleteAction::Wait);
    }
    Ok(DeleteAction::Remove(Mutation::DeleteCluster {
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
        Some(text) if describes(&text, installation, item.operation_id) => {
            DeleteAction::Remove(delete)
        }
        Some(_) => DeleteAction::Leave(
            "its description does not name the operation that made it".to_owned(),
        ),
    }
}

async fn policy(
    aws: &Aws,
    place: &AwsAccount,
    installation: Uuid,
    item: &Item,
    role: Option<&str>,
) -> Result<DeleteAction, Fault> {
    let arn = item
        .arn
        .clone()
        .unwrap_or_else(|| place.iam_arn("policy", &item.name));
    let Some(found) = aws.policy(&arn).await? else {
        return Ok(DeleteAction::Gone);
    };
    if !tag_differences(&tags(installation, item.operation_id), &found.tags).is_empty() {
        return Ok(DeleteAction::Leave("it does not carry our tags".to_owned()));
    }
    if found.attachments > 0
        && let Some(role) = role.map(str::to_owned).or_else(|| role_of_policy(item))
        && let Some(attached) = aws
            .attached_policies(&role, &place.iam_arn("role", &role))
            .await?
        && attached.contains(&arn)
    {
        return Ok(DeleteAction::Remove(Mutation::DetachRolePolicy {
            role,
            policy_arn: arn,
        }));
    }
    Ok(DeleteAction::Remove(Mutation::DeletePolicy { arn }))
}

/// The role that a policy of a create belongs to: its name up to and including the operation's suffix.
fn role_of_policy(item: &Item) -> Option<String> {
    let suffix = operation_suffix(item.operation_id);
    let at = item.name.find(&suffix)?;
    item.name.get(..at + suffix.len()).map(str::to_owned)
}

async fn role_action(
    aws: &Aws,
    place: &AwsAccount,
    installation: Uuid,
    item: &Item,
) -> Result<DeleteAction, Fault> {
    let arn = item
        .arn
        .clone()
        .unwrap_or_else(|| place.iam_arn("role", &item.name));
    let Some(found) = aws.role(&item.name, &arn).await? else {
        return Ok(DeleteAction::Gone);
    };
    if !tag_differences(&tags(installation, item.operation_id), &found.tags).is_empty() {
        return Ok(DeleteAction::Leave("it does not carry our tags".to_owned()));
    }
    Ok(DeleteAction::Remove(Mutation::DeleteRole {
        name: item.name.clone(),
    }))
}
