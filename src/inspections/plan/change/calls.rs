//! The calls of each step of a change.

use crate::domain::drift::change_needed;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::names::PROJECT_TAG;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ParameterGroup, Spec};

use super::{Call, ChangeDraft};

const DESCRIBE: &str = "dax:DescribeClusters";
const LIST_TAGS: &str = "dax:ListTags";

/// A call on `*`: DAX's actions cannot be limited to a resource (developer guide, "Managing DAX
/// clusters").
fn any(action: &'static str) -> Call {
    on(action, "*")
}

fn on(action: &'static str, resource: &str) -> Call {
    let resource = resource.to_owned();
    Call { action, resource }
}

impl ChangeDraft<'_> {
    /// The calls of a step in order; none if it would change and read nothing.
    pub(super) fn calls_of(&self, step: &str) -> Result<Vec<Call>, Fault> {
        let calls = match step {
            "await_changeable" => self.reading_idle_cluster(),
            "prepare_parameter_group" => self.preparing_group(),
            "set_parameters" if self.creates_group() => {
                vec![
                    any("dax:DescribeParameters"),
                    any("dax:UpdateParameterGroup"),
                ]
            }
            "update_cluster" => self.updating()?,
            "await_updated" | "await_nodes" => vec![any(DESCRIBE)],
            "change_replication_factor" => self.changing_count()?,
            "reboot_nodes" => self.rebooting(),
            "reboot_waiting_nodes" if self.nodes_to_reboot().is_empty() => Vec::new(),
            "reboot_waiting_nodes" => self.rebooting(),
            "create_access_policies" => self.creating_policies(),
            "attach_access_policies" => self.attaching_policies(),
            "delete_replaced_policies" => self.deleting_policies(&self.replaced_policies()),
            "update_tags" => self.tagging(),
            "delete_replaced_parameter_group" => deleting_groups(
                &self.replaced_groups(),
                "dax:DescribeParameterGroups",
                "dax:DeleteParameterGroup",
            ),
            "settle_open_calls" | "set_parameters" => Vec::new(),
            _ => return self.calls_of_delete(step),
        };
        Ok(calls)
    }

    fn calls_of_delete(&self, step: &str) -> Result<Vec<Call>, Fault> {
        let calls = match step {
            "close_ingress" => self.closing_ingress(),
            "delete_cluster" => self.deleting_cluster(),
            "await_cluster_gone" => self.if_any(ResourceKind::Cluster, &[DESCRIBE]),
            "delete_subnet_group" => deleting_groups(
                &self.to_delete(ResourceKind::SubnetGroup),
                "dax:DescribeSubnetGroups",
                "dax:DeleteSubnetGroup",
            ),
            "delete_parameter_group" => deleting_groups(
                &self.to_delete(ResourceKind::ParameterGroup),
                "dax:DescribeParameterGroups",
                "dax:DeleteParameterGroup",
            ),
            "delete_access_policies" => {
                let mut calls = self.if_any(ResourceKind::Policy, &[DESCRIBE]);
                calls.extend(self.deleting_policies(&self.to_delete(ResourceKind::Policy)));
                calls
            }
            "delete_service_role" => self.deleting_role(),
            unknown => {
                let detail = format!("there is no plan for the step {unknown}");
                return Err(Fault::new(FaultClass::Invalid, detail));
            }
        };
        Ok(calls)
    }

    /// The managed resources of a kind that a delete removes.
    fn to_delete(&self, kind: ResourceKind) -> Vec<&Item> {
        let items = self.managed(kind);
        items.filter(|item| !self.retains(item)).collect()
    }

    fn if_any(&self, kind: ResourceKind, actions: &[&'static str]) -> Vec<Call> {
        if self.to_delete(kind).is_empty() {
            return Vec::new();
        }
        actions.iter().map(|action| any(action)).collect()
    }

    /// A read of the cluster, and of its tags where its role does not prove that it is managed.
    fn reading_idle_cluster(&self) -> Vec<Call> {
        let mut calls = vec![any(DESCRIBE)];
        if !self.is_managed_by_role() {
            calls.push(any(LIST_TAGS));
        }
        calls
    }

    fn preparing_group(&self) -> Vec<Call> {
        let Some(change) = self.change() else {
            return Vec::new();
        };
        let mut calls = Vec::new();
        match &change.after.parameter_group {
            ParameterGroup::Existing { .. } if change.changes_parameters() => {
                calls.push(any("dax:DescribeParameterGroups"));
            }
            ParameterGroup::Default | ParameterGroup::Existing { .. } => {}
            ParameterGroup::New { .. } => {
                let is_repair = matches!(self.spec, Spec::RepairCluster(_));
                if is_repair && !change.changes_parameters() {
                    calls.push(any("dax:DescribeParameters"));
                }
                if self.creates_group() {
                    calls.push(any("dax:DescribeParameterGroups"));
                    calls.push(any("dax:CreateParameterGroup"));
                }
            }
        }
        calls
    }

    fn updating(&self) -> Result<Vec<Call>, Fault> {
        let mut calls = self.reading_idle_cluster();
        if self.updates_cluster()? {
            calls.push(any("dax:UpdateCluster"));
        }
        Ok(calls)
    }

    /// Whether UpdateCluster is sent.
    pub(super) fn updates_cluster(&self) -> Result<bool, Fault> {
        let observed = self.observed()?;
        let kind = self.spec.kind();
        Ok(self.change().is_some_and(|change| {
            let group = self.group_name(change);
            !change_needed(change, kind, &group, observed).is_empty()
        }))
    }

    fn changing_count(&self) -> Result<Vec<Call>, Fault> {
        let mut calls = self.reading_idle_cluster();
        let current = self.observed()?.node_count();
        let desired = self.change().map_or(current, |change| {
            usize::from(change.after.replication_factor)
        });
        if desired > current {
            calls.push(any("dax:IncreaseReplicationFactor"));
        }
        if desired < current {
            calls.push(any("dax:DecreaseReplicationFactor"));
        }
        Ok(calls)
    }

    fn rebooting(&self) -> Vec<Call> {
        let mut calls = self.reading_idle_cluster();
        calls.extend(self.nodes_to_reboot().iter().map(|_| any("dax:RebootNode")));
        calls
    }

    /// The ARN of the managed role.
    fn role_arn(&self) -> String {
        let role = self.managed(ResourceKind::Role).next();
        let arn = role.and_then(|role| role.arn.clone());
        let name = role.map_or_else(|| self.new_name(), |role| role.name.clone());
        arn.unwrap_or_else(|| self.context.account.iam_arn("role", &name))
    }

    fn creating_policies(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        for index in 0..self.documents.len() {
            let name = self.new_policy_name(index);
            let arn = self.context.account.iam_arn("policy", &name);
            calls.push(on("iam:GetPolicy", &arn));
            calls.push(on("iam:CreatePolicy", &arn));
        }
        calls
    }

    fn attaching_policies(&self) -> Vec<Call> {
        if self.documents.is_empty() {
            return Vec::new();
        }
        let role = self.role_arn();
        let mut calls = vec![on("iam:ListAttachedRolePolicies", &role)];
        calls.extend(
            self.documents
                .iter()
                .map(|_| on("iam:AttachRolePolicy", &role)),
        );
        calls
    }

    fn deleting_policies(&self, items: &[&Item]) -> Vec<Call> {
        let role = self.role_arn();
        let one = |item: &&Item| {
            let arn = self.arn(item, "policy");
            [
                on("iam:GetPolicy", &arn),
                on("iam:GetPolicyVersion", &arn),
                on("iam:ListAttachedRolePolicies", &role),
                on("iam:DetachRolePolicy", &role),
                on("iam:DeletePolicy", &arn),
            ]
        };
        items.iter().flat_map(one).collect()
    }

    fn deleting_role(&self) -> Vec<Call> {
        let roles = self.to_delete(ResourceKind::Role);
        let mut calls = self.if_any(ResourceKind::Role, &[DESCRIBE]);
        let AwsAccount {
            partition,
            account_id,
            ..
        } = self.context.account;
        for role in roles {
            // IAM authorises GetRole on a missing role by name only, without its path.
            let read = format!("arn:{partition}:iam::{account_id}:role/*{}", role.name);
            calls.push(on("iam:GetRole", &read));
            calls.push(on("iam:DeleteRole", &self.arn(role, "role")));
        }
        calls
    }

    fn arn(&self, item: &Item, kind: &str) -> String {
        let made = || self.context.account.iam_arn(kind, &item.name);
        item.arn.clone().unwrap_or_else(made)
    }

    /// What the step reads and sends for the tags. An update compares with what AWS last reported.
    fn tagging(&self) -> Vec<Call> {
        let Some(change) = self.change() else {
            return Vec::new();
        };
        let is_repair = matches!(self.spec, Spec::RepairCluster(_));
        let (before, after) = (&change.before.tags, &change.after.tags);
        if before == after && change.project.is_none() && !is_repair {
            return Vec::new();
        }
        let details = self.cluster.details.as_ref();
        let reported = details.and_then(|details| details.tags.as_ref());
        let current = |key: &str| match reported {
            Some(tags) => tags.get(key),
            None => before
                .iter()
                .find(|(own, _)| own.as_str() == key)
                .map(|(_, value)| value),
        };
        let project = change.project.as_ref().or(self.cluster.project.as_ref());
        let lacks_project = project.is_some_and(|project| match reported {
            Some(tags) => tags.get(PROJECT_TAG).map(String::as_str) != Some(project.as_str()),
            None => change.project.is_some(),
        });
        let mut calls = self.reading_idle_cluster();
        calls.push(any(LIST_TAGS));
        let mut wanted = after.iter();
        if lacks_project || wanted.any(|(key, value)| current(key.as_str()) != Some(value)) {
            calls.push(any("dax:TagResource"));
        }
        let mut dropped = before.keys().filter(|key| !after.contains_key(*key));
        if dropped.any(|key| current(key.as_str()).is_some()) {
            calls.push(any("dax:UntagResource"));
        }
        calls
    }

    fn closing_ingress(&self) -> Vec<Call> {
        let account = self.context.account;
        let one = |item: &&Item| {
            let group = item.name.split(':').next().unwrap_or_default();
            let arn = account.security_group_arn(group);
            [
                any("ec2:DescribeSecurityGroupRules"),
                on("ec2:RevokeSecurityGroupIngress", &arn),
            ]
        };
        let rules = self.to_delete(ResourceKind::SecurityGroupRule);
        rules.iter().flat_map(one).collect()
    }

    fn deleting_cluster(&self) -> Vec<Call> {
        if self.to_delete(ResourceKind::Cluster).is_empty() {
            return Vec::new();
        }
        let mut calls = self.reading_idle_cluster();
        calls.push(any("dax:DeleteCluster"));
        calls
    }
}

fn deleting_groups(items: &[&Item], read: &'static str, delete: &'static str) -> Vec<Call> {
    items
        .iter()
        .flat_map(|_| [any(read), any(delete)])
        .collect()
}
