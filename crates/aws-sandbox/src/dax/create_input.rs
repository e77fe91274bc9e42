//! The input of CreateCluster, with each member validated on its own.

use serde::Deserialize;

use crate::dax::maintenance::{check_window, random_window};
use crate::dax::messages::{invalid_combination, invalid_value};
use crate::dax::names::{
    check_role_arn, check_topic_arn, cluster_name, parameter_group_name, required,
    subnet_group_name,
};
use crate::dax::node_types::{encrypts_at_rest, is_offered};
use crate::dax::tags::check_tags;
use crate::state::Tag;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateClusterRequest {
    cluster_name: Option<String>,
    node_type: Option<String>,
    description: Option<String>,
    replication_factor: Option<i64>,
    availability_zones: Option<Vec<String>>,
    subnet_group_name: Option<String>,
    security_group_ids: Option<Vec<String>>,
    preferred_maintenance_window: Option<String>,
    notification_topic_arn: Option<String>,
    iam_role_arn: Option<String>,
    parameter_group_name: Option<String>,
    tags: Option<Vec<Tag>>,
    #[serde(rename = "SSESpecification")]
    sse_specification: Option<SseSpecification>,
    cluster_endpoint_encryption_type: Option<String>,
    network_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SseSpecification {
    enabled: Option<bool>,
}

impl CreateClusterRequest {
    /// An empty member is an absent one: Terraform's provider sends an empty subnet group, and its
    /// acceptance test against AWS finds the group `default`.
    fn without_empty(mut self) -> Self {
        let optional = [
            &mut self.subnet_group_name,
            &mut self.parameter_group_name,
            &mut self.notification_topic_arn,
            &mut self.preferred_maintenance_window,
            &mut self.network_type,
            &mut self.cluster_endpoint_encryption_type,
        ];
        for member in optional {
            if member.as_deref() == Some("") {
                *member = None;
            }
        }
        self
    }
}

/// A request whose members are valid. The account's resources are not checked yet.
pub(super) struct CreateInput {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) node_type: String,
    pub(super) node_count: usize,
    pub(super) zones: Option<Vec<String>>,
    pub(super) subnet_group: String,
    pub(super) security_group_ids: Option<Vec<String>>,
    pub(super) maintenance_window: String,
    pub(super) topic_arn: Option<String>,
    pub(super) role_arn: String,
    pub(super) parameter_group: String,
    pub(super) tags: Vec<Tag>,
    pub(super) encrypted_at_rest: bool,
    pub(super) tls: bool,
    pub(super) network_type: Option<String>,
}

impl CreateInput {
    pub(super) fn read(
        turn: &Turn<'_>,
        request: CreateClusterRequest,
    ) -> Result<CreateInput, ServiceFault> {
        let request = request.without_empty();
        let (name, node_type) = (
            required("ClusterName", request.cluster_name)?,
            required("NodeType", request.node_type)?,
        );
        let factor = required("ReplicationFactor", request.replication_factor)?;
        let role_arn = required("IamRoleArn", request.iam_role_arn)?;
        let name = cluster_name(&name)?;
        let encrypted_at_rest = check_node_type(&node_type, request.sse_specification)?;
        let node_count = usize::try_from(factor).ok().filter(|count| *count >= 1);
        check_role_arn(&role_arn, turn.account_id())?;
        let tags = request.tags.unwrap_or_default();
        check_tags(&tags, turn.settings.quotas.tags)?;
        if let Some(topic) = &request.notification_topic_arn {
            check_topic_arn(topic, turn.account_id(), turn.region())?;
        }
        let window = request.preferred_maintenance_window.as_deref();
        Ok(CreateInput {
            name,
            description: request
                .description
                .filter(|description| !description.is_empty()),
            node_type,
            node_count: node_count
                .ok_or_else(|| invalid_value("ReplicationFactor must be at least 1."))?,
            zones: request.availability_zones,
            subnet_group: subnet_group_name(
                request.subnet_group_name.as_deref().unwrap_or("default"),
            )?,
            security_group_ids: request.security_group_ids,
            maintenance_window: window.map_or_else(|| Ok(random_window()), check_window)?,
            topic_arn: request.notification_topic_arn,
            role_arn,
            parameter_group: parameter_group(request.parameter_group_name)?,
            tags,
            encrypted_at_rest,
            tls: uses_tls(request.cluster_endpoint_encryption_type.as_deref())?,
            network_type: request.network_type,
        })
    }
}

/// Validates the node type and returns whether its nodes encrypt at rest.
fn check_node_type(node_type: &str, sse: Option<SseSpecification>) -> Result<bool, ServiceFault> {
    if !is_offered(node_type) {
        return Err(invalid_value(format!("Invalid node type: {node_type}")));
    }
    let encrypts = match sse {
        None => false,
        Some(sse) => required("SSESpecification.Enabled", sse.enabled)?,
    };
    if encrypts && !encrypts_at_rest(node_type) {
        return Err(invalid_combination(format!(
            "Nodes of type {node_type} cannot encrypt at rest."
        )));
    }
    Ok(encrypts)
}

fn uses_tls(encryption: Option<&str>) -> Result<bool, ServiceFault> {
    match encryption {
        None | Some("NONE") => Ok(false),
        Some("TLS") => Ok(true),
        Some(other) => Err(invalid_value(format!(
            "Invalid ClusterEndpointEncryptionType: {other}"
        ))),
    }
}

/// Accepts the name of the built-in group, which is not a valid name of any other group.
fn parameter_group(name: Option<String>) -> Result<String, ServiceFault> {
    match name.as_deref() {
        None | Some("default.dax1.0") => Ok("default.dax1.0".to_owned()),
        Some(name) => parameter_group_name(name),
    }
}
