//! Drift: where AWS differs from the desired settings, field by field.

use std::collections::BTreeSet;

use super::change::ChangeSpec;
use super::cluster::Cluster;
use super::inventory::{Item, ResourceKind};
use super::mutation::bodies::ClusterUpdate;
use super::names::OPERATION_TAG;
use super::observed::{Details, GroupValues, Observed};
use super::operation::{ClusterStatus, Kind};
use super::spec::{ClusterSpec, ParameterGroup};
use crate::domain::validation::typed::{MaintenanceWindow, SecurityGroupId, TagKey, TopicArn};

/// The parameter group that AWS uses when a request names none (developer guide, "Managing DAX
/// clusters").
pub const DEFAULT_PARAMETER_GROUP: &str = "default.dax1.0";
/// Name prefix of the groups that AWS provides.
const BUILT_IN: &str = "default.";

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftField {
    /// Field name as in the create request; a dot precedes the part of a field, as in `tags.owner`.
    pub field: String,
    /// The desired value; `None` if the field should be absent.
    pub desired: Option<String>,
    /// The value that AWS reports; `None` if the field is absent.
    pub observed: Option<String>,
    /// Whether a repair can restore the desired value.
    pub repairable: bool,
}

impl DriftField {
    fn between(
        field: &str,
        desired: Option<String>,
        observed: Option<String>,
        repairable: bool,
    ) -> Option<Self> {
        let differs = desired != observed;
        differs.then(|| Self {
            field: field.to_owned(),
            desired,
            observed,
            repairable,
        })
    }
}

/// The `UpdateCluster` call that gives a cluster its desired settings. Settings that the spec
/// leaves to AWS are not changed.
pub fn update_needed(desired: &ClusterSpec, group: &str, observed: &Observed) -> ClusterUpdate {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let description = desired
        .description
        .clone()
        .filter(|desired| desired.trim() != text(&observed.description));
    let window = desired.maintenance_window.clone();
    let (topic, status) = match (
        &desired.notification_topic_arn,
        observed.notification_topic_arn.as_deref(),
    ) {
        (Some(topic), reported) if reported != Some(topic.as_str()) => {
            (Some(topic.clone()), Some("active"))
        }
        (None, Some(_)) => (None, Some("inactive")),
        (Some(_), _) | (None, None) => (None, None),
    };
    let groups: BTreeSet<SecurityGroupId> = desired.security_group_ids.iter().cloned().collect();
    let are_groups_reported = groups
        .iter()
        .map(SecurityGroupId::as_str)
        .eq(&observed.security_group_ids);
    ClusterUpdate {
        name: desired.name.to_string(),
        description,
        maintenance_window: window
            .filter(|window| observed.maintenance_window.as_deref() != Some(window.as_str())),
        notification_topic_arn: topic,
        notification_topic_status: status.map(str::to_owned),
        parameter_group: (!is_group(observed, group)).then(|| group.to_owned()),
        security_group_ids: (!groups.is_empty() && !are_groups_reported).then_some(groups),
    }
}

/// The `UpdateCluster` call of a change. An update sets only what its request changes; a repair sets
/// everything that has drifted.
pub fn change_needed(
    change: &ChangeSpec,
    kind: Kind,
    group: &str,
    observed: &Observed,
) -> ClusterUpdate {
    let ChangeSpec { before, after, .. } = change;
    let update = update_needed(after, group, observed);
    if kind == Kind::RepairCluster {
        return update;
    }
    let topic = before.notification_topic_arn != after.notification_topic_arn;
    ClusterUpdate {
        name: update.name,
        description: update
            .description
            .filter(|_| before.description != after.description),
        maintenance_window: update
            .maintenance_window
            .filter(|_| before.maintenance_window != after.maintenance_window),
        notification_topic_arn: update.notification_topic_arn.filter(|_| topic),
        notification_topic_status: update.notification_topic_status.filter(|_| topic),
        parameter_group: update
            .parameter_group
            .filter(|_| change.changes_parameters()),
        security_group_ids: update
            .security_group_ids
            .filter(|_| before.security_group_ids != after.security_group_ids),
    }
}

/// Whether the cluster has this parameter group; AWS's default groups count as one.
fn is_group(observed: &Observed, group: &str) -> bool {
    let reported = observed
        .parameter_group
        .as_deref()
        .unwrap_or(DEFAULT_PARAMETER_GROUP);
    reported == group || (reported.starts_with(BUILT_IN) && group.starts_with(BUILT_IN))
}

/// The name of the parameter group that a cluster should have. `managed` is the group that this
/// service created for it.
pub fn desired_group<'a>(desired: &'a ClusterSpec, managed: Option<&'a Item>) -> &'a str {
    match &desired.parameter_group {
        ParameterGroup::Default => DEFAULT_PARAMETER_GROUP,
        ParameterGroup::Existing { name } => name,
        ParameterGroup::New { .. } => {
            managed.map_or(DEFAULT_PARAMETER_GROUP, |item| item.name.as_str())
        }
    }
}

/// Every field in which the latest observation of a cluster differs from its desired settings.
///
/// Empty unless the cluster is `available` and was observed. During an operation the desired
/// settings are the future ones, so a difference is expected. A failed cluster has no resources.
pub fn drift(cluster: &Cluster) -> Vec<DriftField> {
    if cluster.status != ClusterStatus::Available || cluster.observed_at.is_none() {
        return Vec::new();
    }
    let desired = &cluster.desired;
    let present = || Some("present".to_owned());
    let Some(observed) = &cluster.observed else {
        return DriftField::between("cluster", present(), None, false)
            .into_iter()
            .collect();
    };
    if observed.is_deleting() {
        let deleting = Some("deleting".to_owned());
        return DriftField::between("cluster", present(), deleting, false)
            .into_iter()
            .collect();
    }
    let is_managed_group =
        |item: &&Item| item.kind == ResourceKind::ParameterGroup && item.is_managed_and_present();
    let managed_group = cluster.inventory.iter().rev().find(is_managed_group);
    let group = desired_group(desired, managed_group);
    let update = update_needed(desired, group, observed);
    let mut fields = fixed(cluster, desired, observed);
    fields.extend(changeable(desired, group, observed, &update));
    fields.extend(node_count(desired, observed));
    if let Some(details) = &cluster.details {
        fields.extend(parameters(desired, observed, details));
        fields.extend(tags(desired, details));
        fields.extend(operation_tag(cluster, details));
    }
    fields
}

