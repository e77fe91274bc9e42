//! Plan of a change: a dry run of an update, scale, reboot, repair or delete. It asks AWS nothing: it
//! uses the settings of the cluster, its inventory and its latest observation.
//!
//! The steps are those that the operation would be accepted with. What each step sends follows from
//! the same comparisons as the step's own check; `tests/it/iam/change_plans.rs` compares both.

use crate::domain::change::ChangeSpec;
use crate::domain::cluster::Cluster;
use crate::domain::drift::desired_group;
use crate::domain::iam::policies::{PolicyDocument, access_policies};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::names::is_role_of_operation;
use crate::domain::observed::Observed;
use crate::domain::plan::{NamedPolicy, Plan, PlannedStep, SUFFIX_PATTERN};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ParameterGroup, ServiceRole, Spec};

use super::PlanContext;
use super::permissions::permission;

mod calls;
mod consequences;
mod resources;

/// The inputs of a plan of a change.
struct ChangeDraft<'a> {
    cluster: &'a Cluster,
    spec: &'a Spec,
    context: PlanContext<'a>,
    /// The new access policies of the managed role.
    documents: Vec<PolicyDocument>,
}

/// A call of a step, and the resource of its permission.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    action: &'static str,
    resource: String,
}

/// Returns the plan of a change with these steps. `spec` is what the operation would be accepted
/// with.
pub fn plan_change(
    steps: &[&'static str],
    cluster: &Cluster,
    spec: &Spec,
    context: PlanContext<'_>,
) -> Result<Plan, Fault> {
    let draft = ChangeDraft {
        cluster,
        spec,
        context,
        documents: documents(spec, context.account)?,
    };
    let mut planned = Vec::new();
    let mut calls: Vec<Call> = Vec::new();
    for &name in steps {
        let of_step = draft.calls_of(name)?;
        planned.push(PlannedStep {
            name,
            calls: of_step.iter().map(|call| call.action).collect(),
        });
        for call in of_step.into_iter().flat_map(with_tagging) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
    }
    let permissions = calls.iter();
    let permissions = permissions.map(|call| permission(context, call.action, &call.resource));
    Ok(Plan {
        steps: planned,
        resources: draft.resources(),
        policies: draft.policies(),
        trust_policy: None,
        permissions: permissions.collect(),
        warnings: draft.warnings(),
        nodes_to_reboot: draft.nodes_to_reboot(),
    })
}

/// The documents of new access policies.
fn documents(spec: &Spec, account: &AwsAccount) -> Result<Vec<PolicyDocument>, Fault> {
    let change = spec.change().filter(|change| change.changes_access());
    let Some(ServiceRole::New { access, tables }) = change.map(|change| &change.after.service_role)
    else {
        return Ok(Vec::new());
    };
    let AwsAccount {
        partition,
        region,
        account_id,
        ..
    } = account;
    access_policies(*access, tables, partition, region, account_id)
        .map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))
}

/// A call that creates a resource with tags needs the permission to tag it as well.
fn with_tagging(call: Call) -> Vec<Call> {
    match call.action {
        "iam:CreatePolicy" => {
            let action = "iam:TagPolicy";
            let resource = call.resource.clone();
            vec![call, Call { action, resource }]
        }
        _ => vec![call],
    }
}

