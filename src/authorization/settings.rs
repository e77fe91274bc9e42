//! The settings that a request would lead to, as policies see them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::iam::policies::{Access, Tables};
use crate::domain::prices::Prices;
use crate::domain::project::ProjectUsage;
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::target::TargetName;

/// Fields of a stored spec whose name in requests is another one.
const RENAMED: [(&str, &str); 1] = [("parameter_group", "parameters")];

/// The context of a decision about settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The settings, with all defaults.
    pub spec: &'a ClusterSpec,
    /// The fields that differ from the settings before.
    pub changed: &'a BTreeSet<String>,
    /// The target of the cluster.
    pub target: &'a TargetName,
    /// The other clusters of the project.
    pub usage: &'a ProjectUsage,
    /// The nodes that count: the larger of the numbers before and after.
    pub nodes: i64,
    /// The Regions of the targets, as far as known.
    pub regions: &'a BTreeMap<TargetName, String>,
    /// The time of the decision.
    pub now: DateTime<Utc>,
    /// The price list.
    pub prices: &'a Prices,
}

/// What the cluster and its project would cost a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) cents: i64,
    pub(super) is_known: bool,
}

impl Settings<'_> {
    /// The price of the cluster.
    pub(super) fn cost(&self) -> Cost {
        self.cost_of(self.target, self.spec.node_type.as_str(), self.nodes)
    }

    /// The price of the project with the cluster. Parts without a known price count as nothing.
    pub(super) fn project_cost(&self) -> Cost {
        let mut sum = self.cost();
        for part in &self.usage.parts {
            let cost = self.cost_of(&part.target, &part.node_type, part.nodes);
            sum.cents = sum.cents.saturating_add(cost.cents);
            sum.is_known &= cost.is_known;
        }
        sum
    }

    fn cost_of(&self, target: &TargetName, node_type: &str, nodes: i64) -> Cost {
        let region = self.regions.get(target);
        let cents = region.and_then(|region| self.prices.monthly_cents(region, node_type, nodes));
        Cost {
            cents: cents.unwrap_or_default(),
            is_known: cents.is_some(),
        }
    }

    pub(super) fn project_clusters(&self) -> i64 {
        self.usage
            .parts
            .iter()
            .fold(1, |sum, part| sum + part.clusters)
    }

    pub(super) fn project_nodes(&self) -> i64 {
        let others = self.usage.parts.iter().map(|part| part.nodes);
        others.fold(self.nodes, i64::saturating_add)
    }

    /// Hours until the cluster is deleted, rounded up.
    pub(super) fn expires_in_hours(&self) -> Option<i64> {
        let left = self.spec.local.expires_at? - self.now;
        Some((left.num_seconds().max(0) + 3_599) / 3_600)
    }

    /// The ARN of an existing role.
    pub(super) fn given_role(&self) -> Option<&str> {
        match &self.spec.service_role {
            ServiceRole::Existing { arn } => Some(arn.as_str()),
            ServiceRole::New { .. } | ServiceRole::Discover { .. } => None,
        }
    }

    /// The access of a managed role, and whether it is to all tables.
    pub(super) fn managed_role(&self) -> Option<(Access, bool)> {
        match &self.spec.service_role {
            ServiceRole::New { access, tables } => Some((*access, *tables == Tables::All)),
            ServiceRole::Discover { default_access } => default_access.map(|access| (access, true)),
            ServiceRole::Existing { .. } => None,
        }
    }
}

/// The fields of a request that lead from one spec to the other; all of them without one before.
pub fn changed_fields(before: Option<&ClusterSpec>, after: &ClusterSpec) -> BTreeSet<String> {
    let fields = |spec: &ClusterSpec| match serde_json::to_value(spec) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let before = before.map(fields);
    let mut changed = BTreeSet::new();
    for (name, value) in fields(after) {
        if before
            .as_ref()
            .is_some_and(|before| before.get(&name) == Some(&value))
        {
            continue;
        }
        let renamed = RENAMED.iter().find(|(stored, _)| *stored == name);
        changed.extend(renamed.map(|(_, shown)| (*shown).to_owned()));
        changed.insert(name);
    }
    changed
}
