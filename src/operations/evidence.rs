//! Evidence: whether something that exists is what we made, or would have made.
//!
//! Names alone prove nothing. Roles, policies and clusters carry our two tags, groups carry the same in their
//! description, and the content must be what we would have written.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aws::{Aws, ParameterGroup, Policy, Role, SubnetGroup};
use crate::domain::iam::trust::same_document;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::NewCluster;
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG, OPERATION_TAG, group_description};
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Difference, Fault, FaultClass};

use super::Context;
use super::ingress_rules::rule_for;

/// What was found under the name of something we meant to make.
#[derive(Debug)]
pub(super) enum Existence {
    /// Nothing.
    Absent,
    /// What we made, or would have made.
    Ours(Box<Item>),
    /// What we made, by its tags or description, and changed by others since.
    Altered(Box<Item>, Vec<Difference>),
    /// Something else.
    Foreign(Vec<Difference>),
    /// It is there, but AWS cannot say yet whose it is.
    Undecided,
}

/// Our two tags for things of an operation.
pub(super) fn tags(installation: Uuid, operation: Uuid) -> BTreeMap<String, String> {
    BTreeMap::from([
        (OPERATION_TAG.to_owned(), operation.to_string()),
        (INSTALLATION_TAG.to_owned(), installation.to_string()),
    ])
}

/// Looks whether what a mutation would make is there, and whose it is.
pub(super) async fn find_evidence(
    aws: &Aws,
    place: &crate::domain::installation::AwsAccount,
    installation: Uuid,
    operation: Uuid,
    mutation: &Mutation,
) -> Result<Existence, Fault> {
    let wanted = tags(installation, operation);
    match mutation {
        Mutation::CreateRole { name, .. } => {
            let role = aws.role(name, &place.iam_arn("role", name)).await?;
            Ok(role.map_or(Existence::Absent, |role| {
                judge_role(&role, mutation, &wanted, operation)
            }))
        }
        Mutation::CreatePolicy { name, .. } => {
            let policy = aws.policy(&place.iam_arn("policy", name)).await?;
            Ok(policy.map_or(Existence::Absent, |policy| {
                judge_policy(&policy, mutation, &wanted, operation)
            }))
        }
        Mutation::CreateSubnetGroup { name, .. } => {
            let group = aws.subnet_group(name).await?;
            Ok(group.map_or(Existence::Absent, |group| {
                judge_subnet_group(&group, mutation, operation)
            }))
        }
        Mutation::CreateParameterGroup { name, description } => {
            let group = aws.parameter_group(name).await?;
            Ok(group.map_or(Existence::Absent, |group| {
                judge_parameter_group(&group, description, operation)
            }))
        }
        Mutation::CreateCluster(cluster) => {
            look_for_cluster(aws, cluster, &wanted, operation).await
        }
        Mutation::AuthorizeIngress { name, ingress, .. } => {
            Ok(match rule_for(aws, place, installation, ingress).await? {
                None => Existence::Absent,
                Some(found) if found.maker == Some(operation) => {
                    let item = Item::made(
                        ResourceKind::SecurityGroupRule,
                        name,
                        Some(found.arn),
                        operation,
                    );
                    Existence::Ours(Box::new(item))
                }
                Some(_) => Existence::Foreign(Vec::new()),
            })
        }
        Mutation::AttachRolePolicy { .. }
        | Mutation::CreateServiceLinkedRole
        | Mutation::UpdateParameterGroup { .. }
        | Mutation::UpdateCluster(_)
        | Mutation::IncreaseReplicationFactor { .. }
        | Mutation::DecreaseReplicationFactor { .. }
        | Mutation::RebootNode { .. }
        | Mutation::TagCluster { .. }
        | Mutation::UntagCluster { .. }
        | Mutation::DeleteCluster { .. }
        | Mutation::DeleteSubnetGroup { .. }
        | Mutation::DeleteParameterGroup { .. }
        | Mutation::DetachRolePolicy { .. }
        | Mutation::DeletePolicy { .. }
        | Mutation::DeleteRole { .. }
        | Mutation::RevokeIngress { .. } => Ok(Existence::Absent),
    }
}

fn judge_role(
    role: &Role,
    wanted: &Mutation,
    tags: &BTreeMap<String, String>,
    operation: Uuid,
) -> Existence {
    let Mutation::CreateRole {
        name,
        trust_policy,
        permissions_boundary,
        ..
    } = wanted
    else {
        return Existence::Absent;
    };
    let mut differences: Vec<Difference> = Difference::between("path", IAM_PATH, Some(&role.path))
        .into_iter()
        .collect();
    if !same_document(trust_policy, &role.trust_policy) {
        differences.push(document_difference(
            "trust_policy",
            trust_policy,
            &role.trust_policy,
        ));
    }
    let boundary = permissions_boundary.as_deref().unwrap_or("(none)");
    let found = role.permissions_boundary.as_deref().unwrap_or("(none)");
    differences.extend(Difference::between(
        "permissions_boundary",
        boundary,
        Some(found),
    ));
    let item = Item::made(ResourceKind::Role, name, Some(role.arn.clone()), operation);
    verdict(tag_differences(tags, &role.tags), differences, item)
}

fn judge_policy(
    policy: &Policy,
    wanted: &Mutation,
    tags: &BTreeMap<String, String>,
    operation: Uuid,
) -> Existence {
    let Mutation::CreatePolicy { name, document, .. } = wanted else {
        return Existence::Absent;
    };
    let mut differences = Vec::new();
    if !same_document(document, &policy.document) {
        differences.push(document_difference("document", document, &policy.document));
    }
    let item = Item::made(
        ResourceKind::Policy,
        name,
        Some(policy.arn.clone()),
        operation,
    );
    verdict(tag_differences(tags, &policy.tags), differences, item)
}

