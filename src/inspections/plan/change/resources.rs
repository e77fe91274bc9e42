//! The resources of a change: what is created, changed, kept and deleted.

use crate::domain::inventory::{Item, Owner, ResourceKind};
use crate::domain::plan::{PlannedResource, ResourceEffect};
use crate::domain::spec::Spec;

use super::ChangeDraft;
use crate::inspections::plan::resource;

impl ChangeDraft<'_> {
    pub(super) fn resources(&self) -> Vec<PlannedResource> {
        let replaced_groups = self.replaced_groups();
        let replaced_policies = self.replaced_policies();
        let mut resources: Vec<PlannedResource> = self
            .present()
            .map(|item| {
                let is_replaced = [&replaced_groups, &replaced_policies]
                    .iter()
                    .any(|items| items.contains(&item));
                planned(item, self.effect(item, is_replaced))
            })
            .collect();
        let account = self.context.account;
        for index in 0..self.documents.len() {
            let name = self.new_policy_name(index);
            let arn = Some(account.iam_arn("policy", &name));
            resources.push(resource(ResourceKind::Policy, &name, arn, Owner::Managed));
        }
        if self.creates_group() {
            let name = self.new_name();
            let kind = ResourceKind::ParameterGroup;
            resources.push(resource(kind, &name, None, Owner::Managed));
        }
        resources
    }

    fn effect(&self, item: &Item, is_replaced: bool) -> ResourceEffect {
        if is_replaced || !self.retains(item) {
            return ResourceEffect::Delete;
        }
        let is_changed = item.kind == ResourceKind::Cluster
            && match self.spec {
                Spec::UpdateCluster(_) | Spec::RepairCluster(_) => {
                    let tags = self.changes_tags();
                    tags || self.updates_cluster().unwrap_or_default() || self.changes_count()
                }
                Spec::ScaleCluster(_) => self.changes_count(),
                Spec::RebootNodes(_)
                | Spec::CreateCluster(_)
                | Spec::DeleteCluster(_)
                | Spec::AdoptCluster(_)
                | Spec::ReleaseCluster
                | Spec::ChangeIngress(_) => false,
            };
        if is_changed {
            ResourceEffect::Change
        } else {
            ResourceEffect::Keep
        }
    }

    fn changes_count(&self) -> bool {
        let observed = self.cluster.observed.as_ref();
        let (Some(observed), Some(change)) = (observed, self.change()) else {
            return false;
        };
        let is_update = matches!(self.spec, Spec::UpdateCluster(_));
        !is_update && observed.node_count() != usize::from(change.after.replication_factor)
    }

    fn changes_tags(&self) -> bool {
        let calls = self.calls_of("update_tags").unwrap_or_default();
        let mut actions = calls.iter().map(|call| call.action);
        actions.any(|action| ["dax:TagResource", "dax:UntagResource"].contains(&action))
    }
}

fn planned(item: &Item, effect: ResourceEffect) -> PlannedResource {
    PlannedResource {
        effect,
        ..resource(item.kind, &item.name, item.arn.clone(), item.owner)
    }
}
