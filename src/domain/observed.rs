//! Observed: a cluster as AWS last reported it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A DAX cluster as `DescribeClusters` reports it. Every member is optional in AWS's model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// `creating`, `available`, `modifying` or `deleting`; absent late in a deletion. AWS's model
    /// does not restrict the values.
    pub status: Option<String>,
    /// Number of nodes that the cluster should have.
    pub total_nodes: Option<i32>,
    /// Number of nodes that serve requests.
    pub active_nodes: Option<i32>,
    /// The nodes; empty while the cluster is created or deleted.
    pub nodes: Vec<ObservedNode>,
    /// ARN of the cluster.
    pub arn: Option<String>,
    /// Node type, such as `dax.r5.large`.
    pub node_type: Option<String>,
    /// ARN of the service role.
    pub iam_role_arn: Option<String>,
    /// Name of the subnet group.
    pub subnet_group: Option<String>,
    /// Name of the parameter group.
    pub parameter_group: Option<String>,
    /// The discovery endpoint; `None` until it has an address.
    pub endpoint: Option<Endpoint>,
    /// Free text. AWS reports a missing description as absent or as one space.
    #[serde(default)]
    pub description: Option<String>,
    /// IDs of the security groups, without those that are being removed.
    #[serde(default)]
    pub security_group_ids: BTreeSet<String>,
    /// Weekly maintenance window, lower case.
    #[serde(default)]
    pub maintenance_window: Option<String>,
    /// ARN of the SNS topic for events; `None` if it is not active.
    #[serde(default)]
    pub notification_topic_arn: Option<String>,
    /// Whether the disks are encrypted; absent in old responses.
    #[serde(default)]
    pub encryption_at_rest: Option<bool>,
    /// Whether clients connect with TLS; absent in old responses.
    #[serde(default)]
    pub encryption_in_transit: Option<bool>,
    /// Address family: `ipv4`, `ipv6` or `dual_stack`.
    #[serde(default)]
    pub network_type: Option<String>,
    /// `in-sync` if all nodes have the values of the parameter group. AWS's model does not restrict
    /// the values.
    #[serde(default)]
    pub parameter_apply_status: Option<String>,
    /// Whether AWS applies a changed parameter group, or adds or removes security groups. A cluster
    /// can be `available` while it does.
    #[serde(default)]
    pub applying: bool,
    /// IDs of the nodes that apply the values of the parameter group at their next reboot.
    #[serde(default)]
    pub node_ids_to_reboot: Vec<String>,
}

/// One node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNode {
    /// Node ID, such as `orders-cache-a`.
    pub node_id: Option<String>,
    /// `creating`, `available` or `rebooting`; compare without case.
    pub status: Option<String>,
    /// Name of the Availability Zone.
    pub availability_zone: Option<String>,
}

/// The discovery endpoint, which clients connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `dax://…` or, with encryption in transit, `daxs://…`.
    pub url: String,
    /// Host name of the endpoint.
    pub address: String,
    /// TCP port: 8111, or 9111 with encryption in transit.
    pub port: i32,
    /// Whether connections are encrypted.
    pub tls: bool,
}

/// Settings that `DescribeClusters` does not report. They are read less often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The cluster's tags, with the ownership tags; `None` if they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
    /// The values of its parameter group; `None` if they could not be read.
    pub parameters: Option<GroupValues>,
}

/// The values of a parameter group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupValues {
    /// Name of the parameter group.
    pub group: String,
    /// Values by AWS's parameter names.
    pub values: BTreeMap<String, String>,
}

impl ObservedNode {
    /// Whether AWS reports this status; case does not matter.
    pub fn has_status(&self, status: &str) -> bool {
        self.status
            .as_deref()
            .is_some_and(|s| s.eq_ignore_ascii_case(status))
    }
}

impl Observed {
    /// Whether clients can use the cluster: it and all of its nodes are `available`, and it has an
    /// endpoint.
    pub fn is_usable(&self) -> bool {
        let expected = self
            .total_nodes
            .and_then(|count| usize::try_from(count).ok());
        self.has_status("available")
            && expected == Some(self.nodes.len())
            && self.nodes.iter().all(|node| node.has_status("available"))
            && self.endpoint.is_some()
    }

    /// Whether the cluster accepts a change, and the last one is applied.
    pub fn is_idle(&self) -> bool {
        self.has_status("available") && !self.applying
    }

    /// The number of nodes that AWS lists.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The node with this ID; case does not matter.
    pub fn node(&self, id: &str) -> Option<&ObservedNode> {
        self.nodes.iter().find(|node| {
            node.node_id
                .as_deref()
                .is_some_and(|one| one.eq_ignore_ascii_case(id))
        })
    }

    /// Whether AWS reports this status; case does not matter.
    pub fn has_status(&self, status: &str) -> bool {
        self.status
            .as_deref()
            .is_some_and(|s| s.eq_ignore_ascii_case(status))
    }

    /// Whether the cluster is being deleted. AWS omits the status late in a deletion.
    pub fn is_deleting(&self) -> bool {
        self.status.is_none() || self.has_status("deleting")
    }
}

/// One page of the list of all clusters.
#[derive(Debug)]
pub struct ClustersPage {
    /// Names and descriptions.
    pub clusters: Vec<(String, Observed)>,
    /// Token of the next page; `None` on the last one.
    pub next_token: Option<String>,
}
