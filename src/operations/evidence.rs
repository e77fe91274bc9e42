//! Evidence: whether an existing resource was created by a given operation.
//!
//! A name alone proves nothing. Roles, policies, clusters and rules have the two ownership tags;
//! groups have the same values in their description. The content must also match the call.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aws::{Aws, ParameterGroup, Policy, Role, SubnetGroup};
use crate::domain::iam::trust::same_document;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::mutation::bodies::NewCluster;
use crate::domain::names::{
    IAM_PATH, INSTALLATION_TAG, OPERATION_TAG, group_description, is_role_of_operation,
};
use crate::domain::observed::Observed;
use crate::domain::problems::fault::{Difference, Fault, FaultClass};
use crate::domain::spec::{ClusterSpec, ServiceRole, SubnetGroup as SpecSubnetGroup};
use crate::domain::validation::typed::{NodeType, SubnetId};

use super::Context;
use super::ingress_rules::{ExistingRule, rule_for};

/// What exists under the name of a resource to be created.
#[derive(Debug)]
pub(super) enum Existence {
    Absent,
    /// The resource of the operation, with the expected content.
    Owned(Box<Item>),
    /// The resource of the operation, with other content: it was changed outside this service.
    Altered(Box<Item>, Vec<Difference>),
    /// A resource without the operation's ownership evidence.
    Foreign(Vec<Difference>),
    /// A resource whose ownership AWS cannot report yet.
    Undecided,
}

/// The ownership tags of an operation's resources.
pub(super) fn tags(installation: Uuid, operation: Uuid) -> BTreeMap<String, String> {
    BTreeMap::from([
        (OPERATION_TAG.to_owned(), operation.to_string()),
        (INSTALLATION_TAG.to_owned(), installation.to_string()),
    ])
}

