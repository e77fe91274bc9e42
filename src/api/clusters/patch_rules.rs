//! Validates a patch (RFC 7396) and merges it with the desired settings of its cluster.
//!
//! The fields that the patch names are merged as JSON with the current settings and validated as
//! in a create. The others keep their values, valid or not: those of an adopted cluster are
//! whatever AWS reported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::change::{ChangeSpec, Placement};
use crate::domain::cluster::Cluster;
use crate::domain::iam::policies::{Access, POLICIES_PER_ROLE, Tables};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::ResourceKind;
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::validation::fields;
use crate::domain::validation::typed::TagKey;
use crate::domain::validation::violation::RuleViolation;

use crate::api::clusters::immutable::take_immutable;
use crate::api::clusters::patch::ClusterPatch;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::{self, ValidationContext, take_project};
use crate::api::clusters::settings::ClusterSettings;
use crate::api::http::body_schema::{Validation, escape};
use crate::api::http::merge_patch::merge;
use crate::api::http::problem::Problem;
use crate::api::http::responses::now;
use crate::api::http::violations::Violations;

/// Settings that exclude each other. The patch must remove one to set the other.
const EXCLUSIVE: [(&str, &str); 2] = [
    ("/parameters", "/parameter_group"),
    ("/service_role/tables", "/service_role/all_tables"),
];

/// Validates a patch against its cluster.
pub(crate) fn validate(
    mut patch: Value,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<ChangeSpec, Box<Problem>> {
    let mut immutable = take_immutable(&mut patch, cluster);
    let project = take_project(&mut patch);
    let mut validation = Validation::of_schema::<ClusterPatch>(&mut patch);
    let change = accept(&patch, cluster, account, &mut validation);
    let change = change.map(|change| ChangeSpec { project, ..change });
    let change = validation.finish(change);
    if !immutable.is_empty() {
        immutable.extend(change.err().unwrap_or_default());
        return Err(Box::new(Problem::immutable(immutable)));
    }
    change.map_err(|errors| Box::new(Problem::invalid(errors)))
}

/// The change that a patch requests. Not valid if the validation has violations.
fn accept(
    patch: &Value,
    cluster: &Cluster,
    account: &AwsAccount,
    validation: &mut Validation,
) -> Option<ChangeSpec> {
    let before = &cluster.desired;
    let fields = named_fields(patch, before)?;
    let settings = merged_settings(patch, before, &mut validation.violations);
    let request: ClusterRequest = validation.read(request_of(&fields, &settings))?;
    let context = ValidationContext {
        account,
        now: now(),
        default_access: None,
        lookups: false,
    };
    let violations = &mut validation.violations;
    let spec = request.accept(violations, &context)?;
    let mut after = with_fields(before, &spec, &fields);
    if fields.contains("description") {
        // An empty description clears the one in AWS; `None` would leave it.
        after.description.get_or_insert_default();
    }
    after.service_role = changed_role(violations, after.service_role, cluster, account);
    merge_tags(violations, &mut after.tags, patch.get("tags"));
    Some(ChangeSpec {
        before: before.clone(),
        after,
        reboot_nodes_if_needed: patch["reboot_nodes_if_needed"]
            .as_bool()
            .unwrap_or_default(),
        placement: Placement::default(),
        project: None,
    })
}

/// The fields to merge and to validate as in a create. Tags are merged on their own, because a
/// patch may also name tags to remove.
fn named_fields<'a>(patch: &'a Value, before: &ClusterSpec) -> Option<BTreeSet<&'a str>> {
    let mut fields: BTreeSet<&str> = patch.as_object()?.keys().map(String::as_str).collect();
    fields.remove("tags");
    fields.remove("reboot_nodes_if_needed");
    if access_of(&before.service_role).is_none() {
        fields.remove("service_role");
    }
    // One setting in a spec.
    if fields.contains("parameters") || fields.contains("parameter_group") {
        fields.extend(["parameters", "parameter_group"]);
    }
    Some(fields)
}

