//! `ClusterRequest`: the body of a create, and how it becomes a `ClusterSpec`.
//!
//! Every field is optional for serde, so that a body with a missing or invalid field can still be
//! checked in the others. The schema defines which fields are required.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

use crate::domain::iam::policies::Access;
use crate::domain::names::ClusterName;
use crate::domain::project::ProjectName;
use crate::domain::spec::{ClusterSpec, LocalSettings, NetworkType, OnFailure};
use crate::domain::target::TargetName;
use crate::domain::validation::fields;
use crate::domain::validation::typed::{MaintenanceWindow, NodeType, TopicArn};

use crate::api::clusters::rules::{self, ValidationContext, groups};
use crate::api::enum_schemas::{AccessSchema, NetworkTypeSchema, OnFailureSchema};
use crate::api::http::violations::Violations;

/// Settings of a new cluster.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterRequest {
    /// 1 to 20 ASCII letters, digits and single hyphens. Starts with a letter and does not end with
    /// a hyphen. Converted to lower case, as AWS does. With encryption in transit the name becomes
    /// public in certificate transparency logs.
    #[schema(value_type = String, min_length = 1, max_length = 20,
             pattern = "^[A-Za-z](-?[A-Za-z0-9])*$", example = "orders-cache")]
    pub(crate) name: Option<String>,
    /// Description of the cluster.
    #[schema(value_type = String, required = false, max_length = 1000,
             example = "read cache of the orders team")]
    pub(crate) description: Option<String>,
    /// Instance type of the nodes. The available types depend on the Region.
    #[schema(value_type = String, pattern = r"^dax\.[a-z0-9]+\.[a-z0-9]+$",
             example = "dax.r5.large")]
    pub(crate) node_type: Option<String>,
    /// Number of nodes: one primary and up to ten replicas. Use three or more in production.
    #[schema(value_type = i32, minimum = 1, maximum = 11, example = 3)]
    pub(crate) replication_factor: Option<i64>,
    /// Availability zone of each node. Default: chosen by AWS.
    #[schema(schema_with = zone_list, required = false)]
    pub(crate) availability_zones: Option<Vec<String>>,
    /// Role that DAX uses to access DynamoDB. Default: the only role of the account that trusts DAX
    /// and is not managed by this service.
    #[schema(value_type = ServiceRoleRequest, required = false)]
    pub(crate) service_role: Option<ServiceRoleRequest>,
    /// Subnets of the nodes. Default: the subnet group `default` of the account.
    #[schema(value_type = SubnetGroupRequest, required = false)]
    pub(crate) subnet_group: Option<SubnetGroupRequest>,
    /// Security groups of the nodes. Default: the default group of the VPC.
    #[schema(schema_with = security_group_list, required = false)]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// Address family. Default: derived from the subnet group.
    #[schema(value_type = NetworkTypeSchema, required = false)]
    pub(crate) network_type: Option<NetworkType>,
    /// Cache settings, stored in a parameter group created for this cluster. Cannot be combined
    /// with `parameter_group`.
    #[schema(value_type = ParametersRequest, required = false)]
    pub(crate) parameters: Option<ParametersRequest>,
    /// An existing parameter group. Default, without `parameters`: AWS's default group.
    #[schema(value_type = ParameterGroupRequest, required = false)]
    pub(crate) parameter_group: Option<ParameterGroupRequest>,
    /// Encryption of the disks of the nodes. Must be false for `dax.r3.*`. Default: true.
    #[schema(value_type = bool, required = false)]
    pub(crate) encryption_at_rest: Option<bool>,
    /// TLS between clients and nodes. Default: true.
    #[schema(value_type = bool, required = false)]
    pub(crate) encryption_in_transit: Option<bool>,
    /// Weekly maintenance window, `ddd:hh:mm-ddd:hh:mm` in UTC. Lasts 60 minutes to 24 hours.
    /// Default: chosen by AWS.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00",
             pattern = "^[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]-[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]$")]
    pub(crate) maintenance_window: Option<String>,
    /// ARN of an SNS topic of this account and Region that receives DAX events.
    #[schema(value_type = String, required = false, max_length = 2048,
             pattern = "^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$",
             example = "arn:aws:sns:us-east-1:123456789012:dax-events")]
    pub(crate) notification_topic_arn: Option<String>,
    /// Up to 47 tags. Keys have 1 to 128 characters, values up to 256. The prefixes `aws:` and
    /// `dax-provisioner:` are reserved.
    #[schema(schema_with = tag_map, required = false)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Target of the cluster, one of `GET /v1/targets`. Required if there is more than one.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "default")]
    pub(crate) target: Option<String>,
    /// Project of the cluster. It never changes. Default: the only project of the caller, or none.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "payments")]
    pub(crate) project: Option<String>,
    /// Whether DELETE is rejected. Default: false.
    #[schema(value_type = bool, required = false)]
    pub(crate) deletion_protection: Option<bool>,
    /// Whether to reject the request if a check of its preflight fails. A check that is
    /// `not_checked` does not count as failed: without permission to simulate, nothing is checked.
    /// Default: false.
    #[schema(value_type = bool, required = false)]
    #[expect(
        dead_code,
        reason = "not a setting of the cluster; the handler reads it from the JSON body"
    )]
    pub(crate) require_preflight: Option<bool>,
    /// Whether to reject the request also if a check of its preflight is `not_checked`, unless that
    /// is so by design. Default: false.
    #[schema(value_type = bool, required = false)]
    #[expect(
        dead_code,
        reason = "not a setting of the cluster; the handler reads it from the JSON body"
    )]
    pub(crate) strict_preflight: Option<bool>,
    /// What an operation does after a failure that an operator can fix. Default: `hold`.
    #[schema(value_type = OnFailureSchema, required = false)]
    pub(crate) on_failure: Option<OnFailure>,
    /// When the cluster is deleted, as by a DELETE. `deletion_protection` prevents it. Events announce
    /// it 24 hours and one hour before.
    #[schema(value_type = String, format = DateTime, required = false,
             example = "2027-01-31T18:00:00Z")]
    pub(crate) expires_at: Option<String>,
}

