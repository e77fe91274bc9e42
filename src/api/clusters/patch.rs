//! ClusterPatch: new settings of a cluster as a client writes them down (RFC 7396), not yet believed.
//!
//! A field that is absent stays; null takes away what can be taken away. The rules are in `patch_rules`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, SchemaType, Type};

use crate::domain::iam::policies::Access;
use crate::domain::spec::OnFailure;
use crate::domain::validation::fields;

use crate::api::clusters::request::{ParameterGroupRequest, list, table_list, text};
use crate::api::http::enum_schemas::{AccessSchema, OnFailureSchema};

/// A member of a patch that can be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Member<T> {
    /// It stays as it is.
    #[default]
    Absent,
    /// It is taken away.
    Null,
    /// It becomes this.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// New settings of a cluster. What is absent stays; null takes a setting away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterPatch {
    /// Free text; null or empty for none.
    #[schema(value_type = Option<String>, required = false, max_length = 1000)]
    #[serde(default)]
    pub(crate) description: Member<String>,
    /// `ddd:hh:mm-ddd:hh:mm` in UTC, 60 minutes to 24 hours.
    #[schema(value_type = String, required = false, example = "sun:05:00-sun:06:00",
             pattern = "^[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]-[A-Za-z]{3}:[0-2][0-9]:[0-5][0-9]$")]
    pub(crate) maintenance_window: Option<String>,
    /// An SNS topic of this account and Region that hears of DAX's events; null for none.
    #[schema(value_type = Option<String>, required = false, max_length = 2048,
             pattern = "^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$")]
    #[serde(default)]
    pub(crate) notification_topic_arn: Member<String>,
    /// Cache settings, merged with those there are.
    #[schema(schema_with = parameters, required = false)]
    #[serde(default)]
    pub(crate) parameters: Member<ParametersPatch>,
    /// An existing parameter group.
    #[schema(schema_with = parameter_group, required = false)]
    #[serde(default)]
    pub(crate) parameter_group: Member<ParameterGroupRequest>,
    /// Security groups of the nodes: all of them.
    #[schema(schema_with = security_groups, required = false)]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// What a role made by this service may do. The role itself cannot change, nor can what an `external` one may do.
    #[schema(value_type = ServiceRolePatch, required = false)]
    pub(crate) service_role: Option<ServiceRolePatch>,
    /// Tags, merged with those there are.
    #[schema(schema_with = tags, required = false)]
    #[serde(default)]
    pub(crate) tags: Member<BTreeMap<String, Option<String>>>,
    /// Whether DELETE is refused.
    #[schema(value_type = bool, required = false)]
    pub(crate) deletion_protection: Option<bool>,
    /// What to do when something goes wrong that a person could cure.
    #[schema(value_type = OnFailureSchema, required = false)]
    pub(crate) on_failure: Option<OnFailure>,
    /// Whether nodes are rebooted, one after another, that AWS names as waiting for it to take new parameter values. It is
    /// about this request only.
    #[schema(value_type = bool, required = false, default = false)]
    pub(crate) reboot_nodes_if_needed: Option<bool>,
}

/// What a role made by this service may do. After the change it has either `tables`, or `all_tables` as true.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceRolePatch {
    /// What it may do.
    #[schema(value_type = AccessSchema, required = false)]
    pub(crate) access: Option<Access>,
    /// The tables it may reach, with their indexes: all of them.
    #[schema(schema_with = tables, required = false)]
    #[serde(default)]
    pub(crate) tables: Member<Vec<String>>,
    /// Lets it reach every table of the account in the Region, present and future.
    #[schema(value_type = Option<bool>, required = false)]
    #[serde(default)]
    pub(crate) all_tables: Member<bool>,
}

/// Cache settings, merged with those there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ParametersPatch {
    /// How long items stay in the item cache; 0 means for ever.
    pub(crate) record_ttl_millis: Member<i64>,
    /// How long results stay in the query cache; 0 means they are not cached.
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
    let about = "Cache settings, in a new parameter group of the cluster's own; merged with those there are. Null: AWS's \
        default group. Excludes `parameter_group`.";
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(about))
        .property(
            "record_ttl_millis",
            millis("How long items stay in the item cache; 0 means for ever, null AWS's default."),
        )
        .property(
            "query_ttl_millis",
            millis("How long results stay in the query cache; 0 means they are not cached."),
        )
        .additional_properties(Some(
            utoipa::openapi::schema::AdditionalProperties::FreeForm(false),
        ))
        .build()
}

fn parameter_group() -> Object {
    let name = text()
        .description(Some("Its name."))
        .min_length(Some(1))
        .max_length(Some(fields::GROUP_NAME_MAX));
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(
            "An existing parameter group; null for AWS's default group. Excludes `parameters`.",
        ))
        .property("name", name)
        .additional_properties(Some(
            utoipa::openapi::schema::AdditionalProperties::FreeForm(false),
        ))
        .build()
}

fn security_groups() -> Array {
    let about = "Security groups of the nodes: all of them, at least one.";
    list(
        about,
        "^sg-([0-9a-f]{8}|[0-9a-f]{17})$",
        20,
        fields::SECURITY_GROUPS_MAX,
    )
}

fn tables() -> Array {
    let about = "The tables it may reach, with their indexes: all of them. Null: none by name, with `all_tables` as true.";
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
    let about = "Tags, merged with those there are: null takes one away. Null as a whole: all of them. At most 48 remain; \
        `aws:` and `dax-provisioner:` are reserved.";
    ObjectBuilder::new()
        .schema_type(or_null(Type::Object))
        .description(Some(about))
        .property_names(Some(key))
        .additional_properties(Some(value))
        .build()
}
