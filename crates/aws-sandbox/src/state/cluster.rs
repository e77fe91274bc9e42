//! A DAX cluster: settings, nodes and lifecycle phase.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::state::Tag;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// `<cluster>-a`, `<cluster>-b`, …
    pub(crate) id: String,
    pub(crate) availability_zone: String,
    /// When the node became, or will become, available.
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) rebooting_until: Option<DateTime<Utc>>,
    /// Absent in older journals.
    #[serde(default)]
    pub(crate) parameters: Parameters,
}

impl Node {
    pub(crate) fn is_rebooting(&self, now: DateTime<Utc>) -> bool {
        self.rebooting_until.is_some_and(|until| now < until)
    }

    /// Whether the node still uses the cluster's previous parameter group.
    pub(crate) fn needs_reboot(&self, now: DateTime<Utc>) -> bool {
        match self.parameters {
            Parameters::InSync => false,
            Parameters::AwaitReboot => true,
            Parameters::InSyncFrom(rebooted_at) => now < rebooted_at,
        }
    }
}

/// Whether a node uses its cluster's parameter group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parameters {
    #[default]
    InSync,
    /// Until RebootNode is called for the node.
    AwaitReboot,
    /// From the end of the current reboot, which applies the group.
    InSyncFrom(DateTime<Utc>),
}

/// The lifecycle phase of a cluster. A phase with a time ends automatically.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Without a time the phase never ends: the cluster is stuck.
    Creating {
        until: Option<DateTime<Utc>>,
    },
    Available,
    /// The cluster's list of nodes contains both `adding` and `removing`.
    Modifying {
        until: DateTime<Utc>,
        adding: Vec<String>,
        removing: Vec<String>,
    },
    Deleting {
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    },
}

/// The SNS topic for the cluster's notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Topic {
    pub(crate) arn: String,
    pub(crate) status: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// The random part of the endpoint's address.
    pub(crate) address_hash: String,
    pub(crate) description: Option<String>,
    pub(crate) node_type: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) phase: Phase,
    pub(crate) subnet_group: String,
    pub(crate) security_group_ids: Vec<String>,
    pub(crate) role_arn: String,
    pub(crate) parameter_group: String,
    pub(crate) maintenance_window: String,
    pub(crate) topic: Option<Topic>,
    pub(crate) encrypted_at_rest: bool,
    pub(crate) tls: bool,
    pub(crate) network_type: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) created_at: DateTime<Utc>,
    /// Until when the nodes apply a changed parameter group. Absent in older journals.
    #[serde(default)]
    pub(crate) applying_until: Option<DateTime<Utc>>,
    /// A change of the security groups that is in progress. Absent in older journals.
    #[serde(default)]
    pub(crate) group_change: Option<GroupChange>,
}

/// A change of the security groups of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupChange {
    pub(crate) until: DateTime<Utc>,
    pub(crate) adding: Vec<String>,
    pub(crate) removing: Vec<String>,
}

impl Cluster {
    /// Whether the nodes apply a changed parameter group.
    pub(crate) fn is_applying(&self, now: DateTime<Utc>) -> bool {
        self.applying_until.is_some_and(|until| now < until)
    }

    /// The change of the security groups that is in progress.
    pub(crate) fn changing_groups(&self, now: DateTime<Utc>) -> Option<&GroupChange> {
        self.group_change
            .as_ref()
            .filter(|change| now < change.until)
    }

