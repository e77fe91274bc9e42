//! Leftovers: resources created by this service that no cluster owns any more. The sweep removes
//! them one call at a time.

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::orphan::{Orphan, OrphanReason};
use crate::domain::problems::fault::Fault;

use super::StepEnvironment;
use crate::operations::delete_action::{DeleteAction, cluster_using_role, delete_action_of};

/// How to remove a leftover.
#[derive(Debug)]
pub enum Removal {
    /// No call: it is gone, being deleted, in use, or not managed.
    Nothing,
    /// This call deletes it, or prepares its deletion.
    Send(Box<Mutation>),
}

/// The leftovers among the orphans, in the order of their removal: those that this database has
/// records of, except the ones that a request asked to retain.
pub fn leftovers(orphans: Vec<Orphan>) -> Vec<Item> {
    let mut items: Vec<Item> = orphans
        .into_iter()
        .filter(|orphan| match orphan.reason {
            OrphanReason::Reappeared | OrphanReason::ResponseLost | OrphanReason::ClusterGone => {
                true
            }
            OrphanReason::Retained | OrphanReason::Unknown => false,
        })
        .filter_map(|orphan| {
            Some(Item::managed(
                orphan.kind,
                orphan.name,
                orphan.arn,
                orphan.operation_id?,
            ))
        })
        .collect();
    items.sort_by_key(|item| order(item.kind));
    items
}

fn order(kind: ResourceKind) -> u8 {
    match kind {
        ResourceKind::SecurityGroupRule => 0,
        ResourceKind::Cluster => 1,
        ResourceKind::SubnetGroup => 2,
        ResourceKind::ParameterGroup => 3,
        ResourceKind::Policy => 4,
        ResourceKind::Role => 5,
        ResourceKind::ServiceLinkedRole => 6,
    }
}

/// Reads the ownership evidence of a leftover from AWS and decides how to remove it.
pub async fn removal_of(
    env: &StepEnvironment,
    installation: uuid::Uuid,
    item: &Item,
) -> Result<Removal, Fault> {
    if let (ResourceKind::Role, Some(arn)) = (item.kind, &item.arn)
        && cluster_using_role(&env.aws, arn).await?.is_some()
    {
        return Ok(Removal::Nothing);
    }
    Ok(
        match delete_action_of(&env.aws, &env.account, installation, item, None).await? {
            DeleteAction::Gone
            | DeleteAction::Leave(_)
            | DeleteAction::Deleting
            | DeleteAction::Wait => Removal::Nothing,
            DeleteAction::Send(mutation) => Removal::Send(Box::new(mutation)),
        },
    )
}

/// Sends one call of a removal.
pub async fn send(env: &StepEnvironment, mutation: &Mutation) -> Result<(), Fault> {
    env.aws.send(mutation, &env.account).await.map(|_| ())
}
