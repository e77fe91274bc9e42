//! What a policy grants, action by action, as questions that IAM's simulator can answer.

use super::{Conditions, Effect, PolicyDocument, Values};
use crate::domain::plan::Permission;

/// Stands where a pattern of ours has a `*`: no cluster has this name.
const EXAMPLE: &str = "doctor-aaaaaaaaaa";
/// The key that every call brings.
const REQUESTED_REGION: &str = "aws:RequestedRegion";

/// Each action that a policy allows, asked about on an example of each of its resources. `region_of` tells in which Region
/// a call of an action counts.
pub fn permissions_of(
    policy: &PolicyDocument,
    region_of: impl Fn(&str) -> String,
) -> Vec<Permission> {
    let allowing = policy
        .statement
        .iter()
        .filter(|statement| statement.effect == Effect::Allow);
    let mut permissions = Vec::new();
    for statement in allowing {
        let resources = statement
            .resource
            .as_ref()
            .map(Values::texts)
            .unwrap_or_default();
        let pairs = statement
            .action
            .texts()
            .iter()
            .flat_map(|action| resources.iter().map(move |one| (action, one)));
        permissions.extend(pairs.map(|(action, resource)| Permission {
            action: action.clone(),
            resource: resource.clone(),
            conditions: statement.condition.clone(),
            asked: vec![example(resource)],
            context: context(action, &statement.condition, &region_of),
        }));
    }
    permissions
}

/// A resource that a pattern of ours matches; `*` alone stays, for it is what such a call is about.
fn example(pattern: &str) -> String {
    if pattern == "*" {
        pattern.to_owned()
    } else {
        pattern.replace('*', EXAMPLE)
    }
}

/// The condition keys that a rightful call brings.
fn context(
    action: &str,
    conditions: &Conditions,
    region_of: impl Fn(&str) -> String,
) -> Vec<(&'static str, String)> {
    let mut context = vec![(REQUESTED_REGION, region_of(action))];
    for key in KEYS {
        let values = conditions
            .values()
            .filter_map(|keys| keys.get(key))
            .flat_map(Values::texts);
        context.extend(values.take(1).map(|value| (key, example(value))));
    }
    context
}

/// The other condition keys that our policies use.
const KEYS: [&str; 5] = [
    "iam:PermissionsBoundary",
    "iam:PolicyARN",
    "iam:PassedToService",
    "iam:AWSServiceName",
    "ec2:CreateAction",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::iam::policies::service::{ServiceScope, service_policy};

    #[test]
    fn every_action_of_the_service_policy_is_asked_about_with_what_its_conditions_want() {
        let boundary = "arn:aws:iam::123456789012:policy/boundary";
        let policy = service_policy(&ServiceScope {
            partition: "aws",
            account_id: "123456789012",
            region: "us-west-2",
            boundary_arn: Some(boundary),
            service_role_arns: &[],
            lookups: true,
        });
        let permissions = permissions_of(&policy, |_| "us-west-2".to_owned());
        let find = |action: &str| {
            permissions
                .iter()
                .find(|one| one.action == action)
                .expect("is granted")
        };
        assert!(permissions.len() > 40, "{}", permissions.len());
        let attach = find("iam:AttachRolePolicy");
        assert_eq!(
            attach.asked,
            ["arn:aws:iam::123456789012:role/dax-provisioner/dax-doctor-aaaaaaaaaa"]
        );
        assert!(
            attach
                .context
                .contains(&("iam:PermissionsBoundary", boundary.to_owned()))
        );
        assert!(
            attach
                .context
                .iter()
                .any(|(key, value)| *key == "iam:PolicyARN" && !value.contains('*'))
        );
        assert_eq!(find("dax:CreateCluster").asked, ["*"]);
        let used = policy
            .statement
            .iter()
            .flat_map(|one| one.condition.values())
            .flat_map(|keys| keys.keys());
        for key in used {
            assert!(
                key == REQUESTED_REGION || KEYS.contains(&key.as_str()),
                "{key} would not be brought"
            );
        }
    }
}
