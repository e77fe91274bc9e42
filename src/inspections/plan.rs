//! Plan: what would be done for a wanted cluster. AWS is asked only which role there is, where the request names none.
//!
//! The names of what an operation makes end in ten characters that are drawn when it is accepted; a plan shows
//! [`SUFFIX_PATTERN`] in their place. The undo, and the settling of lost answers, take more than a plan's permissions:
//! the service's own policy has everything.

use uuid::Uuid;

use crate::domain::iam::policies::{PolicyDocument, access_policies, trust_policy};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::mutation::SERVICE_LINKED_ROLE;
use crate::domain::names::operation_suffix;
use crate::domain::plan::{NamedPolicy, Plan, PlannedResource, PlannedStep, SUFFIX_PATTERN};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};

use super::Inspector;
use super::service_role::{RoleChoice, name_in};

pub mod permissions;
mod warnings;

/// Where a plan would be carried out.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// The account and Region.
    pub place: &'a AwsAccount,
    /// The boundary that roles of ours carry.
    pub permissions_boundary: Option<&'a str>,
}

/// What a plan is drawn from.
pub(super) struct Draft<'a> {
    pub(super) spec: &'a ClusterSpec,
    pub(super) ground: PlanContext<'a>,
    pub(super) role: &'a RoleChoice,
    /// The access policies of a new role.
    documents: Vec<PolicyDocument>,
    /// A suffix drawn for this draft, with which the simulator is asked.
    drawn: String,
}

impl Inspector {
    /// The plan of a wanted cluster. Nothing is made.
    pub async fn plan(&self, spec: &ClusterSpec, ground: PlanContext<'_>) -> Result<Plan, Fault> {
        let role = self.choose_role(spec).await;
        Ok(Draft::new(spec, ground, &role)?.plan())
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        spec: &'a ClusterSpec,
        ground: PlanContext<'a>,
        role: &'a RoleChoice,
    ) -> Result<Self, Fault> {
        let AwsAccount {
            partition,
            region,
            account_id,
            ..
        } = ground.place;
        let documents = match role {
            RoleChoice::New { access, tables, .. } => {
                access_policies(*access, tables, partition, region, account_id)
                    .map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))?
            }
            RoleChoice::Existing(_)
            | RoleChoice::Found(_)
            | RoleChoice::Unclear { .. }
            | RoleChoice::Unknown(_) => Vec::new(),
        };
        Ok(Self {
            spec,
            ground,
            role,
            documents,
            drawn: operation_suffix(Uuid::now_v7()),
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
            trust_policy: self.makes_role().then(trust_policy),
            permissions: self.permissions(),
            warnings: self.warnings(),
        }
    }

    fn makes_role(&self) -> bool {
        matches!(self.role, RoleChoice::New { .. })
    }

    fn searches(&self) -> bool {
        match self.role {
            RoleChoice::New { searched, .. } => *searched,
            RoleChoice::Existing(_) => false,
            RoleChoice::Found(_) | RoleChoice::Unclear { .. } | RoleChoice::Unknown(_) => true,
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
        } = self.ground.place;
        format!(
            "arn:{partition}:iam::{account_id}:role/aws-service-role/dax.amazonaws.com/{SERVICE_LINKED_ROLE}"
        )
    }

    /// The steps of `create_cluster`, each with its calls.
    fn steps(&self) -> Vec<PlannedStep> {
        let made = self.makes_role();
        let only_if =
            |wanted: bool, calls: &[&'static str]| if wanted { calls.to_vec() } else { Vec::new() };
        let for_each_policy = |calls: &[&'static str]| calls.repeat(self.documents.len());
        let mut attach = only_if(made, &["iam:ListAttachedRolePolicies"]);
        attach.extend(for_each_policy(&["iam:AttachRolePolicy"]));
        let mut find = only_if(self.searches(), &["iam:ListRoles"]);
        find.extend(only_if(!made, &["iam:GetRole"]));
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
        cluster.extend(only_if(!made, &["iam:GetRole"]));
        cluster.push("dax:CreateCluster");
        let steps = [
            ("find_service_role", find),
            (
                "create_service_role",
                only_if(made, &["iam:GetRole", "iam:CreateRole"]),
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
        let place = self.ground.place;
        let resource = |kind, name: &str, arn: Option<String>, owner| PlannedResource {
            kind,
            name: name.to_owned(),
            arn,
            owner,
        };
        let made = self.managed_name(SUFFIX_PATTERN);
        let mut resources = Vec::new();
        if let Some(arn) = self.role.existing() {
            resources.push(resource(
                ResourceKind::Role,
                name_in(arn),
                Some(arn.to_owned()),
                Owner::External,
            ));
        }
        if self.makes_role() {
            let arn = place.iam_arn("role", &made);
            resources.push(resource(
                ResourceKind::Role,
                &made,
                Some(arn),
                Owner::Managed,
            ));
        }
        for index in 0..self.documents.len() {
            let name = self.policy_name(index, SUFFIX_PATTERN);
            let arn = place.iam_arn("policy", &name);
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
        let (subnet_group, owner) = match &self.spec.subnet_group {
            SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } => (made.as_str(), Owner::Managed),
            SubnetGroup::Existing { name } => (name.as_str(), Owner::External),
            SubnetGroup::Default => ("default", Owner::External),
        };
        resources.push(resource(
            ResourceKind::SubnetGroup,
            subnet_group,
            None,
            owner,
        ));
        match &self.spec.parameter_group {
            ParameterGroup::New { .. } => {
                resources.push(resource(
                    ResourceKind::ParameterGroup,
                    &made,
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
        let name = self.spec.name.as_str();
        resources.push(resource(
            ResourceKind::Cluster,
            name,
            Some(place.cluster_arn(name)),
            Owner::Managed,
        ));
        resources
    }
}
