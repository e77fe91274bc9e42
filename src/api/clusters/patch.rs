//! `ClusterPatch`: the schema of the body of a PATCH (RFC 7396). The rules are in `patch_rules`.
//!
//! The schema is derived from that of a create, so a new field of a create can be patched without
//! a line here. A field that is fixed at creation is in [`IMMUTABLE`], a field that cannot be null
//! in [`NEVER_NULL`].

use utoipa::openapi::schema::{Object, ObjectBuilder, RefBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::validation::fields;

use crate::api::clusters::immutable::IMMUTABLE;
use crate::api::clusters::request::{
    ClusterRequest, ParameterGroupRequest, ParametersRequest, ServiceRoleRequest, tag_map, text,
};

/// Fields that always have a value, so null cannot remove it.
const NEVER_NULL: [&str; 4] = [
    "maintenance_window",
    "security_group_ids",
    "deletion_protection",
    "on_failure",
];

/// The body of a PATCH. It has no values: the body is merged as JSON.
pub(crate) enum ClusterPatch {}

enum ServiceRolePatch {}

impl PartialSchema for ClusterPatch {
    fn schema() -> RefOr<Schema> {
        let immutable = IMMUTABLE.map(|(name, _)| name);
        let about = "New settings of a cluster. An absent field keeps its value; null removes it.";
        let mut patch = patch_of::<ClusterRequest>(about, &immutable, &NEVER_NULL);
        let about = "Access of a role created by this service. The role itself cannot be \
            replaced, and the access of an `external` role cannot be changed.";
        let service_role = RefBuilder::new()
            .ref_location_from_schema_name(ServiceRolePatch::name())
            .description(Some(about));
        let merged: [(&str, RefOr<Schema>); 6] = [
            ("project", project()),
            ("service_role", service_role.into()),
            ("parameters", parameters()),
            ("parameter_group", parameter_group()),
            ("tags", tags()),
            ("reboot_nodes_if_needed", reboot_nodes_if_needed()),
        ];
        for (name, schema) in merged {
            patch.properties.insert(name.to_owned(), schema);
        }
        RefOr::T(Schema::Object(patch))
    }
}

impl ToSchema for ClusterPatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ClusterRequest::schemas(schemas);
        let role = ServiceRolePatch::name().into_owned();
        schemas.push((role, ServiceRolePatch::schema()));
    }
}

impl PartialSchema for ServiceRolePatch {
    fn schema() -> RefOr<Schema> {
        let about = "Access of a role created by this service. The result must have `tables`, or \
            `all_tables` as true, but not both.";
        let patch = patch_of::<ServiceRoleRequest>(about, &["arn"], &["access"]);
        RefOr::T(Schema::Object(patch))
    }
}

impl ToSchema for ServiceRolePatch {}

fn project() -> RefOr<Schema> {
    let about = "Project of a cluster that belongs to none. It never changes after that. Needs the \
        right `assign_project` for the cluster as it is and as it will be.";
    let name = text()
        .schema_type(or_null(Type::String))
        .min_length(Some(1))
        .max_length(Some(40))
        .pattern(Some("^[a-z][a-z0-9-]*$"));
    name.description(Some(about)).into()
}

fn parameters() -> RefOr<Schema> {
    let about = "Cache settings, merged with the current ones and stored in a new parameter group. \
        Null: AWS's default group. Cannot be combined with `parameter_group`.";
    let mut patch = patch_of::<ParametersRequest>(about, &[], &[]);
    patch.schema_type = or_null(Type::Object);
    RefOr::T(Schema::Object(patch))
}

fn parameter_group() -> RefOr<Schema> {
    let about = "An existing parameter group; null for AWS's default group. \
        Cannot be combined with `parameters`.";
    let mut patch = patch_of::<ParameterGroupRequest>(about, &[], &["name"]);
    patch.schema_type = or_null(Type::Object);
    RefOr::T(Schema::Object(patch))
}

fn tags() -> RefOr<Schema> {
    let value = text()
        .schema_type(or_null(Type::String))
        .max_length(Some(fields::TAG_VALUE_MAX));
    let about = "Tags, merged with the current ones. A null value removes its tag; null instead of \
        the object removes all tags. Up to 47 tags can remain. The prefixes `aws:` and \
        `dax-provisioner:` are reserved.";
    let tags = ObjectBuilder::from(tag_map())
        .schema_type(or_null(Type::Object))
        .description(Some(about))
        .additional_properties(Some(value))
        .max_properties(None);
    tags.into()
}

fn reboot_nodes_if_needed() -> RefOr<Schema> {
    let about = "Whether to reboot, one after another, the nodes that need a reboot to apply new \
        parameter values. Applies to this request only. Default: false.";
    let boolean = ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(about));
    boolean.into()
}

/// The schema of a create, for a patch: without the immutable and without required fields.
fn patch_of<T: PartialSchema>(about: &str, immutable: &[&str], never_null: &[&str]) -> Object {
    let RefOr::T(Schema::Object(mut object)) = T::schema() else {
        unreachable!("the schema of a struct is an object");
    };
    object.description = Some(about.to_owned());
    object.required.clear();
    object.min_properties = None;
    object
        .properties
        .retain(|name, _| !immutable.contains(&name.as_str()));
    for (name, property) in &mut object.properties {
        patch_property(property, !never_null.contains(&name.as_str()));
    }
    object
}

/// Makes a property of a create one of a patch. A referenced schema cannot be made nullable.
fn patch_property(property: &mut RefOr<Schema>, nullable: bool) {
    match property {
        RefOr::T(Schema::Object(object)) => {
            let mut about = without_default(object.description.as_deref());
            if nullable {
                // They describe the type without null.
                object.example = None;
                object.format = None;
                add_null(&mut object.schema_type, &mut about);
            }
            object.description = Some(about);
        }
        RefOr::T(Schema::Array(array)) => {
            let mut about = without_default(array.description.as_deref());
            about.push_str(" Replaces the whole list.");
            array.min_items = Some(1);
            if nullable {
                add_null(&mut array.schema_type, &mut about);
            }
            array.description = Some(about);
        }
        RefOr::Ref(reference) => {
            reference.description = without_default(Some(&reference.description));
        }
        RefOr::T(_) => {}
    }
}

/// A description without its last sentence, if that is the default in a create.
fn without_default(about: Option<&str>) -> String {
    let about = about.unwrap_or_default();
    let end = about.find("Default: ").unwrap_or(about.len());
    about[..end].trim_end().to_owned()
}

fn add_null(schema_type: &mut SchemaType, about: &mut String) {
    if let SchemaType::Type(kind) = schema_type {
        *schema_type = or_null(kind.clone());
    }
    about.push_str(" Null removes it.");
}

fn or_null(kind: Type) -> SchemaType {
    SchemaType::from_iter([kind, Type::Null])
}
