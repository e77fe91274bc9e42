//! Operation: one durable run of a kind on one cluster, as its kinds and statuses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::inventory::Item;
use super::names::ClusterName;
use super::waiting::WaitingFor;
use crate::domain::problems::fault::Fault;

/// One operation as a reader sees it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// The cluster it works on.
    pub cluster: ClusterName,
    /// Where it stands.
    pub status: Status,
    /// Raised by every change a reader can see.
    pub version: i64,
    /// Its steps in order, undo steps last.
    pub steps: Vec<StepRecord>,
    /// When a worker visits it next, if it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// Why it is blocked, undoing or failed.
    pub fault: Option<Fault>,
    /// What it made, used, removed or left.
    pub receipt: Vec<Item>,
    /// Nodes of the cluster, as far as known: more take longer.
    pub node_count: Option<i32>,
    /// Who asked: `token:<name>`, or `anonymous` where authentication is off.
    pub requested_by: String,
    /// The request's id.
    pub request_id: Option<String>,
    /// The request's `traceparent`.
    pub traceparent: Option<String>,
    /// The delete that took it over.
    pub superseded_by: Option<Uuid>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When a worker first visited it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Operation {
    /// Steps that need no more work.
    pub fn steps_done(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.status.is_done())
            .count()
    }
}

/// One step as a reader sees it.
#[derive(Debug, Clone)]
pub struct StepRecord {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: StepStatus,
    /// Finished tries.
    pub attempts: i32,
    /// When it was first tried.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The last fault it met, while it is not done.
    pub fault: Option<Fault>,
}

/// The kind of an operation. The words are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Make a cluster and what it needs.
    CreateCluster,
    /// Remove a cluster and what was made for it.
    DeleteCluster,
    /// Change settings of a cluster.
    UpdateCluster,
    /// Add or remove nodes.
    ScaleCluster,
    /// Reboot nodes, one after another.
    RebootNodes,
    /// Bring what drifted back to the desired settings.
    RepairCluster,
    /// Take an existing cluster under management.
    AdoptCluster,
    /// Forget a cluster without touching AWS.
    ReleaseCluster,
    /// Let clients in, or no longer.
    ChangeIngress,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::CreateCluster,
        Self::DeleteCluster,
        Self::UpdateCluster,
        Self::ScaleCluster,
        Self::RebootNodes,
        Self::RepairCluster,
        Self::AdoptCluster,
        Self::ReleaseCluster,
        Self::ChangeIngress,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateCluster => "create_cluster",
            Self::DeleteCluster => "delete_cluster",
            Self::UpdateCluster => "update_cluster",
            Self::ScaleCluster => "scale_cluster",
            Self::RebootNodes => "reboot_nodes",
            Self::RepairCluster => "repair_cluster",
            Self::AdoptCluster => "adopt_cluster",
            Self::ReleaseCluster => "release_cluster",
            Self::ChangeIngress => "change_ingress",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where an operation stands. A finished status never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; no worker has visited it.
    Pending,
    /// At work, or waiting for AWS.
    Running,
    /// Stopped, curable without another request; it looks again by itself.
    Blocked,
    /// Being cancelled: undoing what it made.
    Cancelling,
    /// Undoing what it made, to end `failed`.
    RollingBack,
    /// Done.
    Succeeded,
    /// Ended without success; the undo is done and verified.
    Failed,
    /// Ended by wish or taken over by a delete.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Blocked,
        Self::Cancelling,
        Self::RollingBack,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Cancelling => "cancelling",
            Self::RollingBack => "rolling_back",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the operation is over.
    pub fn is_finished(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Pending
            | Self::Running
            | Self::Blocked
            | Self::Cancelling
            | Self::RollingBack => false,
        }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not reached yet.
    Pending,
    /// At work, or waiting for AWS.
    Running,
    /// Done.
    Succeeded,
    /// Not needed.
    Skipped,
    /// Stopped, curable.
    Blocked,
    /// Ended without success.
    Failed,
    /// Was done, and what it made was removed again.
    Undone,
}

impl StepStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Skipped,
        Self::Blocked,
        Self::Failed,
        Self::Undone,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Undone => "undone",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the step needs no more work.
    pub fn is_done(self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped | Self::Undone => true,
            Self::Pending | Self::Running | Self::Blocked | Self::Failed => false,
        }
    }
}

/// Where a cluster stands in our eyes; AWS's own status is in `observed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterStatus {
    /// A create works on it.
    Creating,
    /// It can be used.
    Available,
    /// A change works on it; it can be used meanwhile.
    Updating,
    /// A delete works on it.
    Deleting,
    /// Its create ended without success; nothing is left of it.
    Failed,
}

impl ClusterStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Creating,
        Self::Available,
        Self::Updating,
        Self::Deleting,
        Self::Failed,
    ];

    /// The word used in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Updating => "updating",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}
