//! `ClusterPatch`: the body of a PATCH (RFC 7396), before validation. The rules are in
//! `patch_rules`.
//!
//! An absent field keeps its value; null removes the value where it can be removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, SchemaType, Type};

use crate::domain::iam::policies::Access;
use crate::domain::spec::OnFailure;
use crate::domain::validation::fields;

use crate::api::clusters::request::{ParameterGroupRequest, list, table_list, text};
use crate::api::http::enum_schemas::{AccessSchema, OnFailureSchema};

/// A field of a patch that can be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Member<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// New settings of a cluster. An absent field keeps its value; null removes it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterPatch {
    /// Description of the cluster; null or empty for none.
    #[schema(value_type = Option<String>, required = false, max_length = 1000)]
    #[serde(default)]
    pub(crate) description: Member<String>,
    /// Weekly maintenance window, `ddd:hh:mm-ddd:hh:mm` in UTC. Lasts 60 minutes to 24 hours.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00",
             pattern = "^[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]-[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]$")]
    pub(crate) maintenance_window: Option<String>,
    /// ARN of an SNS topic of this account and Region that receives DAX events; null for none.
    #[schema(value_type = Option<String>, required = false, max_length = 2048,
             pattern = "^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$")]
    #[serde(default)]
    pub(crate) notification_topic_arn: Member<String>,
    /// Cache settings, merged with the current ones.
    #[schema(schema_with = parameters, required = false)]
    #[serde(default)]
    pub(crate) parameters: Member<ParametersPatch>,
    /// An existing parameter group.
    #[schema(schema_with = parameter_group, required = false)]
    #[serde(default)]
    pub(crate) parameter_group: Member<ParameterGroupRequest>,
    /// Security groups of the nodes. Replaces the whole list.
    #[schema(schema_with = security_groups, required = false)]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// Access of a role created by this service. The role itself cannot be replaced, and the access
    /// of an `external` role cannot be changed.
    #[schema(value_type = ServiceRolePatch, required = false)]
    pub(crate) service_role: Option<ServiceRolePatch>,
    /// Tags, merged with the current ones.
    #[schema(schema_with = tags, required = false)]
    #[serde(default)]
    pub(crate) tags: Member<BTreeMap<String, Option<String>>>,
    /// Whether DELETE is rejected.
    #[schema(value_type = bool, required = false)]
    pub(crate) deletion_protection: Option<bool>,
    /// What an operation does after a failure that an operator can fix.
    #[schema(value_type = OnFailureSchema, required = false)]
    pub(crate) on_failure: Option<OnFailure>,
    /// Whether to reboot, one after another, the nodes that need a reboot to apply new parameter
    /// values. Applies to this request only.
    #[schema(value_type = bool, required = false, default = false)]
    pub(crate) reboot_nodes_if_needed: Option<bool>,
}

/// Access of a role created by this service. The result must have `tables`, or `all_tables` as
/// true, but not both.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceRolePatch {
    /// Access of the role to its tables.
    #[schema(value_type = AccessSchema, required = false)]
    pub(crate) access: Option<Access>,
    /// Tables that the role can access, with their indexes. Replaces the whole list.
    #[schema(schema_with = tables, required = false)]
    #[serde(default)]
    pub(crate) tables: Member<Vec<String>>,
    /// Allows the role to access all present and future tables of the account in the Region.
    #[schema(value_type = Option<bool>, required = false)]
    #[serde(default)]
    pub(crate) all_tables: Member<bool>,
}

/// Cache settings, merged with the current ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ParametersPatch {
    /// Milliseconds; 0 means no expiry.
    pub(crate) record_ttl_millis: Member<i64>,
    /// Milliseconds; 0 disables the query cache.
    pub(crate) query_ttl_millis: Member<i64>,
}

fn or_null(kind: Type) -> SchemaType {
    SchemaType::from_iter([kind, Type::Null])
}

fn parameters() -> Object {
    let millis = |about: &str| {
        let number = ObjectBuilder::new()
            .schema_type(or_null(Type::Integer))
            .description(Some(about));
        number
            .minimum(Some(0))
            .maximum(Some(fields::TTL_MILLIS_MAX))
            .build()
    };
    let about = "Cache settings, merged with the current ones and stored in a new parameter group. \
        Null: AWS's default group. Cannot be combined with `parameter_group`.";
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(about))
        .property(
            "record_ttl_millis",
            millis(
                "Time to live of items in the item cache, in milliseconds; 0 means no expiry, \
                null means AWS's default.",
            ),
        )
        .property(
            "query_ttl_millis",
            millis(
                "Time to live of results in the query cache, in milliseconds; 0 disables this \
                cache, null means AWS's default.",
            ),
        )
        .additional_properties(Some(
            utoipa::openapi::schema::AdditionalProperties::FreeForm(false),
        ))
        .build()
}

fn parameter_group() -> Object {
    let name = text()
        .description(Some("Name of the parameter group."))
        .min_length(Some(1))
        .max_length(Some(fields::GROUP_NAME_MAX));
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(
            "An existing parameter group; null for AWS's default group. \
            Cannot be combined with `parameters`.",
        ))
        .property("name", name)
        .additional_properties(Some(
            utoipa::openapi::schema::AdditionalProperties::FreeForm(false),
        ))
        .build()
}

fn security_groups() -> Array {
    let about = "Security groups of the nodes, at least one. Replaces the whole list.";
    list(
        about,
        "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        20,
        fields::SECURITY_GROUPS_MAX,
    )
}

fn tables() -> Array {
    let about = "Tables that the role can access, with their indexes. Replaces the whole list. \
        Null with `all_tables` as true: all tables.";
    let mut tables = table_list();
    tables.schema_type = or_null(Type::Array);
    tables.description = Some(about.to_owned());
    tables
}

fn tags() -> Object {
    let value = ObjectBuilder::new()
        .schema_type(or_null(Type::String))
        .max_length(Some(fields::TAG_VALUE_MAX));
    let key = text()
        .min_length(Some(1))
        .max_length(Some(fields::TAG_KEY_MAX));
    let about = "Tags, merged with the current ones. A null value removes its tag; null instead of \
        the object removes all tags. Up to 48 tags can remain. The prefixes `aws:` and \
        `dax-provisioner:` are reserved.";
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(about))
        .property_names(Some(key))
        .additional_properties(Some(value))
        .build()
}
