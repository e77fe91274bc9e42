//! The permissions of a plan: what the service's own identity needs to run the operation.
//!
//! Without any of them the operation blocks. Reading the service-linked role is not among them,
//! because DAX creates a missing one on the caller's behalf.

use crate::domain::iam::policies::DAX_PRINCIPAL;
use crate::domain::iam::remedy;
use crate::domain::iam::remedy::conditions;
use crate::domain::installation::AwsAccount;
use crate::domain::names::OPERATION_TAG;
use crate::domain::partitions::iam_region;
use crate::domain::plan::{Permission, SUFFIX_PATTERN};
use crate::domain::spec::{ParameterGroup, SubnetGroup};

use super::{Draft, PlanContext};
use crate::inspections::service_role::RoleChoice;

const ANY_RESOURCE: &str = "*";

impl Draft<'_> {
    /// The permissions, in the order of the steps.
    pub(in crate::inspections) fn permissions(&self) -> Vec<Permission> {
        let mut permissions = self.of_role();
        let linked = self.linked_role_arn();
        permissions.push(self.permission(
            "iam:CreateServiceLinkedRole",
            &linked,
            vec![linked.clone()],
        ));
        permissions.extend(self.of_groups());
        for action in [
            "dax:DescribeClusters",
            "dax:CreateCluster",
            "dax:TagResource",
        ] {
            permissions.push(self.on_any_resource(action));
        }
        permissions.extend(self.of_passing());
        permissions
    }

    fn of_role(&self) -> Vec<Permission> {
        let mut permissions = Vec::new();
        if self.lists_roles() {
            permissions.push(self.on_any_resource("iam:ListRoles"));
        }
        match self.role {
            RoleChoice::New { .. } => permissions.extend(self.of_new_role()),
            RoleChoice::Existing(arn) | RoleChoice::Discovered(arn) => {
                permissions.push(self.permission("iam:GetRole", arn, vec![arn.clone()]));
            }
            RoleChoice::Ambiguous { candidates } => {
                let read = |arn: &String| self.permission("iam:GetRole", arn, vec![arn.clone()]);
                permissions.extend(candidates.iter().map(read));
            }
            RoleChoice::Unknown(_) => {}
        }
        permissions
    }

    fn of_new_role(&self) -> Vec<Permission> {
        let account = self.context.account;
        let role = |suffix| account.iam_arn("role", &self.managed_name(suffix));
        let on_role =
            |action| self.permission(action, &role(SUFFIX_PATTERN), vec![role(&self.suffix)]);
        // IAM authorises GetRole on a missing role by name only, without its path.
        let without_path = |name: &str| {
            format!(
                "arn:{}:iam::{}:role/{name}",
                account.partition, account.account_id
            )
        };
        let read = without_path(&format!("*{}", self.managed_name(SUFFIX_PATTERN)));
        let simulated_on = vec![
            role(&self.suffix),
            without_path(&self.managed_name(&self.suffix)),
        ];
        let mut permissions = vec![
            self.permission("iam:GetRole", &read, simulated_on),
            on_role("iam:CreateRole"),
            on_role("iam:TagRole"),
        ];
        for index in 0..self.documents.len() {
            let policy = |suffix| account.iam_arn("policy", &self.policy_name(index, suffix));
            for action in ["iam:GetPolicy", "iam:CreatePolicy", "iam:TagPolicy"] {
                permissions.push(self.permission(
                    action,
                    &policy(SUFFIX_PATTERN),
                    vec![policy(&self.suffix)],
                ));
            }
        }
        permissions.push(on_role("iam:ListAttachedRolePolicies"));
        permissions.push(on_role("iam:AttachRolePolicy"));
        permissions
    }

    fn of_groups(&self) -> Vec<Permission> {
        let mut actions = vec!["dax:DescribeSubnetGroups"];
        match self.spec.subnet_group {
            SubnetGroup::OfVpc { .. } => {
                actions.extend(["dax:CreateSubnetGroup", "ec2:DescribeSubnets"])
            }
            SubnetGroup::New { .. } => actions.push("dax:CreateSubnetGroup"),
            SubnetGroup::Existing { .. } | SubnetGroup::Default => {}
        }
        actions.extend_from_slice(match self.spec.parameter_group {
            ParameterGroup::Default => &[],
            ParameterGroup::Existing { .. } => &["dax:DescribeParameterGroups"],
            ParameterGroup::New { .. } => &[
                "dax:DescribeParameterGroups",
                "dax:CreateParameterGroup",
                "dax:DescribeParameters",
                "dax:UpdateParameterGroup",
            ],
        });
        actions
            .into_iter()
            .map(|action| self.on_any_resource(action))
            .collect()
    }

    fn of_passing(&self) -> Option<Permission> {
        let role = |suffix| match self.role {
            RoleChoice::New { .. } => Some(
                self.context
                    .account
                    .iam_arn("role", &self.managed_name(suffix)),
            ),
            RoleChoice::Existing(arn) | RoleChoice::Discovered(arn) => Some(arn.clone()),
            RoleChoice::Ambiguous { .. } | RoleChoice::Unknown(_) => None,
        };
        Some(self.permission(
            "iam:PassRole",
            &role(SUFFIX_PATTERN)?,
            vec![role(&self.suffix)?],
        ))
    }

    /// A permission on `*`: DAX's actions and EC2's reads cannot be limited to a resource
    /// (developer guide, "Managing DAX clusters").
    fn on_any_resource(&self, action: &'static str) -> Permission {
        self.permission(action, ANY_RESOURCE, vec![ANY_RESOURCE.to_owned()])
    }

    fn permission(
        &self,
        action: &'static str,
        resource: &str,
        simulated_on: Vec<String>,
    ) -> Permission {
        Permission {
            simulated_on,
            context: self.condition_keys(action),
            ..permission(self.context, action, resource)
        }
    }

    /// The condition keys and values of a call of this action.
    fn condition_keys(&self, action: &str) -> Vec<(&'static str, String)> {
        let account = self.context.account;
        let mut context = vec![("aws:RequestedRegion", region_of(action, account))];
        let boundary = || {
            self.context
                .permissions_boundary
                .map(|arn| ("iam:PermissionsBoundary", arn.to_owned()))
        };
        if [
            "iam:CreateRole",
            "iam:TagRole",
            "iam:CreatePolicy",
            "iam:TagPolicy",
        ]
        .contains(&action)
        {
            context.push(("aws:TagKeys", OPERATION_TAG.to_owned()));
        }
        match action {
            "iam:CreateRole" | "iam:TagRole" => context.extend(boundary()),
            "iam:AttachRolePolicy" => {
                context.push((
                    "iam:PolicyARN",
                    account.iam_arn("policy", &self.policy_name(0, &self.suffix)),
                ));
                context.extend(boundary());
            }
            "iam:PassRole" => context.push(("iam:PassedToService", DAX_PRINCIPAL.to_owned())),
            "iam:CreateServiceLinkedRole" => {
                context.push(("iam:AWSServiceName", DAX_PRINCIPAL.to_owned()))
            }
            _ => {}
        }
        context
    }
}

/// A permission with the conditions of this service's own policy, without what only a simulation
/// needs.
pub(super) fn permission(
    context: PlanContext<'_>,
    action: &'static str,
    resource: &str,
) -> Permission {
    let account = context.account;
    let call_site = remedy::CallSite {
        partition: &account.partition,
        account_id: &account.account_id,
        region: &account.region,
        resource_arn: None,
        called_service: "",
        boundary_arn: context.permissions_boundary,
        is_own_call: true,
        lookups: true,
    };
    Permission {
        action: action.to_owned(),
        resource: resource.to_owned(),
        conditions: conditions(action, &call_site),
        simulated_on: Vec::new(),
        context: Vec::new(),
    }
}

/// The value of `aws:RequestedRegion` for an action: IAM has one endpoint per partition (AWS
/// General Reference, "IAM endpoints").
pub fn region_of(action: &str, account: &AwsAccount) -> String {
    let region = if action.starts_with("iam:") {
        iam_region(&account.partition)
    } else {
        &account.region
    };
    region.to_owned()
}
