//! Mutations of IAM.

use std::collections::BTreeMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;

use crate::domain::mutation::Mutation;
use crate::domain::problems::fault::Fault;

use super::{Effect, empty_effect, unsupported};
use crate::aws::fault::Call;

pub(super) async fn send(iam: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    match mutation {
        Mutation::CreateRole { .. } => create_role(iam, mutation, call).await,
        Mutation::CreatePolicy { .. } => create_policy(iam, mutation, call).await,
        Mutation::AttachRolePolicy { role, policy_arn } => {
            let request = iam
                .attach_role_policy()
                .role_name(role)
                .policy_arn(policy_arn);
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::CreateServiceLinkedRole => create_service_linked_role(iam, call).await,
        Mutation::DetachRolePolicy { role, policy_arn } => {
            let request = iam
                .detach_role_policy()
                .role_name(role)
                .policy_arn(policy_arn);
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::DeletePolicy { arn } => {
            let request = iam.delete_policy().policy_arn(arn);
            call.response(request.send()).await.map(empty_effect)
        }
        Mutation::DeleteRole { name } => {
            let request = iam.delete_role().role_name(name);
            call.response(request.send()).await.map(empty_effect)
        }
        other => Err(unsupported(other)),
    }
}

async fn create_role(iam: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    let Mutation::CreateRole {
        name,
        path,
        trust_policy,
        permissions_boundary,
        description,
        tags,
    } = mutation
    else {
        return Err(unsupported(mutation));
    };
    let request = iam
        .create_role()
        .role_name(name)
        .path(path)
        .assume_role_policy_document(trust_policy)
        .set_permissions_boundary(permissions_boundary.clone())
        .description(description)
        .set_tags(Some(tag_list(tags)));
    let answer = call.response(request.send()).await?;
    Ok(Effect {
        arn: answer.role.map(|role| role.arn),
        observed: None,
    })
}

async fn create_policy(iam: &Client, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
    let Mutation::CreatePolicy {
        name,
        path,
        document,
        description,
        tags,
    } = mutation
    else {
        return Err(unsupported(mutation));
    };
    let request = iam
        .create_policy()
        .policy_name(name)
        .path(path)
        .policy_document(document);
    let request = request
        .description(description)
        .set_tags(Some(tag_list(tags)));
    let answer = call.response(request.send()).await?;
    Ok(Effect {
        arn: answer.policy.and_then(|policy| policy.arn),
        observed: None,
    })
}

async fn create_service_linked_role(iam: &Client, call: &Call) -> Result<Effect, Fault> {
    let request = iam
        .create_service_linked_role()
        .aws_service_name("dax.amazonaws.com");
    let answer = call.response(request.send()).await?;
    Ok(Effect {
        arn: answer.role.map(|role| role.arn),
        observed: None,
    })
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.expect("a tag is complete once it has a key and a value, and both are set here")
        })
        .collect()
}
