//! ClusterRequest: the wanted cluster as a client writes it down, not yet believed.
//!
//! Every field is optional to read, so that a body with a missing or wrong field can still be checked in the others; the
//! schema says which ones are required. The rules are in `cluster_rules`.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

use crate::domain::iam::policies::Access;
use crate::domain::spec::{NetworkType, OnFailure};
use crate::domain::validation::fields;

use crate::api::http::enum_schemas::{AccessSchema, NetworkTypeSchema, OnFailureSchema};

/// The wanted cluster.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterRequest {
    /// 1 to 20 ASCII letters, digits and single hyphens, beginning with a letter and not ending with a hyphen.
    /// Lower-cased as AWS does. Names of clusters encrypted in transit become public in certificate transparency logs.
    #[schema(value_type = String, min_length = 1, max_length = 20, pattern = "^[A-Za-z](-?[A-Za-z0-9])*$",
             example = "orders-cache")]
    pub(crate) name: Option<String>,
    /// Free text.
    #[schema(value_type = String, required = false, max_length = 1000, example = "read cache of the orders team")]
    pub(crate) description: Option<String>,
    /// Which machine the nodes are. AWS knows which types a Region offers.
    #[schema(value_type = String, pattern = r"^dax\.[a-z0-9]+\.[a-z0-9]+$", example = "dax.r5.large")]
    pub(crate) node_type: Option<String>,
    /// Number of nodes: one primary and up to ten replicas; three or more for production.
    #[schema(value_type = i32, minimum = 1, maximum = 11, example = 3)]
    pub(crate) replication_factor: Option<i64>,
    /// One zone for each node; AWS chooses if absent.
    #[schema(schema_with = zone_list, required = false)]
    pub(crate) availability_zones: Option<Vec<String>>,
    /// The role DAX uses to reach DynamoDB. Absent: the one role of the account that trusts DAX and is not ours.
    #[schema(value_type = ServiceRoleRequest, required = false)]
    pub(crate) service_role: Option<ServiceRoleRequest>,
    /// Where the nodes are placed. Absent: the account's group `default`.
    #[schema(value_type = SubnetGroupRequest, required = false)]
    pub(crate) subnet_group: Option<SubnetGroupRequest>,
    /// Security groups of the nodes. Absent: the default group of the VPC.
    #[schema(schema_with = security_group_list, required = false)]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// Address family. Absent: derived from the subnet group.
    #[schema(value_type = NetworkTypeSchema, required = false)]
    pub(crate) network_type: Option<NetworkType>,
    /// Cache settings, in a parameter group of the cluster's own. Excludes `parameter_group`.
    #[schema(value_type = ParametersRequest, required = false)]
    pub(crate) parameters: Option<ParametersRequest>,
    /// An existing parameter group. Absent, without `parameters`: AWS's default group.
    #[schema(value_type = ParameterGroupRequest, required = false)]
    pub(crate) parameter_group: Option<ParameterGroupRequest>,
    /// Encryption of the nodes' disks. `dax.r3.*` cannot: switch it off there.
    #[schema(value_type = bool, required = false, default = true)]
    pub(crate) encryption_at_rest: Option<bool>,
    /// TLS between clients and nodes.
    #[schema(value_type = bool, required = false, default = true)]
    pub(crate) encryption_in_transit: Option<bool>,
    /// `ddd:hh:mm-ddd:hh:mm` in UTC, 60 minutes to 24 hours. Absent: AWS chooses.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00",
             pattern = "^[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]-[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]$")]
    pub(crate) maintenance_window: Option<String>,
    /// An SNS topic of this account and Region that hears of DAX's events.
    #[schema(value_type = String, required = false, max_length = 2048, pattern = "^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$",
             example = "arn:aws:sns:us-east-1:123456789012:dax-events")]
    pub(crate) notification_topic_arn: Option<String>,
    /// At most 48 tags; keys of 1 to 128, values of up to 256 characters. `aws:` and `dax-provisioner:` are reserved.
    #[schema(schema_with = tag_map, required = false)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Whether DELETE is refused.
    #[schema(value_type = bool, required = false, default = false)]
    pub(crate) deletion_protection: Option<bool>,
    /// Whether to accept the request only if a preflight finds no fault; what cannot be looked at is no fault.
    #[schema(value_type = bool, required = false, default = false)]
    #[expect(
        dead_code,
        reason = "it is no part of the wanted cluster: the handler reads it before the body is believed"
    )]
    pub(crate) require_preflight: Option<bool>,
    /// What to do when something goes wrong that a person could cure. Absent: `hold`.
    #[schema(value_type = OnFailureSchema, required = false)]
    pub(crate) on_failure: Option<OnFailure>,
}