impl ClusterRequest {
    /// The settings with defaults filled in. Not valid if `violations` is not empty.
    pub(crate) fn accept(
        self,
        violations: &mut Violations,
        context: &ValidationContext<'_>,
    ) -> Option<ClusterSpec> {
        let account = context.account;
        let name = violations.required("/name", self.name.as_deref(), ClusterName::parse);
        let node_type = self.node_type.as_deref();
        let node_type = violations.required("/node_type", node_type, NodeType::parse);
        let count = self.replication_factor;
        let count = violations.required("/replication_factor", count, fields::replication_factor);
        let encryption_at_rest = self.encryption_at_rest.unwrap_or(true);
        rules::check_encryption(violations, encryption_at_rest, node_type.as_ref());
        let description = self.description.as_deref();
        let window = self.maintenance_window.as_deref();
        let topic = self.notification_topic_arn.as_deref();
        // No setting of the cluster: the handler has taken a valid one out of the body.
        violations.optional("/target", self.target.as_deref(), TargetName::parse);
        violations.optional("/project", self.project.as_deref(), ProjectName::parse);
        let parse_topic = |arn: &str| TopicArn::parse(arn, account);
        let expires_at = self.expires_at.as_deref();
        let local = LocalSettings {
            deletion_protection: self.deletion_protection.unwrap_or_default(),
            on_failure: self.on_failure.unwrap_or_default(),
            expires_at: violations.optional("/expires_at", expires_at, |text| {
                fields::expires_at(text, context.now)
            }),
        };
        Some(ClusterSpec {
            description: violations
                .optional("/description", description, fields::description)
                .flatten(),
            maintenance_window: violations.optional(
                "/maintenance_window",
                window,
                MaintenanceWindow::parse,
            ),
            notification_topic_arn: violations.optional(
                "/notification_topic_arn",
                topic,
                parse_topic,
            ),
            availability_zones: rules::zones(violations, self.availability_zones, count, account),
            service_role: rules::service_role(violations, self.service_role, context),
            subnet_group: groups::subnet_group(violations, self.subnet_group, context.lookups),
            security_group_ids: rules::security_groups(violations, self.security_group_ids),
            parameter_group: groups::parameter_group(
                violations,
                self.parameters,
                self.parameter_group,
            ),
            tags: rules::tags(violations, self.tags.unwrap_or_default()),
            network_type: self.network_type,
            encryption_at_rest,
            encryption_in_transit: self.encryption_in_transit.unwrap_or(true),
            local,
            // Last, so that the rules of all other fields have run.
            name: name?,
            node_type: node_type?,
            replication_factor: count?,
        })
    }
}

