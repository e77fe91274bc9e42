//! Operation: a durable, asynchronous change to one cluster, with its steps and statuses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::inventory::Item;
use super::names::ClusterName;
use super::project::{ProjectName, Scope};
use super::target::TargetName;
use super::waiting::WaitingFor;
use crate::domain::problems::fault::Fault;

/// One operation with its steps, as the store reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// UUIDv7, so IDs sort by creation time.
    pub id: Uuid,
    /// Kind of the operation.
    pub kind: Kind,
    /// The target of the cluster that it changes.
    pub target: TargetName,
    /// The project of that cluster, if it belongs to one.
    pub project: Option<ProjectName>,
    /// Name of the cluster that it changes.
    pub cluster: ClusterName,
    /// Current status.
    pub status: Status,
    /// Incremented by every change that the API can show; the basis of the ETag.
    pub version: i64,
    /// The steps in order, undo steps last.
    pub steps: Vec<StepRecord>,
    /// When the next turn is due, if the operation waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why it waits, if it does.
    pub waiting_for: Option<WaitingFor>,
    /// Why it is blocked, rolling back or failed.
    pub fault: Option<Fault>,
    /// The resources that it created, used, deleted or left.
    pub receipt: Vec<Item>,
    /// Number of nodes, if known: the estimate of the duration depends on it.
    pub node_count: Option<i32>,
    /// The caller: `token:<name>`, or `anonymous` if authentication is off.
    pub requested_by: String,
    /// The person for whom a portal sent the request.
    pub requested_for: Option<String>,
    /// ID of the request that was accepted.
    pub request_id: Option<String>,
    /// W3C `traceparent` header of that request.
    pub traceparent: Option<String>,
    /// The approvals that it needs or needed.
    pub approvals: Vec<Approval>,
    /// ID of the delete that superseded it.
    pub superseded_by: Option<Uuid>,
    /// When the request was accepted.
    pub created_at: DateTime<Utc>,
    /// When its first turn started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Operation {
    /// The scope that decides who may read the operation.
    pub fn scope(&self) -> Scope {
        Scope {
            project: self.project.clone(),
            target: self.target.clone(),
        }
    }

    /// The number of steps that need no further turn.
    pub fn steps_done(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.status.is_done())
            .count()
    }
}

/// The approval of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Approval {
    /// The group, one of whose members decides.
    pub group: String,
    /// The decision; `None` while there is none.
    pub decision: Option<ApprovalDecision>,
    /// The caller who decided, and the person for whom a portal sent that.
    pub by: Option<String>,
    /// What the caller said about it.
    pub comment: Option<String>,
    /// When it was decided.
    pub at: Option<DateTime<Utc>>,
}

impl Approval {
    /// One that is not decided yet.
    pub fn open(group: String) -> Self {
        Self {
            group,
            decision: None,
            by: None,
            comment: None,
            at: None,
        }
    }
}

/// What a member of the group decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ApprovalDecision {
    /// The operation may run, as far as the group is concerned.
    Approved,
    /// The operation ends cancelled.
    Rejected,
}

impl ApprovalDecision {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One step of an operation, as the store reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Name of the step, unique within its operation.
    pub name: String,
    /// Current status.
    pub status: StepStatus,
    /// Number of finished attempts.
    pub attempts: i32,
    /// When its first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The latest fault, until the step is done.
    pub fault: Option<Fault>,
}

/// The kind of an operation. The names are stored, so they never change once released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Create a cluster and the resources it needs.
    CreateCluster,
    /// Delete a cluster and the resources that were created for it.
    DeleteCluster,
    /// Change the settings of a cluster.
    UpdateCluster,
    /// Add or remove nodes.
    ScaleCluster,
    /// Reboot nodes, one after another.
    RebootNodes,
    /// Restore the desired settings where the cluster has drifted.
    RepairCluster,
    /// Start managing an existing cluster.
    AdoptCluster,
    /// Stop managing a cluster. Nothing changes in AWS.
    ReleaseCluster,
    /// Open or close a port of a security group.
    ChangeIngress,
}

impl Kind {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The status of an operation. A finished status never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Waits until people have approved it. Nothing is sent to AWS before that.
    AwaitingApproval,
    /// Accepted; no worker has claimed it yet.
    Pending,
    /// Making progress, or waiting for AWS.
    Running,
    /// Stopped until its cause is fixed. Most causes are re-checked automatically.
    Blocked,
    /// Cancelled by a request: deleting what it created.
    Cancelling,
    /// Deleting what it created, to end `failed`.
    RollingBack,
    /// Ended with success.
    Succeeded,
    /// Ended without success, after a complete undo.
    Failed,
    /// Ended by a cancel request, or superseded by a delete.
    Cancelled,
}

impl Status {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the operation has ended.
    pub fn is_finished(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::AwaitingApproval
            | Self::Pending
            | Self::Running
            | Self::Blocked
            | Self::Cancelling
            | Self::RollingBack => false,
        }
    }
}

/// The status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum StepStatus {
    /// Not reached yet.
    Pending,
    /// Making progress, or waiting for AWS.
    Running,
    /// Ended with success.
    Succeeded,
    /// Not needed.
    Skipped,
    /// Stopped until its cause is fixed.
    Blocked,
    /// Ended without success.
    Failed,
    /// Succeeded once; what it created is deleted again.
    Undone,
}

impl StepStatus {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the step needs no further turn.
    pub fn is_done(self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped | Self::Undone => true,
            Self::Pending | Self::Running | Self::Blocked | Self::Failed => false,
        }
    }
}

/// This service's status of a cluster; AWS's own status is in `observed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ClusterStatus {
    /// Its create operation has not finished.
    Creating,
    /// Created; clients can connect.
    Available,
    /// A change is in progress; clients can connect.
    Updating,
    /// Its delete operation has not finished.
    Deleting,
    /// Its create operation ended without success, and its resources are deleted.
    Failed,
}

impl ClusterStatus {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a list of clusters should make a cluster visible. The names are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Attention {
    /// The last operation is blocked.
    Blocked,
    /// An operation on it waits for an approval.
    AwaitingApproval,
    /// The last operation failed, or the cluster was never created.
    Failed,
    /// The cluster is deleted within a day, or its deletion protection prevents that.
    Expiring,
    /// AWS differs from the desired settings.
    Drifted,
}

impl Attention {
    /// The name in the database and in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