/// The role DAX uses: either `arn`, or `access` with one of `tables` and `all_tables`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceRoleRequest {
    /// An existing role of this account that trusts DAX.
    #[schema(value_type = String, required = false, max_length = 2048, pattern = "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$",
             example = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole")]
    pub(crate) arn: Option<String>,
    /// What a new role may do.
    #[schema(value_type = AccessSchema, required = false)]
    pub(crate) access: Option<Access>,
    /// The tables a new role may reach, with their indexes: names, or ARNs of this account and Region.
    #[schema(schema_with = table_list, required = false)]
    pub(crate) tables: Option<Vec<String>>,
    /// Lets a new role reach every table of the account in the Region, present and future.
    #[schema(value_type = bool, required = false)]
    pub(crate) all_tables: Option<bool>,
}

/// Where the nodes are placed: one of the three.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubnetGroupRequest {
    /// An existing subnet group.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255)]
    pub(crate) name: Option<String>,
    /// A new group of these subnets, all of one VPC.
    #[schema(schema_with = subnet_list, required = false)]
    pub(crate) subnet_ids: Option<Vec<String>>,
    /// A new group of the subnets of this VPC that suit the address family, at most 20, in as many zones as there are.
    /// Only in builds with lookups.
    #[schema(value_type = String, required = false, max_length = 21, pattern = "^vpc-([0-9a-f]{8}|[0-9a-f]{17})$",
             example = "vpc-0a1b2c3d")]
    pub(crate) vpc_id: Option<String>,
}

/// Cache settings: at least one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct ParametersRequest {
    /// How long items stay in the item cache; 0 means for ever.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9007199254740991_i64, example = 300000)]
    pub(crate) record_ttl_millis: Option<i64>,
    /// How long results stay in the query cache; 0 means they are not cached.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9007199254740991_i64, example = 300000)]
    pub(crate) query_ttl_millis: Option<i64>,
}

/// An existing parameter group.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParameterGroupRequest {
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 255)]
    pub(crate) name: Option<String>,
}

fn zone_list() -> Array {
    let about =
        "One zone of the Region for each node; a zone may be named twice. Absent: AWS chooses.";
    list(
        about,
        "^[a-z0-9-]+$",
        64,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

pub(crate) fn security_group_list() -> Array {
    let about = "Security groups of the nodes. Absent: the default group of the VPC.";
    list(
        about,
        "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        20,
        fields::SECURITY_GROUPS_MAX,
    )
}

pub(crate) fn table_list() -> Array {
    let about = "The tables a new role may reach, with their indexes: names, or ARNs of this account and Region.";
    list(
        about,
        "^(arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}$",
        2048,
        fields::TABLES_MAX,
    )
}

fn subnet_list() -> Array {
    let about = "A new group of these subnets, all of one VPC.";
    list(
        about,
        "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$",
        24,
        fields::SUBNETS_MAX,
    )
}

pub(crate) fn list(about: &str, pattern: &str, longest: usize, most: usize) -> Array {
    let item = text().pattern(Some(pattern)).max_length(Some(longest));
    ArrayBuilder::new()
        .items(item)
        .description(Some(about))
        .min_items(Some(1))
        .max_items(Some(most))
        .build()
}

fn tag_map() -> Object {
    let about = "Tags of the cluster, at most 48. `aws:` and `dax-provisioner:` are reserved.";
    let key = text()
        .min_length(Some(1))
        .max_length(Some(fields::TAG_KEY_MAX));
    ObjectBuilder::new()
        .description(Some(about))
        .schema_type(SchemaType::Type(Type::Object))
        .property_names(Some(key))
        .additional_properties(Some(text().max_length(Some(fields::TAG_VALUE_MAX))))
        .max_properties(Some(fields::TAGS_MAX))
        .build()
}

pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}
