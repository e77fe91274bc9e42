//! Plan: a dry run of a create operation. It reads from AWS only to discover the service role, if
//! the request names none.
//!
//! The names of created resources end in a suffix that exists only once the operation is accepted;
//! a plan shows [`SUFFIX_PATTERN`] instead. A plan's permissions do not cover an undo or the
//! resolution of calls with a lost response; the service's own policy does.

use uuid::Uuid;

use crate::domain::iam::policies::{PolicyDocument, access_policies, trust_policy};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::names::operation_suffix;
use crate::domain::plan::{
    NamedPolicy, Plan, PlannedResource, PlannedStep, ResourceEffect, SUFFIX_PATTERN,
};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};

use super::Inspector;
use super::service_role::{RoleChoice, name_in};

pub mod change;
pub mod permissions;
mod warnings;

/// The account and the operator's settings that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// The account and Region of the cluster.
    pub account: &'a AwsAccount,
    /// ARN of the permissions boundary of created roles.
    pub permissions_boundary: Option<&'a str>,
}

/// The inputs of a plan and of a preflight.
pub(super) struct Draft<'a> {
    pub(super) spec: &'a ClusterSpec,
    pub(super) context: PlanContext<'a>,
    pub(super) role: &'a RoleChoice,
    /// The access policies of a new role.
    documents: Vec<PolicyDocument>,
    /// A random suffix for the resource names in simulations.
    suffix: String,
}