/// The settings after the patch, in the shape of a create, without null.
fn merged_settings(patch: &Value, before: &ClusterSpec, violations: &mut Violations) -> Value {
    let mut before = before.clone();
    if let ServiceRole::Discover {
        default_access: Some(access),
    } = before.service_role
    {
        let tables = Tables::All;
        before.service_role = ServiceRole::New { access, tables };
    }
    let mut settings = json!({});
    merge(&mut settings, &json!(ClusterSettings::from(before)));
    merge(&mut settings, patch);
    for (first, second) in EXCLUSIVE {
        let is_set = |pointer| {
            settings
                .pointer(pointer)
                .is_some_and(|it| *it != json!(false))
        };
        if is_set(first) && is_set(second) {
            let is_named = patch.pointer(first).is_some_and(|value| !value.is_null());
            let (named, other) = if is_named {
                (first, second)
            } else {
                (second, first)
            };
            let (parent, field) = other.rsplit_once('/').unwrap_or_default();
            let detail = format!("cannot be combined with `{field}`; set `{field}` to null");
            violations.add(named, "exclusive", &detail);
            if let Some(Value::Object(members)) = settings.pointer_mut(parent) {
                members.remove(field);
            }
        }
    }
    settings
}

/// The body of a create with these fields of the settings. The required fields are placeholders:
/// a patch does not change them.
fn request_of(fields: &BTreeSet<&str>, settings: &Value) -> Value {
    let mut body = json!({"name": "a", "node_type": "dax.r5.large", "replication_factor": 1});
    for field in fields {
        if let Some(value) = settings.get(field) {
            body[*field] = value.clone();
        }
    }
    body
}

/// The settings `before` with these fields of `new`.
fn with_fields(before: &ClusterSpec, new: &ClusterSpec, fields: &BTreeSet<&str>) -> ClusterSpec {
    let (Value::Object(mut after), Value::Object(mut new)) = (json!(before), json!(new)) else {
        unreachable!("a spec is an object");
    };
    for field in fields {
        after.remove(*field);
        after.extend(new.remove_entry(*field));
    }
    serde_json::from_value(Value::Object(after)).expect("each field is from a spec")
}

/// The access of a role that a patch can change. No list of tables stands for all tables.
fn access_of(role: &ServiceRole) -> Option<(Access, Option<BTreeSet<&String>>)> {
    match role {
        ServiceRole::New {
            access,
            tables: Tables::Named(names),
        } => Some((*access, Some(names.iter().collect()))),
        ServiceRole::New {
            access,
            tables: Tables::All,
        }
        | ServiceRole::Discover {
            default_access: Some(access),
        } => Some((*access, None)),
        ServiceRole::Discover {
            default_access: None,
        }
        | ServiceRole::Existing { .. } => None,
    }
}

/// The new role, or the current one if the access is the same.
fn changed_role(
    violations: &mut Violations,
    role: ServiceRole,
    cluster: &Cluster,
    account: &AwsAccount,
) -> ServiceRole {
    let before = &cluster.desired.service_role;
    if access_of(&role) == access_of(before) {
        return before.clone();
    }
    violations.check(
        "/service_role/tables",
        check_policies(&role, cluster, account),
    );
    role
}

/// The new policies are attached before the old ones are detached, so both count towards the limit.
fn check_policies(
    role: &ServiceRole,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<(), RuleViolation> {
    let ServiceRole::New { access, tables } = role else {
        return Ok(());
    };
    // The rules of a create have reported policies that do not fit on their own.
    let Ok(policies) = rules::policies(*access, tables, account) else {
        return Ok(());
    };
    let attached = cluster
        .inventory
        .iter()
        .filter(|item| item.kind == ResourceKind::Policy && item.is_managed_and_present());
    let old = attached.count();
    let new = policies.len();
    if old + new > POLICIES_PER_ROLE {
        let detail = format!(
            "need {new} policies in addition to the {old} that they replace, but a role takes \
            {POLICIES_PER_ROLE}; change the tables in two requests, or use `all_tables`"
        );
        return Err(RuleViolation::new("too_many", detail));
    }
    Ok(())
}

fn merge_tags(
    violations: &mut Violations,
    tags: &mut BTreeMap<TagKey, String>,
    patch: Option<&Value>,
) {
    let members = match patch {
        None => return,
        Some(Value::Object(members)) => members,
        Some(_) => return tags.clear(),
    };
    let mut invalid = 0;
    for (key, value) in members {
        let pointer = format!("/tags/{}", escape(key));
        let key = violations.check(&pointer, TagKey::parse(key));
        let value = value.as_str();
        violations.optional(&pointer, value, fields::tag_value);
        match (key, value) {
            (Some(key), Some(value)) => drop(tags.insert(key, value.to_owned())),
            (Some(key), None) => drop(tags.remove(&key)),
            (None, Some(_)) => invalid += 1,
            (None, None) => {}
        }
    }
    violations.check("/tags", fields::tag_count(tags.len() + invalid));
}

#[cfg(test)]
mod tests;
