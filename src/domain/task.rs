//! Task: everything a step may look at, as the store read it at the start of a turn.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Item, ResourceKind};
use super::mutation::Mutation;
use super::names::ClusterName;
use super::observed::Observed;
use super::operation::{Kind, Status};
use super::spec::Spec;
use crate::domain::problems::fault::Fault;

/// One operation at one step.
#[derive(Debug, Clone)]
pub struct Task {
    /// The operation's id.
    pub operation_id: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// Where it stood when the turn began.
    pub status: Status,
    /// What it shall do.
    pub spec: Spec,
    /// The cluster it works on.
    pub cluster: ClusterName,
    /// The step it has reached.
    pub step: StepState,
    /// Everything made or used for this cluster, by any operation.
    pub inventory: Vec<Item>,
    /// Rules of security groups that other clusters of ours rely on as well: which rule, which cluster.
    pub shared_rules: BTreeMap<String, String>,
    /// Names and ARNs that AWS has confirmed to have deleted for this cluster.
    pub confirmed_deletions: Vec<String>,
    /// Calls of this operation that took effect, or were seen to have, oldest first.
    pub done_calls: Vec<DoneCall>,
    /// What was last seen of the cluster, by this operation or by the poll for all.
    pub latest_observation: LatestObservation,
    /// Calls for this cluster whose outcome nobody knows, oldest first, of any operation.
    pub open_intents: Vec<Intent>,
    /// The installation that our tags name.
    pub installation_id: Uuid,
    /// The database's clock when the turn began.
    pub now: DateTime<Utc>,
    /// When the operation should be over.
    pub deadline_at: DateTime<Utc>,
}

/// Where the step stands.
#[derive(Debug, Clone)]
pub struct StepState {
    /// Its name.
    pub name: String,
    /// Its place in the operation, from 0.
    pub position: i32,
    /// Finished tries so far.
    pub attempts: i32,
    /// Faults since the last progress.
    pub faults_in_row: u32,
    /// Times it was found blocked since the last progress.
    pub blocks_in_row: u32,
    /// When its patience began; `None` on its first turn.
    pub timeout_from: Option<DateTime<Utc>>,
    /// The last fault it met, while it is not done.
    pub last_fault: Option<Fault>,
    /// Whether the operation runs backwards: it undoes.
    pub undo: bool,
    /// Whether a later step follows.
    pub is_last: bool,
}

/// A call that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneCall {
    /// `dax:RebootNode` and the like.
    pub call: String,
    /// The exact name or ARN of what it changed.
    pub target: String,
    /// When it was known, by the database's clock.
    pub at: DateTime<Utc>,
    /// Whether AWS said so; else it was settled by looking, and may not have happened.
    pub is_confirmed: bool,
}

/// What was last seen of a cluster in AWS.
#[derive(Debug, Clone, Default)]
pub struct LatestObservation {
    /// The cluster; none if it was not there.
    pub cluster: Option<Observed>,
    /// When AWS was asked; none if it never was.
    pub at: Option<DateTime<Utc>>,
    /// When the last call went out that could have changed what is to be seen.
    pub last_call_at: Option<DateTime<Utc>>,
    /// When the poll for all clusters was last done.
    pub polled_at: Option<DateTime<Utc>>,
}

impl LatestObservation {
    /// Whether it tells of the time after the last call.
    pub fn is_fresh(&self) -> bool {
        self.at
            .is_some_and(|at| self.last_call_at.is_none_or(|call| call <= at))
    }
}

/// A committed intent whose outcome is not known.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Its number.
    pub id: i64,
    /// The operation that opened it.
    pub operation_id: Uuid,
    /// The place of the step that opened it.
    pub position: i32,
    /// The call.
    pub mutation: Mutation,
    /// When it was opened, by the database's clock.
    pub opened_at: DateTime<Utc>,
}

impl Task {
    /// The first thing of a kind that this cluster has and that is present.
    pub fn present(&self, kind: ResourceKind) -> Option<&Item> {
        self.inventory
            .iter()
            .find(|item| item.kind == kind && item.presence == super::inventory::Presence::Present)
    }

    /// The present thing of a kind and name.
    pub fn present_named(&self, kind: ResourceKind, name: &str) -> Option<&Item> {
        self.inventory.iter().find(|item| {
            item.kind == kind
                && item.name == name
                && item.presence == super::inventory::Presence::Present
        })
    }

    /// Everything we made for this cluster that is still there, of a kind.
    pub fn managed(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.inventory
            .iter()
            .filter(move |item| item.kind == kind && item.is_managed_and_present())
    }

    /// The call of the same operation to the same target that is out without a known outcome: what may exist is what it
    /// would have made, even if settings have changed since.
    pub fn open_call_like(&self, mutation: &Mutation) -> Option<&Mutation> {
        self.open_intents
            .iter()
            .map(|intent| &intent.mutation)
            .find(|open| {
                open.operation() == mutation.operation() && open.target() == mutation.target()
            })
    }

    /// Whether a call like this of this very operation has taken effect.
    pub fn has_done(&self, mutation: &Mutation) -> bool {
        let (call, target) = (mutation.call_name(), mutation.target());
        self.done_calls
            .iter()
            .any(|done| done.call == call && done.target == target)
    }

    /// What this very operation made and is still there, of a kind.
    pub fn created_here(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.managed(kind)
            .filter(|item| item.operation_id == self.operation_id)
    }

    /// What earlier operations made and is still there, of a kind.
    pub fn created_before(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.managed(kind)
            .filter(|item| item.operation_id != self.operation_id)
    }

    /// Whether AWS has confirmed that this thing was deleted.
    pub fn is_confirmed_deleted(&self, item: &Item) -> bool {
        self.confirmed_deletions
            .iter()
            .any(|target| *target == item.name || Some(target) == item.arn.as_ref())
    }

    /// How long an instant of the database's clock is past.
    pub fn age_of(&self, instant: DateTime<Utc>) -> Duration {
        (self.now - instant).to_std().unwrap_or_default()
    }
}
