//! The consequences of a change for those who use the cluster.

use std::collections::BTreeSet;

use crate::domain::change::ChangeSpec;
use crate::domain::iam::policies::{Access, Tables};
use crate::domain::plan::Warning;
use crate::domain::spec::{ServiceRole, Spec};

use super::ChangeDraft;
use crate::inspections::plan::warnings::of_node_count;

impl ChangeDraft<'_> {
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let all = match self.spec {
            Spec::DeleteCluster(_) => self.of_delete(),
            Spec::ScaleCluster(change) => self.of_count(change),
            Spec::RebootNodes(_) => self.of_reboots(),
            Spec::UpdateCluster(change) => [
                self.of_reboots(),
                of_parameters(change),
                of_access(change),
                of_groups(change),
            ]
            .concat(),
            Spec::RepairCluster(change) => [self.of_count(change), self.of_unread()].concat(),
            Spec::CreateCluster(_)
            | Spec::AdoptCluster(_)
            | Spec::ReleaseCluster
            | Spec::ChangeIngress(_) => Vec::new(),
        };
        let warning = |(code, detail)| Warning { code, detail };
        all.into_iter().map(warning).collect()
    }

    fn of_delete(&self) -> Vec<(&'static str, String)> {
        let name = &self.cluster.name;
        let mut warnings = vec![
            (
                "cache_content_lost",
                "the content of the cache is lost; reads go to DynamoDB".to_owned(),
            ),
            (
                "endpoint_removed",
                format!(
                    "clients of {name} cannot connect any more; a new cluster of this name has another endpoint"
                ),
            ),
        ];
        let kept: Vec<&str> = self
            .present()
            .filter(|item| item.is_managed_and_present() && self.retains(item))
            .map(|item| item.name.as_str())
            .collect();
        if !kept.is_empty() {
            let detail = format!("{} stay in AWS and are managed no longer", kept.join(", "));
            warnings.push(("resources_retained", detail));
        }
        warnings
    }

    fn of_count(&self, change: &ChangeSpec) -> Vec<(&'static str, String)> {
        let Some(observed) = &self.cluster.observed else {
            return Vec::new();
        };
        let (current, desired) = (
            observed.node_count(),
            usize::from(change.after.replication_factor),
        );
        let mut warnings = Vec::new();
        if desired < current {
            let named = &change.placement.node_ids_to_remove;
            let which = if named.is_empty() {
                format!("{} nodes that AWS chooses", current - desired)
            } else {
                named.join(", ")
            };
            let detail = format!(
                "removes {which}: connections to them end, and their endpoints are gone; the \
                 endpoint of the cluster stays"
            );
            warnings.push(("nodes_removed", detail));
            warnings.extend(of_node_count(change.after.replication_factor));
        }
        warnings
    }

    fn of_reboots(&self) -> Vec<(&'static str, String)> {
        let nodes = self.nodes_to_reboot();
        if nodes.is_empty() {
            return Vec::new();
        }
        let listed = nodes.join(", ");
        let detail = if matches!(self.spec, Spec::RebootNodes(_)) {
            format!("{listed} reboot one after another; connections to a node end at its reboot")
        } else {
            format!(
                "of {listed}, those reboot one after another that AWS lists as waiting for it; \
                 connections to a node end at its reboot"
            )
        };
        let mut warnings = vec![("nodes_reboot", detail)];
        let count = self
            .cluster
            .observed
            .as_ref()
            .map(|observed| observed.node_count());
        if count == Some(1) {
            let detail = "the only node is not available during its reboot".to_owned();
            warnings.push(("cluster_unavailable", detail));
        }
        warnings
    }

    /// A repair plans what was read; the operation reads again.
    fn of_unread(&self) -> Vec<(&'static str, String)> {
        if self.cluster.details.is_some() {
            return Vec::new();
        }
        let detail =
            "tags and parameter values were not read from AWS yet, so their repair is not planned";
        vec![("not_observed", detail.to_owned())]
    }
}

fn of_parameters(change: &ChangeSpec) -> Vec<(&'static str, String)> {
    if !change.changes_parameters() || change.reboot_nodes_if_needed {
        return Vec::new();
    }
    let detail = "nodes that AWS lists as waiting for a reboot keep the old values until then; \
                  `reboot_nodes_if_needed` reboots them";
    vec![("reboot_may_be_needed", detail.to_owned())]
}

fn of_groups(change: &ChangeSpec) -> Vec<(&'static str, String)> {
    if change.before.security_group_ids == change.after.security_group_ids {
        return Vec::new();
    }
    let detail = "clients that the new security groups do not admit cannot connect any more";
    vec![("security_groups_replaced", detail.to_owned())]
}

/// What the role loses.
fn of_access(change: &ChangeSpec) -> Vec<(&'static str, String)> {
    let (before, after) = (&change.before.service_role, &change.after.service_role);
    let ServiceRole::New { access, tables } = after else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let tables_before = match before {
        ServiceRole::New {
            access: old,
            tables,
        } => {
            if *old == Access::ReadWrite && *access == Access::ReadOnly {
                let detail = "writes through the cluster fail: the role can only read";
                warnings.push(("access_reduced", detail.to_owned()));
            }
            tables
        }
        ServiceRole::Discover { .. } | ServiceRole::Existing { .. } => &Tables::All,
    };
    match (tables_before, tables) {
        (Tables::Named(old), Tables::Named(new)) => {
            let new: BTreeSet<&String> = new.iter().collect();
            let lost: Vec<&str> = old
                .iter()
                .filter(|table| !new.contains(table))
                .map(String::as_str)
                .collect();
            if !lost.is_empty() {
                let detail = format!("the cluster cannot reach {} any more", lost.join(", "));
                warnings.push(("tables_removed", detail));
            }
        }
        (Tables::All, Tables::Named(_)) => {
            let detail = "the cluster cannot reach tables that the request does not name any more";
            warnings.push(("tables_removed", detail.to_owned()));
        }
        (Tables::Named(_), Tables::All) => {
            let detail = "the service role can access every table of the account in the Region, \
                          including future ones";
            warnings.push(("all_tables", detail.to_owned()));
        }
        (Tables::All, Tables::All) => {}
    }
    warnings
}