impl Inspector {
    /// Returns the plan of a create operation. Creates nothing.
    pub async fn plan(&self, spec: &ClusterSpec, context: PlanContext<'_>) -> Result<Plan, Fault> {
        let role = self.choose_role(spec).await;
        Ok(Draft::new(spec, context, &role)?.plan())
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        spec: &'a ClusterSpec,
        context: PlanContext<'a>,
        role: &'a RoleChoice,
    ) -> Result<Self, Fault> {
        let AwsAccount {
            partition,
            region,
            account_id,
            ..
        } = context.account;
        let documents = match role {
            RoleChoice::New { access, tables, .. } => {
                access_policies(*access, tables, partition, region, account_id)
                    .map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))?
            }
            RoleChoice::Existing(_)
            | RoleChoice::Discovered(_)
            | RoleChoice::Ambiguous { .. }
            | RoleChoice::Unknown(_) => Vec::new(),
        };
        Ok(Self {
            spec,
            context,
            role,
            documents,
            suffix: operation_suffix(Uuid::now_v7()),
        })
    }

    pub(super) fn plan(&self) -> Plan {
        let policies = self
            .documents
            .iter()
            .enumerate()
            .map(|(index, document)| NamedPolicy {
                name: self.policy_name(index, SUFFIX_PATTERN),
                document: document.clone(),
            });
        Plan {
            steps: self.steps(),
            resources: self.resources(),
            policies: policies.collect(),
            trust_policy: self.creates_role().then(trust_policy),
            permissions: self.permissions(),
            warnings: self.warnings(),
            nodes_to_reboot: Vec::new(),
        }
    }

    fn creates_role(&self) -> bool {
        matches!(self.role, RoleChoice::New { .. })
    }

    fn lists_roles(&self) -> bool {
        match self.role {
            RoleChoice::New { searched, .. } => *searched,
            RoleChoice::Existing(_) => false,
            RoleChoice::Discovered(_) | RoleChoice::Ambiguous { .. } | RoleChoice::Unknown(_) => {
                true
            }
        }
    }

    /// The name that the role and the groups share.
    fn managed_name(&self, suffix: &str) -> String {
        format!("dax-{}-{suffix}", self.spec.name)
    }

    fn policy_name(&self, index: usize, suffix: &str) -> String {
        let name = self.managed_name(suffix);
        if self.documents.len() == 1 {
            name
        } else {
            format!("{name}-{}", index + 1)
        }
    }

    pub(super) fn linked_role_arn(&self) -> String {
        let AwsAccount {
            partition,
            account_id,
            ..
        } = self.context.account;
        format!(
            "arn:{partition}:iam::{account_id}:role/aws-service-role/dax.amazonaws.com/\
             {SERVICE_LINKED_ROLE}"
        )
    }

    /// The steps of `create_cluster`, each with its calls.
    fn steps(&self) -> Vec<PlannedStep> {
        let new_role = self.creates_role();
        let only_if =
            |needed: bool, calls: &[&'static str]| if needed { calls.to_vec() } else { Vec::new() };
        let for_each_policy = |calls: &[&'static str]| calls.repeat(self.documents.len());
        let mut attach = only_if(new_role, &["iam:ListAttachedRolePolicies"]);
        attach.extend(for_each_policy(&["iam:AttachRolePolicy"]));
        let mut find = only_if(self.lists_roles(), &["iam:ListRoles"]);
        let passing = [
            "iam:GetRole",
            "sts:GetCallerIdentity",
            "iam:SimulatePrincipalPolicy",
        ];
        find.extend(only_if(!new_role, &passing));
        let subnet_group: &[_] = match &self.spec.subnet_group {
            SubnetGroup::New { .. } => &["dax:DescribeSubnetGroups", "dax:CreateSubnetGroup"],
            SubnetGroup::OfVpc { .. } => &[
                "ec2:DescribeSubnets",
                "dax:DescribeSubnetGroups",
                "dax:CreateSubnetGroup",
            ],
            SubnetGroup::Existing { .. } | SubnetGroup::Default => &["dax:DescribeSubnetGroups"],
        };
        let (parameter_group, parameters): (&[_], &[_]) = match &self.spec.parameter_group {
            ParameterGroup::New { .. } => (
                &["dax:DescribeParameterGroups", "dax:CreateParameterGroup"],
                &["dax:DescribeParameters", "dax:UpdateParameterGroup"],
            ),
            ParameterGroup::Existing { .. } => (&["dax:DescribeParameterGroups"], &[]),
            ParameterGroup::Default => (&[], &[]),
        };
        let mut cluster = vec!["dax:DescribeClusters"];
        cluster.extend(only_if(!new_role, &["iam:GetRole"]));
        cluster.push("dax:CreateCluster");
        let steps = [
            ("find_service_role", find),
            (
                "create_service_role",
                only_if(new_role, &["iam:GetRole", "iam:CreateRole"]),
            ),
            (
                "create_access_policies",
                for_each_policy(&["iam:GetPolicy", "iam:CreatePolicy"]),
            ),
            ("attach_access_policies", attach),
            (
                "ensure_service_linked_role",
                vec!["iam:GetRole", "iam:CreateServiceLinkedRole"],
            ),
            ("prepare_subnet_group", subnet_group.to_vec()),
            ("prepare_parameter_group", parameter_group.to_vec()),
            ("set_parameters", parameters.to_vec()),
            ("create_cluster", cluster),
            ("await_available", vec!["dax:DescribeClusters"]),
        ];
        steps
            .into_iter()
            .map(|(name, calls)| PlannedStep { name, calls })
            .collect()
    }

    fn resources(&self) -> Vec<PlannedResource> {
        let mut resources = self.iam_resources();
        resources.extend(self.groups());
        let name = self.spec.name.as_str();
        let arn = self.context.account.cluster_arn(name);
        resources.push(resource(
            ResourceKind::Cluster,
            name,
            Some(arn),
            Owner::Managed,
        ));
        resources
    }

    /// The service role, its access policies and the service-linked role.
    fn iam_resources(&self) -> Vec<PlannedResource> {
        let account = self.context.account;
        let new_name = self.managed_name(SUFFIX_PATTERN);
        let mut resources = Vec::new();
        if let Some(arn) = self.role.existing() {
            resources.push(resource(
                ResourceKind::Role,
                name_in(arn),
                Some(arn.to_owned()),
                Owner::External,
            ));
        }
        if self.creates_role() {
            let arn = account.iam_arn("role", &new_name);
            resources.push(resource(
                ResourceKind::Role,
                &new_name,
                Some(arn),
                Owner::Managed,
            ));
        }
        for index in 0..self.documents.len() {
            let name = self.policy_name(index, SUFFIX_PATTERN);
            let arn = account.iam_arn("policy", &name);
            resources.push(resource(
                ResourceKind::Policy,
                &name,
                Some(arn),
                Owner::Managed,
            ));
        }
        let linked = Some(self.linked_role_arn());
        resources.push(resource(
            ResourceKind::ServiceLinkedRole,
            SERVICE_LINKED_ROLE,
            linked,
            Owner::External,
        ));
        resources
    }

    /// The subnet group and the parameter group.
    fn groups(&self) -> Vec<PlannedResource> {
        let new_name = self.managed_name(SUFFIX_PATTERN);
        let (subnet_group, owner) = match &self.spec.subnet_group {
            SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } => {
                (new_name.as_str(), Owner::Managed)
            }
            SubnetGroup::Existing { name } => (name.as_str(), Owner::External),
            SubnetGroup::Default => ("default", Owner::External),
        };
        let mut resources = vec![resource(
            ResourceKind::SubnetGroup,
            subnet_group,
            None,
            owner,
        )];
        match &self.spec.parameter_group {
            ParameterGroup::New { .. } => {
                resources.push(resource(
                    ResourceKind::ParameterGroup,
                    &new_name,
                    None,
                    Owner::Managed,
                ));
            }
            ParameterGroup::Existing { name } => {
                resources.push(resource(
                    ResourceKind::ParameterGroup,
                    name,
                    None,
                    Owner::External,
                ));
            }
            ParameterGroup::Default => {}
        }
        resources
    }
}

/// A managed resource is created, an external one is used as it is.
fn resource(kind: ResourceKind, name: &str, arn: Option<String>, owner: Owner) -> PlannedResource {
    let effect = match owner {
        Owner::Managed => ResourceEffect::Create,
        Owner::External => ResourceEffect::Keep,
    };
    PlannedResource {
        effect,
        kind,
        name: name.to_owned(),
        arn,
        owner,
    }
}
