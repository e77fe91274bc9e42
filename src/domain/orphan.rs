//! Orphan: an AWS resource with ownership tags that belongs to no managed cluster.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Presence, ResourceKind};

/// An AWS resource that this service may have created, by its IAM path, ownership tags or
/// description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Exact name in AWS.
    pub name: String,
    /// ARN, if the resource has one.
    pub arn: Option<String>,
    /// When it was created, if AWS reports it.
    pub created_at: Option<DateTime<Utc>>,
    /// The operation that its tags or description name; `None` if only its IAM path was read.
    pub operation_id: Option<Uuid>,
}

/// What this database records about a resource name: the evidence that this service created it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Exact name in AWS.
    pub name: String,
    /// The operation that created it, or sent the call to create it.
    pub operation_id: Uuid,
    /// Its presence in the inventory; `None` if only an intent names it.
    pub presence: Option<Presence>,
    /// Whether an operation on its cluster is in progress. That operation then handles it.
    pub in_progress: bool,
    /// Whether its cluster is still managed, that is neither deleted nor failed.
    pub cluster_kept: bool,
}

/// An AWS resource that this service may have created and that belongs to no managed cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Exact name in AWS.
    pub name: String,
    /// ARN, if the resource has one.
    pub arn: Option<String>,
    /// When it was created, if AWS reports it.
    pub created_at: Option<DateTime<Utc>>,
    /// The operation that created it, if known.
    pub operation_id: Option<Uuid>,
    /// Why it is an orphan.
    pub reason: OrphanReason,
}

/// Why a resource is an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanReason {
    /// A delete or release left it on purpose.
    Retained,
    /// It was confirmed deleted and exists again, because a call took effect late.
    Reappeared,
    /// Only an intent names it, because the response to the call was lost.
    ResponseLost,
    /// Its cluster no longer exists.
    ClusterGone,
    /// It has ownership tags, but this database has no record of it.
    Unknown,
}

impl Orphan {
    /// Whether this database has a record of it. The sweep deletes nothing else.
    pub fn is_managed(&self) -> bool {
        self.reason != OrphanReason::Unknown
    }
}

impl fmt::Display for OrphanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retained => "left on purpose: retained by a delete, or released",
            Self::Reappeared => "deleted, but exists again because a call took effect late",
            Self::ResponseLost => "created by a call whose response was lost",
            Self::ClusterGone => "its cluster no longer exists",
            Self::Unknown => {
                "this database has no record of it; it may belong to another installation"
            }
        })
    }
}

/// The tagged resources that belong to no managed cluster and to no operation in progress.
pub fn orphans(tagged: Vec<Tagged>, evidence: &[Evidence]) -> Vec<Orphan> {
    tagged
        .into_iter()
        .filter_map(|resource| {
            let known = || {
                evidence
                    .iter()
                    .filter(|one| one.kind == resource.kind && one.name == resource.name)
            };
            let belongs = |one: &Evidence| {
                one.in_progress || (one.cluster_kept && one.presence == Some(Presence::Present))
            };
            if known().any(belongs) {
                return None;
            }
            // A tag that names an operation counts only with a record of that operation.
            let named = |one: &&Evidence| {
                resource
                    .operation_id
                    .is_none_or(|operation| operation == one.operation_id)
            };
            let newest = known().filter(named).max_by_key(|one| one.operation_id);
            Some(Orphan {
                reason: newest.map_or(OrphanReason::Unknown, |one| reason(one.presence)),
                operation_id: resource.operation_id.or(newest.map(|one| one.operation_id)),
                kind: resource.kind,
                name: resource.name,
                arn: resource.arn,
                created_at: resource.created_at,
            })
        })
        .collect()
}

fn reason(presence: Option<Presence>) -> OrphanReason {
    match presence {
        Some(Presence::Left) => OrphanReason::Retained,
        Some(Presence::Gone) => OrphanReason::Reappeared,
        Some(Presence::Present) => OrphanReason::ClusterGone,
        None => OrphanReason::ResponseLost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Tagged {
        Tagged {
            kind: ResourceKind::Role,
            name: name.to_owned(),
            arn: None,
            created_at: None,
            operation_id: None,
        }
    }

    fn evidence(
        name: &str,
        presence: Option<Presence>,
        in_progress: bool,
        cluster_kept: bool,
    ) -> Evidence {
        let operation_id = Uuid::from_u128(7);
        Evidence {
            kind: ResourceKind::Role,
            name: name.to_owned(),
            operation_id,
            presence,
            in_progress,
            cluster_kept,
        }
    }

    #[test]
    fn resources_of_clusters_and_of_operations_in_progress_are_no_orphans() {
        let rows = [
            evidence("kept", Some(Presence::Present), false, true),
            evidence("busy", None, true, false),
        ];
        assert_eq!(orphans(vec![role("kept"), role("busy")], &rows), []);
    }

    #[test]
    fn every_orphan_has_its_reason() {
        let rows = [
            evidence("left", Some(Presence::Left), false, false),
            evidence("back", Some(Presence::Gone), false, true),
            evidence("lost", None, false, true),
            evidence("gone", Some(Presence::Present), false, false),
        ];
        let all = orphans(
            ["left", "back", "lost", "gone", "stray"].map(role).into(),
            &rows,
        );
        let reasons: Vec<OrphanReason> = all.iter().map(|orphan| orphan.reason).collect();
        let expected = [
            OrphanReason::Retained,
            OrphanReason::Reappeared,
            OrphanReason::ResponseLost,
            OrphanReason::ClusterGone,
            OrphanReason::Unknown,
        ];
        assert_eq!(reasons, expected);
        assert_eq!(all.iter().filter(|orphan| orphan.is_managed()).count(), 4);
    }

    #[test]
    fn the_same_name_of_another_kind_is_no_evidence() {
        let mut other = evidence("a", Some(Presence::Present), false, true);
        other.kind = ResourceKind::Cluster;
        assert_eq!(orphans(vec![role("a")], &[other]).len(), 1);
    }
}
