//! Orphan: something in AWS that carries our mark and belongs to no cluster of ours.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory::{Presence, ResourceKind};

/// Something in AWS that carries our mark: our IAM path, our tag, or our words in its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// What it is.
    pub kind: ResourceKind,
    /// Its exact name.
    pub name: String,
    /// Its ARN, where it has one.
    pub arn: Option<String>,
    /// When it was made, where AWS says so.
    pub created_at: Option<DateTime<Utc>>,
    /// The operation its mark names, where the mark is one that names it.
    pub operation_id: Option<Uuid>,
}

/// What this database knows of a name: the evidence that something of that name may be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The kind of thing.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
    /// The operation that made it, or meant to.
    pub operation_id: Uuid,
    /// Where the inventory has it; `None` when only an intent names it.
    pub presence: Option<Presence>,
    /// Whether a live operation works on its cluster: then it is that operation's business.
    pub in_progress: bool,
    /// Whether its cluster is still managed: neither deleted nor failed.
    pub cluster_kept: bool,
}

/// Something that carries our mark and belongs to no cluster of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is.
    pub kind: ResourceKind,
    /// Its exact name.
    pub name: String,
    /// Its ARN, where it has one.
    pub arn: Option<String>,
    /// When it was made, where AWS says so.
    pub created_at: Option<DateTime<Utc>>,
    /// The operation that made it, as far as it can be told.
    pub operation_id: Option<Uuid>,
    /// Why it is here.
    pub reason: OrphanReason,
}

/// Why something is an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanReason {
    /// A delete left it on purpose.
    Retained,
    /// We saw it gone, and there it is: a call took effect late.
    CameBack,
    /// Only an intent names it: the answer to the call was lost.
    AnswerLost,
    /// Its cluster is gone, and it is not.
    ClusterGone,
    /// It carries our mark, and this database has no record of it.
    Unknown,
}

impl Orphan {
    /// Whether a row of this database names it. The sweep deletes nothing else.
    pub fn is_managed(&self) -> bool {
        self.reason != OrphanReason::Unknown
    }
}

impl fmt::Display for OrphanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retained => "it was left on purpose: retained by a delete, or released",
            Self::CameBack => "it was seen gone, and is there again: a call took effect late",
            Self::AnswerLost => "a call whose answer was lost made it",
            Self::ClusterGone => "its cluster is gone",
            Self::Unknown => {
                "this database has no record of it; it may belong to another installation"
            }
        })
    }
}

/// Those among the marked things that belong to no cluster of ours and are no live operation's business.
pub fn orphans(marked: Vec<Tagged>, evidence: &[Evidence]) -> Vec<Orphan> {
    marked
        .into_iter()
        .filter_map(|thing| {
            let known = || {
                evidence
                    .iter()
                    .filter(|one| one.kind == thing.kind && one.name == thing.name)
            };
            let belongs = |one: &Evidence| {
                one.in_progress || (one.cluster_kept && one.presence == Some(Presence::Present))
            };
            if known().any(belongs) {
                return None;
            }
            // A mark that names an operation is evidence only together with a row of that operation.
            let named = |one: &&Evidence| {
                thing
                    .operation_id
                    .is_none_or(|operation| operation == one.operation_id)
            };
            let newest = known().filter(named).max_by_key(|one| one.operation_id);
            Some(Orphan {
                reason: newest.map_or(OrphanReason::Unknown, |one| reason(one.presence)),
                operation_id: thing.operation_id.or(newest.map(|one| one.operation_id)),
                kind: thing.kind,
                name: thing.name,
                arn: thing.arn,
                created_at: thing.created_at,
            })
        })
        .collect()
}

fn reason(presence: Option<Presence>) -> OrphanReason {
    match presence {
        Some(Presence::Left) => OrphanReason::Retained,
        Some(Presence::Gone) => OrphanReason::CameBack,
        Some(Presence::Present) => OrphanReason::ClusterGone,
        None => OrphanReason::AnswerLost,
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
    fn what_belongs_to_a_cluster_or_a_live_operation_is_no_orphan() {
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
        let found = orphans(
            ["left", "back", "lost", "gone", "stray"].map(role).into(),
            &rows,
        );
        let reasons: Vec<OrphanReason> = found.iter().map(|orphan| orphan.reason).collect();
        let expected = [
            OrphanReason::Retained,
            OrphanReason::CameBack,
            OrphanReason::AnswerLost,
            OrphanReason::ClusterGone,
            OrphanReason::Unknown,
        ];
        assert_eq!(reasons, expected);
        assert_eq!(found.iter().filter(|orphan| orphan.is_managed()).count(), 4);
    }

    #[test]
    fn the_same_name_of_another_kind_is_no_evidence() {
        let mut other = evidence("a", Some(Presence::Present), false, true);
        other.kind = ResourceKind::Cluster;
        assert_eq!(orphans(vec![role("a")], &[other]).len(), 1);
    }
}
