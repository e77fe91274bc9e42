//! The permissions that a policy grants, action by action, as input for IAM's policy simulator.

use super::{Conditions, Effect, PolicyDocument, Values};
use crate::domain::plan::Permission;

/// Replaces `*` in a resource pattern. No cluster has this name.
const EXAMPLE: &str = "doctor-aaaaaaaaaa";
/// The condition key that every call has.
const REQUESTED_REGION: &str = "aws:RequestedRegion";

/// Every action that a policy allows, with an example of each of its resources. `region_of` returns
/// the Region in which AWS evaluates a call of an action.
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
            simulated_on: vec![example(resource)],
            context: context(action, &statement.condition, &region_of),
        }));
    }
    permissions
}

/// A resource that matches a pattern. A pattern `*` stays as it is.
fn example(pattern: &str) -> String {
    if pattern == "*" {
        pattern.to_owned()
    } else {
        pattern.replace('*', EXAMPLE)
    }
}

/// The condition keys of a call that meets the conditions.
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

/// The other condition keys in the policies of this service.
const KEYS: [&str; 6] = [
    "aws:TagKeys",
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
    fn every_action_of_the_service_policy_is_simulated_with_the_keys_of_its_conditions() {
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
            attach.simulated_on,
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
        assert_eq!(find("dax:CreateCluster").simulated_on, ["*"]);
        let used = policy
            .statement
            .iter()
            .flat_map(|one| one.condition.values())
            .flat_map(|keys| keys.keys());
        for key in used {
            assert!(
                key == REQUESTED_REGION || KEYS.contains(&key.as_str()),
                "{key} is missing from the context"
            );
        }
    }
}
