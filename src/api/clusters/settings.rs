//! The desired settings of a cluster in API responses, in the shape of the create request.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::iam::policies::{Access, Tables};
use crate::domain::spec::{
    ClusterSpec, NetworkType, OnFailure, ParameterGroup, ServiceRole, SubnetGroup,
};

use crate::api::enum_schemas::{AccessSchema, NetworkTypeSchema, OnFailureSchema};

/// Desired settings of a cluster, with defaults filled in. Settings left to AWS are null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClusterSettings {
    description: Option<String>,
    node_type: String,
    replication_factor: i32,
    availability_zones: Vec<String>,
    service_role: Option<ServiceRoleSettings>,
    subnet_group: Option<SubnetGroupSettings>,
    security_group_ids: Vec<String>,
    #[schema(value_type = Option<NetworkTypeSchema>)]
    network_type: Option<NetworkType>,
    parameters: Option<ParameterSettings>,
    parameter_group: Option<ParameterGroupSettings>,
    encryption_at_rest: bool,
    encryption_in_transit: bool,
    maintenance_window: Option<String>,
    notification_topic_arn: Option<String>,
    tags: BTreeMap<String, String>,
    deletion_protection: bool,
    #[schema(value_type = OnFailureSchema)]
    on_failure: OnFailure,
    /// When the cluster is deleted.
    expires_at: Option<DateTime<Utc>>,
}

/// Requested service role.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ServiceRoleSettings {
    /// ARN of an existing role.
    arn: Option<String>,
    /// Access of a new role to its tables.
    #[schema(value_type = Option<AccessSchema>)]
    access: Option<Access>,
    /// Tables that a new role can access.
    tables: Option<Vec<String>>,
    /// Whether a new role can access every table of the account in the Region.
    all_tables: bool,
}

/// Requested subnet group.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SubnetGroupSettings {
    /// Name of an existing group.
    name: Option<String>,
    /// Subnets of a new group.
    subnet_ids: Option<Vec<String>>,
    /// VPC whose subnets a new group contains.
    vpc_id: Option<String>,
}

/// Requested cache settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParameterSettings {
    /// Time to live of items in the item cache, in milliseconds.
    record_ttl_millis: Option<i64>,
    /// Time to live of results in the query cache, in milliseconds.
    query_ttl_millis: Option<i64>,
}

/// Requested parameter group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ParameterGroupSettings {
    /// Name of an existing parameter group.
    name: String,
}

impl From<ClusterSpec> for ClusterSettings {
    fn from(spec: ClusterSpec) -> Self {
        let (parameters, parameter_group) = parameters(spec.parameter_group);
        Self {
            // An empty description means that AWS should have none.
            description: spec.description.filter(|text| !text.is_empty()),
            node_type: spec.node_type.into(),
            replication_factor: spec.replication_factor.into(),
            availability_zones: strings(spec.availability_zones),
            service_role: service_role(spec.service_role),
            subnet_group: subnet_group(spec.subnet_group),
            security_group_ids: strings(spec.security_group_ids),
            network_type: spec.network_type,
            parameters,
            parameter_group,
            encryption_at_rest: spec.encryption_at_rest,
            encryption_in_transit: spec.encryption_in_transit,
            maintenance_window: spec.maintenance_window.map(String::from),
            notification_topic_arn: spec.notification_topic_arn.map(String::from),
            tags: spec
                .tags
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
            deletion_protection: spec.local.deletion_protection,
            on_failure: spec.local.on_failure,
            expires_at: spec.local.expires_at,
        }
    }
}

fn strings<T: Into<String>>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(T::into).collect()
}

fn service_role(role: ServiceRole) -> Option<ServiceRoleSettings> {
    match role {
        ServiceRole::Discover { .. } => None,
        ServiceRole::Existing { arn } => Some(ServiceRoleSettings {
            arn: Some(arn.into()),
            ..ServiceRoleSettings::default()
        }),
        ServiceRole::New { access, tables } => {
            let (tables, all_tables) = match tables {
                Tables::All => (None, true),
                Tables::Named(names) => (Some(names), false),
            };
            Some(ServiceRoleSettings {
                arn: None,
                access: Some(access),
                tables,
                all_tables,
            })
        }
    }
}

fn subnet_group(group: SubnetGroup) -> Option<SubnetGroupSettings> {
    let mut settings = SubnetGroupSettings::default();
    match group {
        SubnetGroup::Default => return None,
        SubnetGroup::Existing { name } => settings.name = Some(name),
        SubnetGroup::New { subnet_ids } => settings.subnet_ids = Some(strings(subnet_ids)),
        SubnetGroup::OfVpc { vpc_id } => settings.vpc_id = Some(vpc_id.into()),
    }
    Some(settings)
}

fn parameters(
    group: ParameterGroup,
) -> (Option<ParameterSettings>, Option<ParameterGroupSettings>) {
    match group {
        ParameterGroup::Default => (None, None),
        ParameterGroup::Existing { name } => (None, Some(ParameterGroupSettings { name })),
        ParameterGroup::New { values } => {
            let millis = |name: &str| values.get(name).and_then(|text| text.parse().ok());
            let settings = ParameterSettings {
                record_ttl_millis: millis("record-ttl-millis"),
                query_ttl_millis: millis("query-ttl-millis"),
            };
            (Some(settings), None)
        }
    }
}
