//! Task: the stored state that a step can use, as read at the start of a turn.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::inventory::{Item, ResourceKind};
use super::mutation::Mutation;
use super::names::ClusterName;
use super::observed::Observed;
use super::operation::{Kind, Status};
use super::project::ProjectName;
use super::spec::Spec;
use crate::domain::problems::fault::Fault;

/// The input of a turn: one operation at its current step.
#[derive(Debug, Clone)]
pub struct Task {
    /// ID of the operation.
    pub operation_id: Uuid,
    /// Kind of the operation.
    pub kind: Kind,
    /// The caller that requested the operation.
    pub requested_by: String,
    /// The project of the cluster, if it belongs to one.
    pub project: Option<ProjectName>,
    /// The `traceparent` of the request that started the operation.
    pub traceparent: Option<String>,
    /// Status of the operation at the start of the turn.
    pub status: Status,
    /// Input of the operation.
    pub spec: Spec,
    /// Name of the cluster that the operation changes.
    pub cluster: ClusterName,
    /// The current step.
    pub step: StepState,
    /// The resources of this cluster, created or used by any operation.
    pub inventory: Vec<Item>,
    /// Security group rules that another managed cluster also uses: cluster name by rule name.
    pub shared_rules: BTreeMap<String, String>,
    /// Removals, by other clusters, of rules that this cluster uses. A rule ARN is never used again.
    pub rule_removals: Vec<RuleRemoval>,
    /// The clusters that use a managed role of this cluster, by the latest complete list of all
    /// clusters. `None` if that list is old.
    pub role_users: Option<Vec<String>>,
    /// Deletions of this cluster's resources that AWS has confirmed.
    pub confirmed_deletions: Vec<ConfirmedDeletion>,
    /// Calls of this operation that took effect, oldest first.
    pub done_calls: Vec<DoneCall>,
    /// The latest observation of the cluster, by this operation or by the poll.
    pub latest_observation: LatestObservation,
    /// Calls for this cluster with an unknown outcome, of any operation, oldest first.
    pub open_intents: Vec<Intent>,
    /// Installation ID for the ownership tags.
    pub installation_id: Uuid,
    /// Position of this turn's reads in the order of calls and reads.
    pub read_order: i64,
    /// The database's clock at the start of the turn.
    pub now: DateTime<Utc>,
    /// When the operation was accepted.
    pub created_at: DateTime<Utc>,
    /// When the operation should have ended.
    pub deadline_at: DateTime<Utc>,
}

/// The progress of the current step.
#[derive(Debug, Clone)]
pub struct StepState {
    /// Name of the step, unique within its operation.
    pub name: String,
    /// Position in the operation, from 0.
    pub position: i32,
    /// Number of finished attempts.
    pub attempts: i32,
    /// Number of faults since the last progress.
    pub faults_in_row: u32,
    /// Number of times the step blocked since the last progress.
    pub blocks_in_row: u32,
    /// Start of its timeout; `None` on its first turn.
    pub timeout_from: Option<DateTime<Utc>>,
    /// The latest fault, until the step is done.
    pub last_fault: Option<Fault>,
    /// Whether the operation is being undone, so this is an undo step.
    pub undo: bool,
    /// Whether no other step follows.
    pub is_last: bool,
}

/// A call of another cluster that removes a security group rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RuleRemoval {
    /// ARN of the rule.
    pub rule_arn: String,
    /// Whether the outcome of a call is unknown. Otherwise AWS has confirmed the removal.
    pub is_open: bool,
}

/// A deletion that AWS has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConfirmedDeletion {
    /// Name of the call, such as `iam:DeleteRole`.
    pub call: String,
    /// Name or ARN of the deleted resource.
    pub target: String,
    /// When its intent was committed, by the database's clock.
    pub opened_at: DateTime<Utc>,
}

/// A call that took effect, or may have.
#[derive(Debug, Clone, PartialEq)]
pub struct DoneCall {
    /// The call.
    pub mutation: Mutation,
    /// When its outcome was recorded, by the database's clock.
    pub at: DateTime<Utc>,
    /// Whether AWS confirmed the call. Otherwise its outcome was concluded from a later read, and
    /// the call may not have happened.
    pub is_confirmed: bool,
}

/// When AWS was read or called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The database's clock.
    pub at: DateTime<Utc>,
    /// Position in the order of calls and reads, which does not move back when the clock does.
    pub order: i64,
}

