//! Cluster: one managed cluster, with its desired and its observed settings.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Item, Presence, ResourceKind};
use super::names::ClusterName;
use super::observed::{Details, Observed};
use super::operation::ClusterStatus;
use super::spec::ClusterSpec;
use crate::domain::problems::fault::Fault;

/// One managed cluster, as the store reads it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// ID in this service's database; AWS does not know it.
    pub id: Uuid,
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
    /// The AWS resources that belong to the cluster or are used by it, oldest first.
    pub inventory: Vec<Item>,
    /// When the request that started its management was accepted.
    pub created_at: DateTime<Utc>,
}

impl Cluster {
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