/// The role that DAX uses: `arn` for an existing role, or `access` with one of `tables` and
/// `all_tables` for a managed role, created by this service.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceRoleRequest {
    /// ARN of an existing role of this account that trusts DAX.
    #[schema(value_type = String, required = false, max_length = 2048,
             pattern = "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$",
             example = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole")]
    pub(crate) arn: Option<String>,
    /// Access of a managed role to its tables.
    #[schema(value_type = AccessSchema, required = false)]
    pub(crate) access: Option<Access>,
    /// Tables that a managed role can access, with their indexes: names, or ARNs of this account
    /// and Region.
    #[schema(schema_with = table_list, required = false)]
    pub(crate) tables: Option<Vec<String>>,
    /// Allows a managed role to access all present and future tables of the account in the Region.
    #[schema(value_type = bool, required = false)]
    pub(crate) all_tables: Option<bool>,
}

/// Subnets of the nodes: exactly one of `name`, `subnet_ids` and `vpc_id`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubnetGroupRequest {
    /// Name of an existing subnet group.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 255,
             pattern = "^[A-Za-z][A-Za-z0-9._-]*$")]
    pub(crate) name: Option<String>,
    /// Subnets of a new group, all of one VPC.
    #[schema(schema_with = subnet_list, required = false)]
    pub(crate) subnet_ids: Option<Vec<String>>,
    /// VPC of a new group. The group contains up to 20 of its subnets that support the address
    /// family, spread over all zones. Only if this server was built with the `lookups` feature.
    #[schema(value_type = String, required = false, max_length = 21,
             pattern = "^vpc-([0-9a-f]{8}|[0-9a-f]{17})$",
             example = "vpc-0a1b2c3d")]
    pub(crate) vpc_id: Option<String>,
}

/// Cache settings; at least one is required.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct ParametersRequest {
    /// Time to live of items in the item cache, in milliseconds; 0 means no expiry.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9007199254740991_i64,
             example = 300000)]
    pub(crate) record_ttl_millis: Option<i64>,
    /// Time to live of results in the query cache, in milliseconds; 0 disables this cache.
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9007199254740991_i64,
             example = 300000)]
    pub(crate) query_ttl_millis: Option<i64>,
}

/// An existing parameter group.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParameterGroupRequest {
    /// Name of the parameter group.
    #[schema(value_type = String, min_length = 1, max_length = 255,
             pattern = "^[A-Za-z][A-Za-z0-9._-]*$")]
    pub(crate) name: Option<String>,
}

fn zone_list() -> Array {
    let about = "Availability zone of each node, as many as `replication_factor`. Zones may \
        repeat. Default: chosen by AWS.";
    list(
        about,
        "^[a-z0-9-]+$",
        64,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

pub(crate) fn security_group_list() -> Array {
    let about = "Security groups of the nodes. Default: the default group of the VPC.";
    list(
        about,
        "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        20,
        fields::SECURITY_GROUPS_MAX,
    )
}

fn table_list() -> Array {
    let about = "Tables that a managed role can access, with their indexes: names, or ARNs of \
        this account and Region.";
    list(
        about,
        "^(arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}$",
        2048,
        fields::TABLES_MAX,
    )
}

fn subnet_list() -> Array {
    let about = "Subnets of a new group, all of one VPC.";
    list(
        about,
        "^subnet-([0-9a-f]{8}|[0-9a-f]{17})$",
        24,
        fields::SUBNETS_MAX,
    )
}

/// A list of strings. Where an empty list does not mean that it is absent, the caller adds a
/// minimum.
pub(crate) fn list(about: &str, pattern: &str, item_length_max: usize, items_max: usize) -> Array {
    let item = text()
        .pattern(Some(pattern))
        .max_length(Some(item_length_max));
    ArrayBuilder::new()
        .items(item)
        .description(Some(about))
        .max_items(Some(items_max))
        .build()
}

pub(crate) fn tag_map() -> Object {
    let about = "Tags of the cluster, up to 47. The prefixes `aws:` and `dax-provisioner:` are \
        reserved.";
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