/// Reads whether the resource of a creating call exists, and whether `operation` created it.
pub(super) async fn find_evidence(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    operation: Uuid,
    mutation: &Mutation,
) -> Result<Existence, Fault> {
    let wanted = tags(installation, operation);
    match mutation {
        Mutation::CreateRole { name, .. } => {
            let role = aws.role(name, &account.iam_arn("role", name)).await?;
            Ok(role.map_or(Existence::Absent, |role| {
                compare_role(&role, mutation, &wanted, operation)
            }))
        }
        Mutation::CreatePolicy { name, .. } => {
            let policy = aws.policy(&account.iam_arn("policy", name)).await?;
            Ok(policy.map_or(Existence::Absent, |policy| {
                compare_policy(&policy, mutation, &wanted, operation)
            }))
        }
        Mutation::CreateSubnetGroup { name, .. } => {
            let group = aws.subnet_group(name).await?;
            Ok(group.map_or(Existence::Absent, |group| {
                compare_subnet_group(&group, mutation, operation)
            }))
        }
        Mutation::CreateParameterGroup { name, description } => {
            let group = aws.parameter_group(name).await?;
            Ok(group.map_or(Existence::Absent, |group| {
                compare_parameter_group(&group, description, operation)
            }))
        }
        Mutation::CreateCluster(cluster) => find_cluster(aws, cluster, &wanted, operation).await,
        Mutation::AuthorizeIngress { name, ingress, .. } => {
            let rule = rule_for(aws, account, installation, ingress).await?;
            Ok(rule.map_or(Existence::Absent, |rule| {
                compare_rule(rule, name, operation)
            }))
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

fn compare_rule(rule: ExistingRule, name: &str, operation: Uuid) -> Existence {
    if rule.creator != Some(operation) {
        return Existence::Foreign(Vec::new());
    }
    let kind = ResourceKind::SecurityGroupRule;
    Existence::Owned(Box::new(Item::managed(
        kind,
        name,
        Some(rule.arn),
        operation,
    )))
}

fn compare_role(
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
    let current = role.permissions_boundary.as_deref().unwrap_or("(none)");
    differences.extend(Difference::between(
        "permissions_boundary",
        boundary,
        Some(current),
    ));
    let item = Item::managed(ResourceKind::Role, name, Some(role.arn.clone()), operation);
    existence(tag_differences(tags, &role.tags), differences, item)
}

fn compare_policy(
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
    let item = Item::managed(
        ResourceKind::Policy,
        name,
        Some(policy.arn.clone()),
        operation,
    );
    existence(tag_differences(tags, &policy.tags), differences, item)
}

fn compare_subnet_group(group: &SubnetGroup, wanted: &Mutation, operation: Uuid) -> Existence {
    let Mutation::CreateSubnetGroup {
        name,
        description,
        subnet_ids,
    } = wanted
    else {
        return Existence::Absent;
    };
    let mut differences = Vec::new();
    let joined = |ids: Vec<&str>| ids.join(", ");
    differences.extend(Difference::between(
        "subnet_ids",
        &joined(subnet_ids.iter().map(SubnetId::as_str).collect()),
        Some(&joined(
            group.subnet_ids.iter().map(String::as_str).collect(),
        )),
    ));
    let foreign = Difference::between("description", description, Some(group.description.trim()));
    existence(
        foreign.into_iter().collect(),
        differences,
        Item::managed(ResourceKind::SubnetGroup, name, None, operation),
    )
}

fn compare_parameter_group(
    group: &ParameterGroup,
    description: &str,
    operation: Uuid,
) -> Existence {
    let foreign = Difference::between("description", description, Some(group.description.trim()));
    let item = Item::managed(ResourceKind::ParameterGroup, &group.name, None, operation);
    existence(foreign.into_iter().collect(), Vec::new(), item)
}

async fn find_cluster(
    aws: &Aws,
    wanted: &NewCluster,
    tags: &BTreeMap<String, String>,
    operation: Uuid,
) -> Result<Existence, Fault> {
    let Some(cluster) = aws.cluster(&wanted.name).await? else {
        return Ok(Existence::Absent);
    };
    let differences = cluster_differences(wanted, &cluster);
    let foreign = match cluster_tags(aws, &cluster).await? {
        Some(current_tags) => tag_differences(tags, &current_tags),
        // Only the operation's own cluster uses the role that it created: the role is proof enough.
        None if cluster
            .iam_role_arn
            .as_deref()
            .is_some_and(|arn| is_role_of_operation(arn, operation)) =>
        {
            Vec::new()
        }
        None => return Ok(Existence::Undecided),
    };
    Ok(existence(
        foreign,
        differences,
        Item::managed(
            ResourceKind::Cluster,
            &wanted.name,
            cluster.arn.clone(),
            operation,
        ),
    ))
}

/// A cluster's tags. `None` while AWS cannot return them: the cluster is changing, or AWS
/// throttles.
pub(super) async fn cluster_tags(
    aws: &Aws,
    cluster: &Observed,
) -> Result<Option<BTreeMap<String, String>>, Fault> {
    let Some(arn) = &cluster.arn else {
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

/// Whether a cluster is the one that this installation created or adopted, by its role or its
/// ownership tags. `None` while AWS cannot return the tags.
pub(super) async fn is_managed(
    context: &Context<'_>,
    cluster: &Observed,
) -> Result<Option<bool>, Fault> {
    let Some(item) = context.task.managed(ResourceKind::Cluster).next() else {
        return Ok(Some(false));
    };
    if cluster
        .iam_role_arn
        .as_deref()
        .is_some_and(|arn| is_role_of_operation(arn, item.operation_id))
    {
        return Ok(Some(true));
    }
    let managed = tags(context.task.installation_id, item.operation_id);
    Ok(cluster_tags(context.aws, cluster)
        .await?
        .map(|current| tag_differences(&managed, &current).is_empty()))
}

fn cluster_differences(wanted: &NewCluster, cluster: &Observed) -> Vec<Difference> {
    let parts = (
        Some(wanted.iam_role_arn.as_str()),
        Some(&*wanted.subnet_group),
    );
    differences_of(&wanted.node_type, wanted.replication_factor, parts, cluster)
}

/// Stands for a resource that the operation has not created yet.
const NOT_CREATED: &str = "(created for this cluster)";

/// How a cluster differs from the settings that are known before its parts are created.
pub(super) fn spec_differences(spec: &ClusterSpec, cluster: &Observed) -> Vec<Difference> {
    let role = match &spec.service_role {
        ServiceRole::Existing { arn } => Some(arn.as_str()),
        ServiceRole::New { .. } => Some(NOT_CREATED),
        ServiceRole::Discover { .. } => None,
    };
    let subnet_group = match &spec.subnet_group {
        SpecSubnetGroup::Existing { name } => Some(name.as_str()),
        SpecSubnetGroup::Default => Some("default"),
        SpecSubnetGroup::New { .. } | SpecSubnetGroup::OfVpc { .. } => Some(NOT_CREATED),
    };
    let parts = (role, subnet_group);
    differences_of(&spec.node_type, spec.replication_factor, parts, cluster)
}

fn differences_of(
    node_type: &NodeType,
    replication_factor: u8,
    (role, subnet_group): (Option<&str>, Option<&str>),
    cluster: &Observed,
) -> Vec<Difference> {
    let nodes = cluster.total_nodes.map(|count| count.to_string());
    let wanted_nodes = replication_factor.to_string();
    let compared = [
        ("node_type", Some(node_type.as_str()), &cluster.node_type),
        ("replication_factor", Some(&*wanted_nodes), &nodes),
        ("service_role", role, &cluster.iam_role_arn),
        ("subnet_group", subnet_group, &cluster.subnet_group),
    ];
    let differences = compared
        .into_iter()
        .filter_map(|(field, wanted, found)| Difference::between(field, wanted?, found.as_deref()));
    differences.collect()
}

/// The ownership tags that are missing or different; all other tags are ignored.
pub(super) fn tag_differences(
    expected: &BTreeMap<String, String>,
    current: &BTreeMap<String, String>,
) -> Vec<Difference> {
    expected
        .iter()
        .filter(|_| !crate::sabotage::is("tags_not_compared"))
        .filter_map(|(key, value)| {
            Difference::between(
                &format!("tag {key}"),
                value,
                current.get(key).map(String::as_str),
            )
        })
        .collect()
}

/// Whether a group's description is the one that an operation writes.
pub(super) fn is_description_of(description: &str, installation: Uuid, operation: Uuid) -> bool {
    description.trim() == group_description(installation, operation)
        || crate::sabotage::is("descriptions_not_compared")
}

fn document_difference(field: &str, expected: &str, found: &str) -> Difference {
    Difference {
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

/// `foreign`: the differences in the ownership evidence. `differences`: those in the content.
fn existence(mut foreign: Vec<Difference>, differences: Vec<Difference>, item: Item) -> Existence {
    match (foreign.is_empty(), differences.is_empty()) {
        (true, true) => Existence::Owned(Box::new(item)),
        (true, false) => Existence::Altered(Box::new(item), differences),
        (false, _) => {
            foreign.extend(differences);
            Existence::Foreign(foreign)
        }
    }
}