impl ChangeDraft<'_> {
    fn change(&self) -> Option<&ChangeSpec> {
        self.spec.change()
    }

    /// The latest observation of the cluster.
    fn observed(&self) -> Result<&Observed, Fault> {
        self.cluster.observed.as_ref().ok_or_else(|| {
            let name = &self.cluster.name;
            let detail = format!("AWS has no cluster {name}, as far as it was observed");
            Fault::new(FaultClass::Conflict, detail)
        })
    }

    /// The managed resources of a kind that exist.
    fn managed(&self, kind: ResourceKind) -> impl Iterator<Item = &Item> {
        let items = self.cluster.inventory.iter();
        items.filter(move |item| item.kind == kind && item.is_managed_and_present())
    }

    /// The resources that exist.
    fn present(&self) -> impl Iterator<Item = &Item> {
        let items = self.cluster.inventory.iter();
        items.filter(|item| item.presence == Presence::Present)
    }

    /// Whether the role of the cluster proves that it is managed. Otherwise its tags are read.
    fn is_managed_by_role(&self) -> bool {
        let role = self.cluster.observed.as_ref();
        let role = role.and_then(|observed| observed.iam_role_arn.as_deref());
        let mut clusters = self.managed(ResourceKind::Cluster);
        clusters.next().is_some_and(|item| {
            role.is_some_and(|arn| is_role_of_operation(arn, item.operation_id))
        })
    }

    /// The name of a new resource. The suffix exists only once the operation is accepted.
    fn new_name(&self) -> String {
        format!("dax-{}-{SUFFIX_PATTERN}", self.cluster.name)
    }

    fn new_policy_name(&self, index: usize) -> String {
        let name = self.new_name();
        if self.documents.len() == 1 {
            name
        } else {
            format!("{name}-{}", index + 1)
        }
    }

    fn policies(&self) -> Vec<NamedPolicy> {
        let documents = self.documents.iter().enumerate();
        let named = documents.map(|(index, document)| NamedPolicy {
            name: self.new_policy_name(index),
            document: document.clone(),
        });
        named.collect()
    }

    /// Whether a parameter group is created: for new values, or to repair those of a managed group.
    fn creates_group(&self) -> bool {
        let Some(change) = self
            .change()
            .filter(|change| change.creates_parameter_group())
        else {
            return false;
        };
        let is_repair = matches!(self.spec, Spec::RepairCluster(_));
        change.changes_parameters() || is_repair && self.are_values_drifted(change)
    }

    /// Whether the managed group has other values than desired, as far as they were read.
    fn are_values_drifted(&self, change: &ChangeSpec) -> bool {
        let ParameterGroup::New { values } = &change.after.parameter_group else {
            return false;
        };
        let details = self.cluster.details.as_ref();
        let read = details.and_then(|details| details.parameters.as_ref());
        let group = self.managed(ResourceKind::ParameterGroup).last();
        let (Some(read), Some(group)) = (read, group) else {
            return false;
        };
        let differs = |(key, value): (&String, &String)| read.values.get(key) != Some(value);
        read.group == group.name && values.iter().any(differs)
    }

    /// The name of the parameter group that the cluster would have.
    fn group_name(&self, change: &ChangeSpec) -> String {
        if self.creates_group() {
            return self.new_name();
        }
        let managed = self.managed(ResourceKind::ParameterGroup).last();
        desired_group(&change.after, managed).to_owned()
    }

    /// The managed parameter groups that the change replaces.
    fn replaced_groups(&self) -> Vec<&Item> {
        let changes = matches!(self.spec, Spec::UpdateCluster(_) | Spec::RepairCluster(_));
        let Some(change) = self.change().filter(|_| changes) else {
            return Vec::new();
        };
        let keep = self.group_name(change);
        let groups = self.managed(ResourceKind::ParameterGroup);
        groups.filter(|item| item.name != keep).collect()
    }

    /// The managed policies that the change replaces.
    fn replaced_policies(&self) -> Vec<&Item> {
        if self.change().is_some_and(ChangeSpec::changes_access) {
            self.managed(ResourceKind::Policy).collect()
        } else {
            Vec::new()
        }
    }

    /// The nodes that a reboot, or an update that may need one, reboots in this order.
    fn nodes_to_reboot(&self) -> Vec<String> {
        let Some(observed) = &self.cluster.observed else {
            return Vec::new();
        };
        let all = || {
            let nodes = observed.nodes.iter();
            nodes.filter_map(|node| node.node_id.clone()).collect()
        };
        match self.spec {
            Spec::RebootNodes(reboot) if reboot.node_ids.is_empty() => all(),
            Spec::RebootNodes(reboot) => reboot.node_ids.clone(),
            Spec::UpdateCluster(change) if change.reboot_nodes_if_needed => {
                if change.changes_parameters() {
                    all()
                } else {
                    observed.node_ids_to_reboot.clone()
                }
            }
            Spec::CreateCluster(_)
            | Spec::DeleteCluster(_)
            | Spec::UpdateCluster(_)
            | Spec::ScaleCluster(_)
            | Spec::RepairCluster(_)
            | Spec::AdoptCluster(_)
            | Spec::ReleaseCluster
            | Spec::ChangeIngress(_) => Vec::new(),
        }
    }

    /// Whether a delete keeps a resource.
    fn retains(&self, item: &Item) -> bool {
        let Spec::DeleteCluster(delete) = self.spec else {
            return true;
        };
        item.owner == Owner::External || delete.retains(item.kind)
    }
}
