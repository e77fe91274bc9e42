//! The permissions of a plan: what the service's own identity must hold to see it through.
//!
//! Each is one without which the work blocks. Not among them is what the work can do without: reading the service-linked
//! role, because DAX makes a missing one itself in the caller's name.

use crate::domain::iam::policies::{DAX_PRINCIPAL, Values};
use crate::domain::iam::remedy;
use crate::domain::iam::remedy::conditions;
use crate::domain::installation::AwsAccount;
use crate::domain::plan::{Permission, SUFFIX_PATTERN};
use crate::domain::spec::{ParameterGroup, SubnetGroup};

use super::Draft;
use crate::inspections::service_role::RoleChoice;

/// Any resource.
const ANYTHING: &str = "*";

impl Draft<'_> {
    /// What the service's identity must hold, in the order of the steps.
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
            permissions.push(self.anywhere(action));
        }
        permissions.extend(self.of_passing());
        permissions
    }

    fn of_role(&self) -> Vec<Permission> {
        let mut permissions = Vec::new();
        if self.searches() {
            permissions.push(self.permission("iam:ListRoles", ANYTHING, vec![ANYTHING.to_owned()]));
        }
        match self.role {
            RoleChoice::New { .. } => permissions.extend(self.of_new_role()),
            RoleChoice::Existing(arn) | RoleChoice::Found(arn) => {
                permissions.push(self.permission("iam:GetRole", arn, vec![arn.clone()]));
            }
            RoleChoice::Unclear { candidates } => {
                let read = |arn: &String| self.permission("iam:GetRole", arn, vec![arn.clone()]);
                permissions.extend(candidates.iter().map(read));
            }
            RoleChoice::Unknown(_) => {}
        }
        permissions
    }

    fn of_new_role(&self) -> Vec<Permission> {
        let place = self.ground.place;
        let role = |suffix| place.iam_arn("role", &self.managed_name(suffix));
        let on_role =
            |action| self.permission(action, &role(SUFFIX_PATTERN), vec![role(&self.drawn)]);
        // A role that does not exist yet has no path in IAM's eyes, so it is read with and without one.
        let without_path = |name: &str| {
            format!(
                "arn:{}:iam::{}:role/{name}",
                place.partition, place.account_id
            )
        };
        let read = without_path(&format!("*{}", self.managed_name(SUFFIX_PATTERN)));
        let read_asked = vec![
            role(&self.drawn),
            without_path(&self.managed_name(&self.drawn)),
        ];
        let mut permissions = vec![
            self.permission("iam:GetRole", &read, read_asked),
            on_role("iam:CreateRole"),
            on_role("iam:TagRole"),
        ];
        for index in 0..self.documents.len() {
            let policy = |suffix| place.iam_arn("policy", &self.policy_name(index, suffix));
            for action in ["iam:GetPolicy", "iam:CreatePolicy", "iam:TagPolicy"] {
                permissions.push(self.permission(
                    action,
                    &policy(SUFFIX_PATTERN),
                    vec![policy(&self.drawn)],
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
            .map(|action| self.anywhere(action))
            .collect()
    }

    fn of_passing(&self) -> Option<Permission> {
        let role = |suffix| match self.role {
            RoleChoice::New { .. } => Some(
                self.ground
                    .place
                    .iam_arn("role", &self.managed_name(suffix)),
            ),
            RoleChoice::Existing(arn) | RoleChoice::Found(arn) => Some(arn.clone()),
            RoleChoice::Unclear { .. } | RoleChoice::Unknown(_) => None,
        };
        Some(self.permission(
            "iam:PassRole",
            &role(SUFFIX_PATTERN)?,
            vec![role(&self.drawn)?],
        ))
    }

    /// DAX's own actions cannot be limited to a resource (developer guide, "Managing DAX clusters"), nor can EC2's reads.
    fn anywhere(&self, action: &'static str) -> Permission {
        self.permission(action, ANYTHING, vec![ANYTHING.to_owned()])
    }

    fn permission(&self, action: &'static str, resource: &str, asked: Vec<String>) -> Permission {
        let place = remedy::CallSite {
            partition: &self.ground.place.partition,
            account_id: &self.ground.place.account_id,
            region: &self.ground.place.region,
            resource_arn: None,
            passed_to_service: DAX_PRINCIPAL,
            boundary_arn: self.ground.permissions_boundary,
        };
        Permission {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: conditions(action, &Values::one(resource), &place),
            asked,
            context: self.context(action),
        }
    }

    /// The condition keys that a call of this action brings.
    fn context(&self, action: &str) -> Vec<(&'static str, String)> {
        let place = self.ground.place;
        let mut context = vec![("aws:RequestedRegion", region_of(action, place))];
        let boundary = || {
            self.ground
                .permissions_boundary
                .map(|arn| ("iam:PermissionsBoundary", arn.to_owned()))
        };
        match action {
            "iam:CreateRole" | "iam:TagRole" => context.extend(boundary()),
            "iam:AttachRolePolicy" => {
                context.push((
                    "iam:PolicyARN",
                    place.iam_arn("policy", &self.policy_name(0, &self.drawn)),
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

/// The Region in which a call of an action counts: IAM has one endpoint in each partition (AWS General Reference, "IAM
/// endpoints").
pub fn region_of(action: &str, place: &AwsAccount) -> String {
    let region = if action.starts_with("iam:") {
        home_of_iam(&place.partition)
    } else {
        &place.region
    };
    region.to_owned()
}

fn home_of_iam(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}
