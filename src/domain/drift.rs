//! Drift: where AWS differs from the desired settings, field by field.

use std::collections::BTreeSet;

use super::cluster::Cluster;
use super::inventory::{Item, ResourceKind};
use super::mutation::bodies::ClusterUpdate;
use super::names::OPERATION_TAG;
use super::observed::{Details, Observed};
use super::operation::ClusterStatus;
use super::spec::{ClusterSpec, ParameterGroup};

/// The parameter group that AWS gives a cluster for which none is named (developer guide, "Managing DAX clusters").
pub const DEFAULT_PARAMETER_GROUP: &str = "default.dax1.0";
/// Names of groups that AWS made itself begin so.
const BUILT_IN: &str = "default.";

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftField {
    /// The field, as the request calls it; a part of a field after a dot.
    pub field: String,
    /// What is desired; none where the thing should not be there.
    pub desired: Option<String>,
    /// What AWS reports; none where it is not there.
    pub observed: Option<String>,
    /// Whether a repair can bring it back.
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

/// What an update must change so that the cluster has its wanted settings; what the wanted settings leave to AWS stays.
pub fn update_needed(wanted: &ClusterSpec, group: &str, observed: &Observed) -> ClusterUpdate {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let description = wanted
        .description
        .clone()
        .filter(|wanted| wanted.trim() != text(&observed.description));
    let window = wanted.maintenance_window.clone();
    let (topic, status) = match (
        &wanted.notification_topic_arn,
        &observed.notification_topic_arn,
    ) {
        (Some(topic), found) if found.as_ref() != Some(topic) => {
            (Some(topic.clone()), Some("active"))
        }
        (None, Some(_)) => (None, Some("inactive")),
        (Some(_), _) | (None, None) => (None, None),
    };
    let groups: BTreeSet<String> = wanted.security_group_ids.iter().cloned().collect();
    ClusterUpdate {
        name: wanted.name.to_string(),
        description,
        maintenance_window: window
            .filter(|window| observed.maintenance_window.as_ref() != Some(window)),
        notification_topic_arn: topic,
        notification_topic_status: status.map(str::to_owned),
        parameter_group: (!is_group(observed, group)).then(|| group.to_owned()),
        security_group_ids: (!groups.is_empty() && groups != observed.security_group_ids)
            .then_some(groups),
    }
}

/// Whether the cluster has this parameter group; AWS's default groups count as one.
fn is_group(observed: &Observed, group: &str) -> bool {
    let found = observed
        .parameter_group
        .as_deref()
        .unwrap_or(DEFAULT_PARAMETER_GROUP);
    found == group || (found.starts_with(BUILT_IN) && group.starts_with(BUILT_IN))
}

/// The name of the parameter group that a cluster should have.
pub fn wanted_group<'a>(wanted: &'a ClusterSpec, own: Option<&'a Item>) -> &'a str {
    match &wanted.parameter_group {
        ParameterGroup::Default => DEFAULT_PARAMETER_GROUP,
        ParameterGroup::Existing { name } => name,
        ParameterGroup::New { .. } => {
            own.map_or(DEFAULT_PARAMETER_GROUP, |item| item.name.as_str())
        }
    }
}

/// Every field in which a cluster, as last seen, differs from its desired settings.
///
/// Only a cluster at rest can have drifted: while an operation works on it, the desired settings are those to come, and
/// AWS differs because it must; of a failed one nothing is left. What was never looked at is no drift either.
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
    let is_own =
        |item: &&Item| item.kind == ResourceKind::ParameterGroup && item.is_managed_and_present();
    let group = wanted_group(desired, cluster.inventory.iter().rev().find(is_own));
    let update = update_needed(desired, group, observed);
    let mut fields = fixed(cluster, desired, observed);
    fields.extend(changeable(desired, group, observed, &update));
    fields.extend(counted(desired, observed));
    if let Some(details) = &cluster.details {
        fields.extend(values(desired, observed, details));
        fields.extend(tags(desired, details));
        fields.extend(mark(cluster, details));
    }
    fields
}