fn judge_subnet_group(group: &SubnetGroup, wanted: &Mutation, operation: Uuid) -> Existence {
    let Mutation::CreateSubnetGroup {
        name,
        description,
        subnet_ids,
    } = wanted
    else {
        return Existence::Absent;
    };
    let mut differences = Vec::new();
    if &group.subnet_ids != subnet_ids {
        let words = |ids: &std::collections::BTreeSet<String>| {
            ids.iter().cloned().collect::<Vec<_>>().join(", ")
        };
        differences.extend(Difference::between(
            "subnet_ids",
            &words(subnet_ids),
            Some(&words(&group.subnet_ids)),
        ));
    }
    let foreign = Difference::between("description", description, Some(group.description.trim()));
    verdict(
        foreign.into_iter().collect(),
        differences,
        Item::made(ResourceKind::SubnetGroup, name, None, operation),
    )
}

fn judge_parameter_group(group: &ParameterGroup, description: &str, operation: Uuid) -> Existence {
    let foreign = Difference::between("description", description, Some(group.description.trim()));
    let item = Item::made(ResourceKind::ParameterGroup, &group.name, None, operation);
    verdict(foreign.into_iter().collect(), Vec::new(), item)
}

async fn look_for_cluster(
    aws: &Aws,
    wanted: &NewCluster,
    tags: &BTreeMap<String, String>,
    operation: Uuid,
) -> Result<Existence, Fault> {
    let Some(found) = aws.cluster(&wanted.name).await? else {
        return Ok(Existence::Absent);
    };
    let differences = cluster_differences(wanted, &found);
    let foreign = match cluster_tags(aws, &found).await? {
        Some(found_tags) => tag_differences(tags, &found_tags),
        // A role of this operation serves no other cluster, so the role alone is proof.
        None if found
            .iam_role_arn
            .as_deref()
            .is_some_and(|arn| role_names_operation(arn, operation)) =>
        {
            Vec::new()
        }
        None => return Ok(Existence::Undecided),
    };
    Ok(verdict(
        foreign,
        differences,
        Item::made(
            ResourceKind::Cluster,
            &wanted.name,
            found.arn.clone(),
            operation,
        ),
    ))
}

/// A cluster's tags; `None` while AWS cannot say (the cluster is changing, or too many ask).
pub(super) async fn cluster_tags(
    aws: &Aws,
    found: &Observed,
) -> Result<Option<BTreeMap<String, String>>, Fault> {
    let Some(arn) = &found.arn else {
        return Ok(None);
    };
    match aws.cluster_tags(arn).await {
        Ok(tags) => Ok(tags),
        Err(fault)
            if matches!(
                fault.class,
                FaultClass::WrongState | FaultClass::Throttled | FaultClass::Transient
            ) =>
        {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Whether a cluster is the one that this installation made or adopted for the task: by its role or its tags. `None` while
/// AWS cannot say.
pub(super) async fn is_managed(
    context: &Context<'_>,
    found: &Observed,
) -> Result<Option<bool>, Fault> {
    let Some(item) = context.task.managed(ResourceKind::Cluster).next() else {
        return Ok(Some(false));
    };
    if found
        .iam_role_arn
        .as_deref()
        .is_some_and(|arn| role_names_operation(arn, item.operation_id))
    {
        return Ok(Some(true));
    }
    let managed = tags(context.task.installation_id, item.operation_id);
    Ok(cluster_tags(context.aws, found)
        .await?
        .map(|found| tag_differences(&managed, &found).is_empty()))
}

/// Whether a role ARN is that of the role which an operation made.
pub(super) fn role_names_operation(role_arn: &str, operation: Uuid) -> bool {
    let suffix = crate::domain::names::operation_suffix(operation);
    role_arn.contains(&format!(":role{IAM_PATH}dax-")) && role_arn.ends_with(&format!("-{suffix}"))
}

fn cluster_differences(wanted: &NewCluster, found: &Observed) -> Vec<Difference> {
    let nodes = found.total_nodes.map(|count| count.to_string());
    [
        Difference::between("node_type", &wanted.node_type, found.node_type.as_deref()),
        Difference::between(
            "replication_factor",
            &wanted.replication_factor.to_string(),
            nodes.as_deref(),
        ),
        Difference::between(
            "service_role",
            &wanted.iam_role_arn,
            found.iam_role_arn.as_deref(),
        ),
        Difference::between(
            "subnet_group",
            &wanted.subnet_group,
            found.subnet_group.as_deref(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where tags differ from ours; other tags do not count.
pub(super) fn tag_differences(
    managed: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<Difference> {
    managed
        .iter()
        .filter_map(|(key, value)| {
            Difference::between(
                &format!("tag {key}"),
                value,
                found.get(key).map(String::as_str),
            )
        })
        .collect()
}

/// Whether a group's description is the one an operation gives.
pub(super) fn describes(description: &str, installation: Uuid, operation: Uuid) -> bool {
    description.trim() == group_description(installation, operation)
}

fn document_difference(field: &str, expected: &str, found: &str) -> Difference {
    Difference {
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

/// `foreign`: where the evidence of ownership is missing; `differences`: where the content is not what we would have made.
fn verdict(mut foreign: Vec<Difference>, differences: Vec<Difference>, item: Item) -> Existence {
    match (foreign.is_empty(), differences.is_empty()) {
        (true, true) => Existence::Ours(Box::new(item)),
        (true, false) => Existence::Altered(Box::new(item), differences),
        (false, _) => {
            foreign.extend(differences);
            Existence::Foreign(foreign)
        }
    }
}
