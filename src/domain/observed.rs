//! What AWS said of a cluster when we last looked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A DAX cluster as `DescribeClusters` reported it. Every member is optional in AWS's model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// `creating`, `available`, `modifying`, `deleting`; absent late in a deletion. A free string in AWS's model.
    pub status: Option<String>,
    /// Nodes the cluster should have.
    pub total_nodes: Option<i32>,
    /// Nodes that serve.
    pub active_nodes: Option<i32>,
    /// The nodes; empty while creating and deleting.
    pub nodes: Vec<ObservedNode>,
    /// The cluster's ARN.
    pub arn: Option<String>,
    /// Node type.
    pub node_type: Option<String>,
    /// The role it uses.
    pub iam_role_arn: Option<String>,
    /// Its subnet group.
    pub subnet_group: Option<String>,
    /// Its parameter group.
    pub parameter_group: Option<String>,
    /// The discovery endpoint, once it has an address.
    pub endpoint: Option<Endpoint>,
    /// Free text; AWS reads an absent one back as none or as one space.
    #[serde(default)]
    pub description: Option<String>,
    /// Its security groups.
    #[serde(default)]
    pub security_group_ids: BTreeSet<String>,
    /// Its weekly maintenance window, lower case.
    #[serde(default)]
    pub maintenance_window: Option<String>,
    /// The topic that hears of its events; none if it is not active.
    #[serde(default)]
    pub notification_topic_arn: Option<String>,
    /// Whether its disks are encrypted; absent in old answers.
    #[serde(default)]
    pub encryption_at_rest: Option<bool>,
    /// Whether it speaks TLS; absent in old answers.
    #[serde(default)]
    pub encryption_in_transit: Option<bool>,
    /// Its address family.
    #[serde(default)]
    pub network_type: Option<String>,
    /// Whether its nodes have the values of the parameter group: `in-sync`, or another word of AWS's.
    #[serde(default)]
    pub parameter_apply_status: Option<String>,
    /// Nodes that take the values of the parameter group with their next reboot, as AWS names them.
    #[serde(default)]
    pub node_ids_to_reboot: Vec<String>,
}

/// One node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNode {
    /// AWS's id, such as `orders-cache-a`.
    pub node_id: Option<String>,
    /// `creating`, `available`, `rebooting`; compare ignoring case.
    pub status: Option<String>,
    /// Its availability zone.
    pub availability_zone: Option<String>,
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `dax://…` or, with encryption in transit, `daxs://…`.
    pub url: String,
    /// Host name.
    pub address: String,
    /// 8111, or 9111 with encryption in transit.
    pub port: i32,
    /// Whether connections are encrypted.
    pub tls: bool,
}

/// What DescribeClusters leaves out: asked for now and then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The cluster's tags, ours among them; none if they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
    /// The values of its parameter group; none if they could not be read.
    pub parameters: Option<GroupValues>,
}

/// The values of a parameter group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupValues {
    /// The group's name.
    pub group: String,
    /// Value by AWS's parameter name.
    pub values: BTreeMap<String, String>,
}

impl ObservedNode {
    /// Whether AWS reports this status, ignoring case.
    pub fn has_status(&self, status: &str) -> bool {
        self.status
            .as_deref()
            .is_some_and(|s| s.eq_ignore_ascii_case(status))
    }
}

impl Observed {
    /// Whether the cluster is usable: `available`, every node there and available, an address to connect to.
    pub fn is_usable(&self) -> bool {
        let wanted = self
            .total_nodes
            .and_then(|count| usize::try_from(count).ok());
        self.has_status("available")
            && wanted == Some(self.nodes.len())
            && self.nodes.iter().all(|node| node.has_status("available"))
            && self.endpoint.is_some()
    }

    /// How many nodes there are, as far as AWS lists them.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The node of this id, ignoring case.
    pub fn node(&self, id: &str) -> Option<&ObservedNode> {
        self.nodes.iter().find(|node| {
            node.node_id
                .as_deref()
                .is_some_and(|one| one.eq_ignore_ascii_case(id))
        })
    }

    /// Whether AWS reports this status, ignoring case.
    pub fn has_status(&self, status: &str) -> bool {
        self.status
            .as_deref()
            .is_some_and(|s| s.eq_ignore_ascii_case(status))
    }

    /// Whether the cluster is on its way out; late in a deletion AWS leaves the status out.
    pub fn is_deleting(&self) -> bool {
        self.status.is_none() || self.has_status("deleting")
    }
}
