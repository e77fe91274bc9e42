//! Cluster: what we know of one managed cluster.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Item, Presence, ResourceKind};
use super::names::ClusterName;
use super::observed::{Details, Observed};
use super::operation::ClusterStatus;
use super::spec::ClusterSpec;
use crate::domain::problems::fault::Fault;

/// One managed cluster as a reader sees it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Our own id of it.
    pub id: Uuid,
    /// Its name.
    pub name: ClusterName,
    /// Where it stands in our eyes.
    pub status: ClusterStatus,
    /// Raised by every change a reader can see.
    pub version: i64,
    /// What was asked for.
    pub desired: ClusterSpec,
    /// What AWS said when we last looked.
    pub observed: Option<Observed>,
    /// When that was.
    pub observed_at: Option<DateTime<Utc>>,
    /// What AWS said of its tags and parameter values when we last asked.
    pub details: Option<Details>,
    /// The last operation on it.
    pub operation_id: Uuid,
    /// The fault of the last operation, if it is blocked or failed.
    pub fault: Option<Fault>,
    /// What it is made of.
    pub inventory: Vec<Item>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

impl Cluster {
    /// The thing of a kind that the cluster has; the newest one, if some were replaced, and one that was left if no other.
    pub fn part(&self, kind: ResourceKind) -> Option<&Item> {
        let with = |presence| {
            self.inventory
                .iter()
                .rev()
                .find(|item| item.kind == kind && item.presence == presence)
        };
        with(Presence::Present).or_else(|| with(Presence::Left))
    }
}