/// The latest observation of a cluster in AWS.
#[derive(Debug, Clone, Default)]
pub struct LatestObservation {
    /// The cluster; `None` if it did not exist.
    pub cluster: Option<Observed>,
    /// When it was read from AWS; `None` if it never was.
    pub observed: Option<Moment>,
    /// When a list of all clusters lacked it, if that was after `observed`. A list can have gaps.
    pub missing: Option<Moment>,
    /// When the last call ended that could have changed the cluster.
    pub last_call: Option<Moment>,
    /// When the poll of all clusters last completed.
    pub polled_at: Option<DateTime<Utc>>,
}

impl LatestObservation {
    /// Whether the moment is after the last call.
    pub fn is_fresh(&self, moment: Moment) -> bool {
        self.last_call.is_none_or(|call| call.order <= moment.order)
            || crate::sabotage::is("stale_read_trusted")
    }

    /// When the cluster was last read, listed or called.
    pub fn latest(&self) -> Option<Moment> {
        [self.observed, self.missing, self.last_call]
            .into_iter()
            .flatten()
            .max_by_key(|moment| moment.order)
    }
}

/// A committed intent with an unknown outcome: the call may have taken effect.
#[derive(Debug, Clone)]
pub struct Intent {
    /// ID of the intent, increasing.
    pub id: i64,
    /// ID of the operation that committed it.
    pub operation_id: Uuid,
    /// Position of the step that committed it.
    pub position: i32,
    /// The call to send.
    pub mutation: Mutation,
    /// When it was committed, by the database's clock.
    pub opened_at: DateTime<Utc>,
}

impl Task {
    /// The first present resource of a kind.
    pub fn present(&self, kind: ResourceKind) -> Option<&Item> {
        self.inventory
            .iter()
            .find(|item| item.kind == kind && item.presence == super::inventory::Presence::Present)
    }

    /// The present resource with this kind and name.
    pub fn present_named(&self, kind: ResourceKind, name: &str) -> Option<&Item> {
        self.inventory.iter().find(|item| {
            item.kind == kind
                && item.name == name
                && item.presence == super::inventory::Presence::Present
        })
    }

    /// The managed, present resources of a kind.
    pub fn managed(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.inventory
            .iter()
            .filter(move |item| item.kind == kind && item.is_managed_and_present())
    }

    /// An open call with the same AWS operation and target as `mutation`. If it took effect, the
    /// resource has its parameters, even if the settings have changed since.
    pub fn open_call_like(&self, mutation: &Mutation) -> Option<&Mutation> {
        self.open_intents
            .iter()
            .map(|intent| &intent.mutation)
            .find(|open| {
                open.operation() == mutation.operation() && open.target() == mutation.target()
            })
    }

    /// Whether this operation already made the same call to the same target.
    pub fn has_done(&self, mutation: &Mutation) -> bool {
        self.done_calls.iter().any(|done| {
            done.mutation.call_name() == mutation.call_name()
                && done.mutation.target() == mutation.target()
        })
    }

    /// The time since AWS last confirmed this very call of this operation.
    pub fn age_of_confirmed(&self, mutation: &Mutation) -> Option<Duration> {
        let same = self
            .done_calls
            .iter()
            .filter(|done| done.is_confirmed && done.mutation == *mutation);
        same.map(|done| self.age_of(done.at)).min()
    }

    /// The managed, present resources of a kind that this operation created.
    pub fn created_here(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.managed(kind)
            .filter(|item| item.operation_id == self.operation_id)
    }

    /// The managed, present resources of a kind that earlier operations created.
    pub fn created_before(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        self.managed(kind)
            .filter(|item| item.operation_id != self.operation_id)
    }

    /// Whether AWS has confirmed the deletion of this very resource: of its kind and name, by a call
    /// that was sent after the resource was recorded. Resources of different kinds share names, and
    /// a name can be used again.
    pub fn is_confirmed_deleted(&self, item: &Item) -> bool {
        self.confirmed_deletions.iter().any(|deletion| {
            item.kind.delete_call() == Some(deletion.call.as_str())
                && (deletion.target == item.name || Some(&deletion.target) == item.arn.as_ref())
                && item
                    .recorded_at
                    .is_some_and(|recorded_at| recorded_at < deletion.opened_at)
        })
    }

    /// The time since an instant of the database's clock; zero if it is in the future.
    pub fn age_of(&self, instant: DateTime<Utc>) -> Duration {
        (self.now - instant).to_std().unwrap_or_default()
    }
}