/// Settings that are fixed at creation: a difference means that this is another cluster with the
/// same name.
fn fixed(cluster: &Cluster, desired: &ClusterSpec, observed: &Observed) -> Vec<DriftField> {
    let role = cluster
        .resource(ResourceKind::Role)
        .and_then(|item| item.arn.clone());
    let subnets = cluster
        .resource(ResourceKind::SubnetGroup)
        .map(|item| item.name.clone());
    let known = |field: &str, desired: Option<String>, reported: Option<String>| {
        let both = desired.is_some() && reported.is_some();
        both.then(|| DriftField::between(field, desired, reported, false))
            .flatten()
    };
    let network = desired.network_type.map(|kind| kind.as_str().to_owned());
    let text = |on: bool| Some(on.to_string());
    [
        known(
            "node_type",
            Some(desired.node_type.to_string()),
            observed.node_type.clone(),
        ),
        known("service_role", role, observed.iam_role_arn.clone()),
        known("subnet_group", subnets, observed.subnet_group.clone()),
        known("network_type", network, observed.network_type.clone()),
        known(
            "encryption_at_rest",
            text(desired.encryption_at_rest),
            observed.encryption_at_rest.and_then(text),
        ),
        known(
            "encryption_in_transit",
            text(desired.encryption_in_transit),
            observed.encryption_in_transit.and_then(text),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn changeable(
    desired: &ClusterSpec,
    group: &str,
    observed: &Observed,
    update: &ClusterUpdate,
) -> Vec<DriftField> {
    let field = |name: &str, differs: bool, desired: Option<String>, reported: Option<String>| {
        differs
            .then(|| DriftField::between(name, desired, reported, true))
            .flatten()
    };
    let topic = update.notification_topic_status.is_some();
    let groups = update.security_group_ids.as_ref();
    let desired_groups = groups.map(|ids| joined(ids.iter().map(SecurityGroupId::as_str)));
    let reported_groups = joined(observed.security_group_ids.iter().map(String::as_str));
    [
        field(
            "description",
            update.description.is_some(),
            desired.description.clone().filter(|text| !text.is_empty()),
            observed.description.clone(),
        ),
        field(
            "maintenance_window",
            update.maintenance_window.is_some(),
            desired
                .maintenance_window
                .as_ref()
                .map(MaintenanceWindow::to_string),
            observed.maintenance_window.clone(),
        ),
        field(
            "notification_topic_arn",
            topic,
            desired
                .notification_topic_arn
                .as_ref()
                .map(TopicArn::to_string),
            observed.notification_topic_arn.clone(),
        ),
        field(
            "parameter_group",
            update.parameter_group.is_some(),
            Some(group.to_owned()),
            observed.parameter_group.clone(),
        ),
        field(
            "security_group_ids",
            groups.is_some(),
            desired_groups,
            Some(reported_groups),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn joined<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.collect::<Vec<_>>().join(", ")
}

fn node_count(desired: &ClusterSpec, observed: &Observed) -> Option<DriftField> {
    let reported = observed.total_nodes?.to_string();
    DriftField::between(
        "replication_factor",
        Some(desired.replication_factor.to_string()),
        Some(reported),
        true,
    )
}

/// Values in the managed parameter group, if they were read from the group that the cluster uses.
fn parameters(desired: &ClusterSpec, observed: &Observed, details: &Details) -> Vec<DriftField> {
    let ParameterGroup::New { values } = &desired.parameter_group else {
        return Vec::new();
    };
    let is_current = |read: &&GroupValues| Some(&read.group) == observed.parameter_group.as_ref();
    let Some(read) = details.parameters.as_ref().filter(is_current) else {
        return Vec::new();
    };
    let differs = |(name, value): (&String, &String)| {
        let field = format!("parameters.{}", name.replace('-', "_"));
        DriftField::between(
            &field,
            Some(value.clone()),
            read.values.get(name).cloned(),
            true,
        )
    };
    values.iter().filter_map(differs).collect()
}

/// The tag that names the operation that created or adopted the cluster. Another value, or none,
/// means that the cluster was replaced outside of this service.
fn operation_tag(cluster: &Cluster, details: &Details) -> Option<DriftField> {
    let item = cluster
        .resource(ResourceKind::Cluster)
        .filter(|item| item.is_managed_and_present())?;
    let reported = details.tags.as_ref()?.get(OPERATION_TAG).cloned();
    DriftField::between(
        &format!("tags.{OPERATION_TAG}"),
        Some(item.operation_id.to_string()),
        reported,
        false,
    )
}

/// The desired tags. Further tags in AWS are not drift.
fn tags(desired: &ClusterSpec, details: &Details) -> Vec<DriftField> {
    let Some(reported) = &details.tags else {
        return Vec::new();
    };
    let differs = |(key, value): (&TagKey, &String)| {
        DriftField::between(
            &format!("tags.{key}"),
            Some(value.clone()),
            reported.get(key.as_str()).cloned(),
            true,
        )
    };
    desired.tags.iter().filter_map(differs).collect()
}
