//! Change: what an operation on an existing cluster shall do. Like every spec it never changes within an operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::RESERVED_TAG_PREFIX;
use super::observed::Observed;
use super::spec::{ClusterSpec, NetworkType, ParameterGroup, ServiceRole, SubnetGroup};

/// New settings of a cluster, and those it had: for update, scale and repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeSpec {
    /// The desired settings before.
    pub before: ClusterSpec,
    /// The desired settings from now on.
    pub after: ClusterSpec,
    /// Whether nodes that AWS names as waiting for a reboot are rebooted.
    #[serde(default)]
    pub reboot_nodes_if_needed: bool,
    /// Where nodes are added, or which are removed.
    #[serde(default)]
    pub placement: Placement,
}

/// Where nodes are added, or which are removed. What is left out is left to AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// One zone for each node that is added or removed.
    pub availability_zones: Vec<String>,
    /// The nodes to remove.
    pub node_ids_to_remove: Vec<String>,
}

/// Which nodes to reboot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebootSpec {
    /// Ids of nodes, in the order of their reboots; none means all of them.
    pub node_ids: Vec<String>,
}

/// What an undo has left of the things that a change made, because AWS uses them already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetainedParts {
    /// The new parameter group.
    pub parameters: bool,
    /// The new access policies.
    pub access: bool,
}

impl ChangeSpec {
    /// The settings before, but for those that AWS has no part in: they hold from the acceptance on.
    pub fn unchanged(&self) -> ClusterSpec {
        let Self { before, after, .. } = self;
        let (deletion_protection, on_failure) = (after.deletion_protection, after.on_failure);
        ClusterSpec {
            deletion_protection,
            on_failure,
            ..before.clone()
        }
    }

    /// The desired settings after an undo: those before, and what AWS reports where this change would have changed it.
    pub fn as_reported(
        &self,
        seen: &Observed,
        tags: &BTreeMap<String, String>,
        kept: RetainedParts,
    ) -> ClusterSpec {
        let Self { before, after, .. } = self;
        let mut desired = self.unchanged();
        if before.description != after.description {
            desired.description.clone_from(&seen.description);
        }
        if before.maintenance_window != after.maintenance_window {
            desired
                .maintenance_window
                .clone_from(&seen.maintenance_window);
        }
        if before.notification_topic_arn != after.notification_topic_arn {
            desired
                .notification_topic_arn
                .clone_from(&seen.notification_topic_arn);
        }
        if before.security_group_ids != after.security_group_ids {
            desired.security_group_ids = seen.security_group_ids.iter().cloned().collect();
        }
        if before.replication_factor != after.replication_factor {
            let nodes = u8::try_from(seen.node_count())
                .ok()
                .filter(|count| *count > 0);
            desired.replication_factor = nodes.unwrap_or(before.replication_factor);
        }
        if kept.access {
            desired.service_role = after.service_role.clone();
        }
        if kept.parameters || after.has_group_of(seen) {
            desired.parameter_group = after.parameter_group.clone();
        }
        let keys = before.tags.keys().chain(after.tags.keys());
        for key in keys.filter(|key| before.tags.get(*key) != after.tags.get(*key)) {
            match tags.get(key) {
                Some(value) => desired.tags.insert(key.clone(), value.clone()),
                None => desired.tags.remove(key),
            };
        }
        desired
    }

    /// Whether the parameter group, or the values in it, are other than before.
    pub fn changes_parameters(&self) -> bool {
        self.before.parameter_group != self.after.parameter_group
    }

    /// Whether the role of ours shall reach other tables, or otherwise.
    pub fn changes_access(&self) -> bool {
        self.before.service_role != self.after.service_role
    }

    /// Whether a group of ours shall hold the cache settings.
    pub fn makes_parameters(&self) -> bool {
        matches!(self.after.parameter_group, ParameterGroup::New { .. })
    }
}

/// The settings of a cluster as AWS reports them: what an adopted cluster is managed by. `wanted` says what AWS does not
/// know, such as the protection against deletion.
pub fn settings_of(
    wanted: &ClusterSpec,
    seen: &Observed,
    tags: &BTreeMap<String, String>,
) -> ClusterSpec {
    let nodes = u8::try_from(seen.node_count())
        .ok()
        .filter(|count| *count > 0);
    let role = seen
        .iam_role_arn
        .clone()
        .map(|arn| ServiceRole::Existing { arn });
    let subnets = seen
        .subnet_group
        .clone()
        .map(|name| SubnetGroup::Existing { name });
    let own = |key: &str| key.starts_with(RESERVED_TAG_PREFIX) || key.starts_with("aws:");
    ClusterSpec {
        name: wanted.name.clone(),
        description: seen.description.clone(),
        node_type: seen
            .node_type
            .clone()
            .unwrap_or_else(|| wanted.node_type.clone()),
        replication_factor: nodes.unwrap_or(wanted.replication_factor),
        availability_zones: Vec::new(),
        service_role: role.unwrap_or_else(|| wanted.service_role.clone()),
        subnet_group: subnets.unwrap_or_else(|| wanted.subnet_group.clone()),
        security_group_ids: seen.security_group_ids.iter().cloned().collect(),
        network_type: seen.network_type.as_deref().and_then(NetworkType::parse),
        parameter_group: match seen.parameter_group.as_deref() {
            Some(name) if !name.starts_with("default.") => ParameterGroup::Existing {
                name: name.to_owned(),
            },
            Some(_) | None => ParameterGroup::Default,
        },
        encryption_at_rest: seen.encryption_at_rest.unwrap_or_default(),
        encryption_in_transit: seen.encryption_in_transit.unwrap_or_default(),
        maintenance_window: seen.maintenance_window.clone(),
        notification_topic_arn: seen.notification_topic_arn.clone(),
        tags: tags
            .iter()
            .filter(|(key, _)| !own(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        deletion_protection: wanted.deletion_protection,
        on_failure: wanted.on_failure,
    }
}
