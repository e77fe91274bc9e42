//! Leftovers: things of ours that no cluster owns any more, removed by the sweep one call at a time.

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::orphan::{Orphan, OrphanReason};
use crate::domain::problems::fault::Fault;

use super::StepEnvironment;
use crate::operations::delete_action::{DeleteAction, cluster_using_role, delete_action_of};

/// What is to be done about a leftover.
#[derive(Debug)]
pub enum Removal {
    /// Nothing: it is gone, going, or not ours after all.
    Nothing,
    /// This call removes it, or brings its removal nearer.
    Send(Box<Mutation>),
}

/// The leftovers among the orphans, in the safe order: what rows of this database name, and nobody asked to keep.
pub fn leftovers(orphans: Vec<Orphan>) -> Vec<Item> {
    let mut items: Vec<Item> = orphans
        .into_iter()
        .filter(|orphan| match orphan.reason {
            OrphanReason::CameBack | OrphanReason::AnswerLost | OrphanReason::ClusterGone => true,
            OrphanReason::Retained | OrphanReason::Unknown => false,
        })
        .filter_map(|orphan| {
            Some(Item::made(
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

/// Reads the evidence of a leftover again and says what is to be done.
pub async fn removal_of(
    world: &StepEnvironment,
    installation: uuid::Uuid,
    item: &Item,
) -> Result<Removal, Fault> {
    if let (ResourceKind::Role, Some(arn)) = (item.kind, &item.arn)
        && cluster_using_role(&world.aws, arn).await?.is_some()
    {
        return Ok(Removal::Nothing);
    }
    Ok(
        match delete_action_of(&world.aws, &world.place, installation, item, None).await? {
            DeleteAction::Gone
            | DeleteAction::Leave(_)
            | DeleteAction::Leaving
            | DeleteAction::Wait => Removal::Nothing,
            DeleteAction::Remove(mutation) => Removal::Send(Box::new(mutation)),
        },
    )
}

/// Sends the one call.
pub async fn send(world: &StepEnvironment, mutation: &Mutation) -> Result<(), Fault> {
    world.aws.send(mutation, &world.place).await.map(|_| ())
}
