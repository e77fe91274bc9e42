//! Cluster: one managed cluster, with its desired and its observed settings.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Item, Presence, ResourceKind};
use super::names::ClusterName;
use super::observed::{Details, Observed};
use super::operation::{Attention, ClusterStatus};
use super::project::{ProjectName, Scope};
use super::spec::ClusterSpec;
use super::target::TargetName;
use crate::domain::problems::fault::Fault;

/// One managed cluster, as the store reads it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// ID in this service's database; AWS does not know it.
    pub id: Uuid,
    /// The account and Region of the cluster.
    pub target: TargetName,
    /// The project of the cluster, if it belongs to one.
    pub project: Option<ProjectName>,
    /// The caller whose request created or adopted the cluster; `None` for clusters of earlier
    /// versions.
    pub created_by: Option<String>,
    /// Name of the cluster in AWS.
    pub name: ClusterName,
    /// This service's status; AWS's own status is in `observed`.
    pub status: ClusterStatus,
    /// Incremented by every change that the API can show; the basis of the ETag.
    pub version: i64,
    /// The desired settings.
    pub desired: ClusterSpec,
    /// The latest observation in AWS; `None` if the cluster did not exist.
    pub observed: Option<Observed>,
    /// When `observed` was read; `None` before the first observation.
    pub observed_at: Option<DateTime<Utc>>,
    /// The tags and parameter values that AWS last reported.
    pub details: Option<Details>,
    /// ID of the latest operation on the cluster.
    pub operation_id: Uuid,
    /// The fault of the latest operation, if that is blocked or failed.
    pub fault: Option<Fault>,
    /// Why the cluster needs attention, as last recorded; never [`Attention::Expiring`] or
    /// [`Attention::AwaitingApproval`].
    pub attention: Option<Attention>,
    /// Whether an operation on it waits for an approval.
    pub is_awaiting_approval: bool,
    /// Whether its expiry is near or past, as last recorded.
    pub is_expiring: bool,
    /// The AWS resources that belong to the cluster or are used by it, oldest first.
    pub inventory: Vec<Item>,
    /// When the request that started its management was accepted.
    pub created_at: DateTime<Utc>,
}

impl Cluster {
    /// The scope that decides who may read the cluster.
    pub fn scope(&self) -> Scope {
        Scope {
            project: self.project.clone(),
            target: self.target.clone(),
        }
    }

    /// Whether AWS has shown the cluster: it does, or an observation of it was replaced by its
    /// absence.
    pub fn has_been_observed(&self) -> bool {
        self.observed.is_some() || self.resource(ResourceKind::Cluster).is_some()
    }

    /// Why the cluster needs attention now; `is_drifted`: whether AWS differs from the desired
    /// settings, which the record may not know yet.
    pub fn attention(&self, is_drifted: bool) -> Option<Attention> {
        let recorded = self
            .attention
            .filter(|&reason| reason != Attention::Drifted);
        let awaiting = self
            .is_awaiting_approval
            .then_some(Attention::AwaitingApproval);
        let blocked = recorded.filter(|&reason| reason == Attention::Blocked);
        blocked
            .or(awaiting)
            .or(recorded)
            .or(self.is_expiring.then_some(Attention::Expiring))
            .or(is_drifted.then_some(Attention::Drifted))
    }

    /// The resource of a kind that the cluster uses: the newest one that is present, or else the
    /// newest one that was left.
    pub fn resource(&self, kind: ResourceKind) -> Option<&Item> {
        let with = |presence| {
            self.inventory
                .iter()
                .rev()
                .find(|item| item.kind == kind && item.presence == presence)
        };
        with(Presence::Present).or_else(|| with(Presence::Left))
    }
}
