//! Change: the specs of operations that change an existing cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::RESERVED_TAG_PREFIX;
use super::observed::Observed;
use super::project::ProjectName;
use super::spec::{ClusterSpec, ParameterGroup, ServiceRole, SubnetGroup};
use crate::domain::validation::typed::{
    AvailabilityZone, MaintenanceWindow, NodeType, RoleArn, SecurityGroupId, TagKey, TopicArn,
};

/// The settings of a cluster before and after: the spec of update, scale and repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeSpec {
    /// The desired settings before the operation.
    pub before: ClusterSpec,
    /// The desired settings after the operation.
    pub after: ClusterSpec,
    /// Whether to reboot the nodes that AWS lists as waiting for a reboot.
    #[serde(default)]
    pub reboot_nodes_if_needed: bool,
    /// Where nodes are added, or which nodes are removed.
    #[serde(default)]
    pub placement: Placement,
    /// The project that a cluster of no project is put into. An undo keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
}

/// Where nodes are added, or which nodes are removed. AWS chooses where a list is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// One Availability Zone for each node that is added or removed.
    pub availability_zones: Vec<AvailabilityZone>,
    /// IDs of the nodes to remove.
    pub node_ids_to_remove: Vec<String>,
}

/// The nodes to reboot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebootSpec {
    /// Node IDs in the order of the reboots; empty means all nodes.
    pub node_ids: Vec<String>,
}

/// The resources of a change that its undo keeps, because the cluster already uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetainedParts {
    /// Whether the new parameter group is kept.
    pub parameters: bool,
    /// Whether the new access policies are kept.
    pub access: bool,
}

impl ChangeSpec {
    /// The settings before, with the new values of those that AWS does not store. These apply from
    /// acceptance, so an undo keeps them.
    pub fn unchanged(&self) -> ClusterSpec {
        ClusterSpec {
            local: self.after.local.clone(),
            ..self.before.clone()
        }
    }

    /// The desired settings after an undo: the settings before, with AWS's report for every setting
    /// that this change affects.
    pub fn as_reported(
        &self,
        observed: &Observed,
        tags: &BTreeMap<String, String>,
        retained: RetainedParts,
    ) -> ClusterSpec {
        let Self { before, after, .. } = self;
        let mut desired = self.unchanged();
        if before.description != after.description {
            desired.description.clone_from(&observed.description);
        }
        if before.maintenance_window != after.maintenance_window {
            desired.maintenance_window = reported_window(observed);
        }
        if before.notification_topic_arn != after.notification_topic_arn {
            desired.notification_topic_arn = reported_topic(observed);
        }
        if before.security_group_ids != after.security_group_ids {
            desired.security_group_ids = reported_groups(observed);
        }
        if before.replication_factor != after.replication_factor {
            let nodes = u8::try_from(observed.node_count())
                .ok()
                .filter(|count| *count > 0);
            desired.replication_factor = nodes.unwrap_or(before.replication_factor);
        }
        if retained.access {
            desired.service_role = after.service_role.clone();
        }
        if retained.parameters || after.names_parameter_group_of(observed) {
            desired.parameter_group = after.parameter_group.clone();
        }
        let keys = before.tags.keys().chain(after.tags.keys());
        for key in keys.filter(|key| before.tags.get(*key) != after.tags.get(*key)) {
            match tags.get(key.as_str()) {
                Some(value) => desired.tags.insert(key.clone(), value.clone()),
                None => desired.tags.remove(key),
            };
        }
        desired
    }

    /// Whether the change selects another parameter group, or other values in it.
    pub fn changes_parameters(&self) -> bool {
        self.before.parameter_group != self.after.parameter_group
    }

    /// Whether the change gives the service role other tables or another kind of access.
    pub fn changes_access(&self) -> bool {
        self.before.service_role != self.after.service_role
    }

    /// Whether the cluster gets a parameter group that this service creates.
    pub fn creates_parameter_group(&self) -> bool {
        matches!(self.after.parameter_group, ParameterGroup::New { .. })
    }
}

fn reported_window(observed: &Observed) -> Option<MaintenanceWindow> {
    let window = observed.maintenance_window.as_ref();
    window.map(MaintenanceWindow::from_aws)
}

fn reported_topic(observed: &Observed) -> Option<TopicArn> {
    let topic = observed.notification_topic_arn.as_ref();
    topic.map(TopicArn::from_aws)
}

fn reported_groups(observed: &Observed) -> Vec<SecurityGroupId> {
    let ids = observed.security_group_ids.iter();
    ids.map(SecurityGroupId::from_aws).collect()
}

/// The desired settings of an adopted cluster: those that AWS reports, and from `requested` those
/// that AWS does not store. What AWS reports is not validated, so every cluster can be adopted.
pub fn settings_of(
    requested: &ClusterSpec,
    observed: &Observed,
    tags: &BTreeMap<String, String>,
) -> ClusterSpec {
    let nodes = u8::try_from(observed.node_count())
        .ok()
        .filter(|count| *count > 0);
    let role = observed
        .iam_role_arn
        .clone()
        .map(RoleArn::from_aws)
        .map(|arn| ServiceRole::Existing { arn });
    let subnets = observed
        .subnet_group
        .clone()
        .map(|name| SubnetGroup::Existing { name });
    let is_reserved = |key: &str| key.starts_with(RESERVED_TAG_PREFIX) || key.starts_with("aws:");
    ClusterSpec {
        name: requested.name.clone(),
        description: observed.description.clone(),
        node_type: observed
            .node_type
            .clone()
            .map_or_else(|| requested.node_type.clone(), NodeType::from_aws),
        replication_factor: nodes.unwrap_or(requested.replication_factor),
        availability_zones: Vec::new(),
        service_role: role.unwrap_or_else(|| requested.service_role.clone()),
        subnet_group: subnets.unwrap_or_else(|| requested.subnet_group.clone()),
        security_group_ids: reported_groups(observed),
        network_type: observed
            .network_type
            .as_deref()
            .and_then(|text| text.parse().ok()),
        parameter_group: match observed.parameter_group.as_deref() {
            Some(name) if !name.starts_with("default.") => ParameterGroup::Existing {
                name: name.to_owned(),
            },
            Some(_) | None => ParameterGroup::Default,
        },
        encryption_at_rest: observed.encryption_at_rest.unwrap_or_default(),
        encryption_in_transit: observed.encryption_in_transit.unwrap_or_default(),
        maintenance_window: reported_window(observed),
        notification_topic_arn: reported_topic(observed),
        tags: tags
            .iter()
            .filter(|(key, _)| !is_reserved(key))
            .map(|(key, value)| (TagKey::from_aws(key), value.clone()))
            .collect(),
        local: requested.local.clone(),
    }
}