    /// When the current phase ends.
    pub(crate) fn due(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Creating { until } => until,
            Phase::Available => None,
            Phase::Modifying { until, .. } | Phase::Deleting { until, .. } => Some(until),
        }
    }

    /// Ends the current phase if it is due; `false` once the cluster is deleted.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) -> bool {
        if self.due().is_none_or(|due| now < due) {
            return true;
        }
        match &self.phase {
            Phase::Deleting { .. } => return false,
            Phase::Modifying { removing, .. } => {
                let removing = removing.clone();
                self.nodes.retain(|node| !removing.contains(&node.id));
            }
            Phase::Creating { .. } | Phase::Available => {}
        }
        self.phase = Phase::Available;
        true
    }

    /// The status that AWS reports; `None` in the last third of a deletion.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> Option<&'static str> {
        match &self.phase {
            Phase::Creating { .. } => Some("creating"),
            Phase::Available => Some("available"),
            Phase::Modifying { .. } => Some("modifying"),
            Phase::Deleting { from, until } => {
                let last_third: TimeDelta = (*until - *from) / 3;
                (now < *until - last_third).then_some("deleting")
            }
        }
    }

    pub(crate) fn is_available(&self) -> bool {
        self.phase == Phase::Available
    }
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Node, Parameters, Phase};
    use chrono::{DateTime, TimeDelta, Utc};

    fn cluster(phase: Phase, now: DateTime<Utc>) -> Cluster {
        let node = |letter: char| Node {
            id: format!("c-{letter}"),
            availability_zone: "us-east-1a".to_owned(),
            created_at: now,
            rebooting_until: None,
            parameters: Parameters::InSync,
        };
        Cluster {
            name: "c".to_owned(),
            arn: "arn:aws:dax:us-east-1:123456789012:cache/c".to_owned(),
            address_hash: "abc123".to_owned(),
            description: None,
            node_type: "dax.t3.small".to_owned(),
            nodes: vec![node('a'), node('b')],
            phase,
            subnet_group: "default".to_owned(),
            security_group_ids: Vec::new(),
            role_arn: String::new(),
            parameter_group: "default.dax1.0".to_owned(),
            maintenance_window: "sun:05:00-sun:06:00".to_owned(),
            topic: None,
            encrypted_at_rest: false,
            tls: false,
            network_type: "ipv4".to_owned(),
            tags: Vec::new(),
            created_at: now,
            applying_until: None,
            group_change: None,
        }
    }

    #[test]
    fn a_deletion_has_no_status_shortly_before_it_ends() {
        let now = Utc::now();
        let until = now + TimeDelta::seconds(9);
        let mut cluster = cluster(Phase::Deleting { from: now, until }, now);
        assert_eq!(
            cluster.status(now + TimeDelta::seconds(5)),
            Some("deleting")
        );
        assert_eq!(cluster.status(now + TimeDelta::seconds(7)), None);
        assert!(cluster.settle(now + TimeDelta::seconds(8)));
        assert!(!cluster.settle(until));
    }

    #[test]
    fn a_scale_down_keeps_its_nodes_until_it_ends() {
        let now = Utc::now();
        let until = now + TimeDelta::seconds(1);
        let phase = Phase::Modifying {
            until,
            adding: Vec::new(),
            removing: vec!["c-a".to_owned()],
        };
        let mut cluster = cluster(phase, now);
        assert!(cluster.settle(now));
        assert_eq!(cluster.nodes.len(), 2);
        assert!(cluster.settle(until));
        assert_eq!(
            (cluster.nodes.len(), cluster.status(until)),
            (1, Some("available"))
        );
    }

    #[test]
    fn a_node_is_in_sync_once_its_reboot_has_ended() {
        let now = Utc::now();
        let mut node = cluster(Phase::Available, now).nodes.remove(0);
        assert!(!node.needs_reboot(now));
        node.parameters = Parameters::AwaitReboot;
        assert!(node.needs_reboot(now + TimeDelta::days(2)));
        node.parameters = Parameters::InSyncFrom(now);
        assert!(node.needs_reboot(now - TimeDelta::milliseconds(1)));
        assert!(!node.needs_reboot(now));
    }

    #[test]
    fn a_node_of_an_older_journal_is_in_sync() {
        let now = Utc::now();
        let mut written = serde_json::to_value(&cluster(Phase::Available, now).nodes[0])
            .expect("a node serialises");
        written
            .as_object_mut()
            .expect("an object")
            .remove("parameters")
            .expect("the field is written");
        let read: Node = serde_json::from_value(written).expect("the field is optional");
        assert_eq!(read.parameters, Parameters::InSync);
    }

    #[test]
    fn a_stuck_cluster_stays_creating() {
        let now = Utc::now();
        let mut cluster = cluster(Phase::Creating { until: None }, now);
        assert!(cluster.settle(now + TimeDelta::days(2)));
        assert_eq!(cluster.status(now), Some("creating"));
    }
}