/// What cannot change after creation; a difference means that somebody made another cluster of this name.
fn fixed(cluster: &Cluster, desired: &ClusterSpec, observed: &Observed) -> Vec<DriftField> {
    let role = cluster
        .part(ResourceKind::Role)
        .and_then(|item| item.arn.clone());
    let subnets = cluster
        .part(ResourceKind::SubnetGroup)
        .map(|item| item.name.clone());
    let known = |field: &str, desired: Option<String>, found: Option<String>| {
        let both = desired.is_some() && found.is_some();
        both.then(|| DriftField::between(field, desired, found, false))
            .flatten()
    };
    let network = desired.network_type.map(|kind| kind.as_str().to_owned());
    let words = |on: bool| Some(on.to_string());
    [
        known(
            "node_type",
            Some(desired.node_type.clone()),
            observed.node_type.clone(),
        ),
        known("service_role", role, observed.iam_role_arn.clone()),
        known("subnet_group", subnets, observed.subnet_group.clone()),
        known("network_type", network, observed.network_type.clone()),
        known(
            "encryption_at_rest",
            words(desired.encryption_at_rest),
            observed.encryption_at_rest.and_then(words),
        ),
        known(
            "encryption_in_transit",
            words(desired.encryption_in_transit),
            observed.encryption_in_transit.and_then(words),
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
    let joined = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
    let field = |name: &str, differs: bool, wanted: Option<String>, found: Option<String>| {
        differs
            .then(|| DriftField::between(name, wanted, found, true))
            .flatten()
    };
    let topic = update.notification_topic_status.is_some();
    let groups = update.security_group_ids.as_ref();
    let found_groups = Some(joined(&observed.security_group_ids));
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
            desired.maintenance_window.clone(),
            observed.maintenance_window.clone(),
        ),
        field(
            "notification_topic_arn",
            topic,
            desired.notification_topic_arn.clone(),
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
            groups.map(joined),
            found_groups,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn counted(desired: &ClusterSpec, observed: &Observed) -> Option<DriftField> {
    let found = observed.total_nodes?.to_string();
    DriftField::between(
        "replication_factor",
        Some(desired.replication_factor.to_string()),
        Some(found),
        true,
    )
}

/// Values in the parameter group of ours, if they were asked of the group that the cluster has.
fn values(desired: &ClusterSpec, observed: &Observed, details: &Details) -> Vec<DriftField> {
    let ParameterGroup::New { values } = &desired.parameter_group else {
        return Vec::new();
    };
    let asked = details.parameters.as_ref();
    let Some(found) = asked.filter(|found| Some(&found.group) == observed.parameter_group.as_ref())
    else {
        return Vec::new();
    };
    let differs = |(name, value): (&String, &String)| {
        let field = format!("parameters.{}", name.replace('-', "_"));
        DriftField::between(
            &field,
            Some(value.clone()),
            found.values.get(name).cloned(),
            true,
        )
    };
    values.iter().filter_map(differs).collect()
}

/// The tag that names the operation which made or adopted the cluster: without it somebody made it anew.
fn mark(cluster: &Cluster, details: &Details) -> Option<DriftField> {
    let item = cluster
        .part(ResourceKind::Cluster)
        .filter(|item| item.is_managed_and_present())?;
    let found = details.tags.as_ref()?.get(OPERATION_TAG).cloned();
    DriftField::between(
        &format!("tags.{OPERATION_TAG}"),
        Some(item.operation_id.to_string()),
        found,
        false,
    )
}

/// Tags that are desired; others are somebody else's.
fn tags(desired: &ClusterSpec, details: &Details) -> Vec<DriftField> {
    let Some(found) = &details.tags else {
        return Vec::new();
    };
    let differs = |(key, value): (&String, &String)| {
        DriftField::between(
            &format!("tags.{key}"),
            Some(value.clone()),
            found.get(key).cloned(),
            true,
        )
    };
    desired.tags.iter().filter_map(differs).collect()
}
