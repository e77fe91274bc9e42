//! Validates the body of a create: the rules of the fields that are more than one value.
//! [`ClusterRequest::accept`] calls them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::iam::policies::{Access, PolicyDocument, Tables, access_policies};
use crate::domain::installation::AwsAccount;
use crate::domain::project::ProjectName;
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::target::TargetName;
use crate::domain::validation::fields;
use crate::domain::validation::typed::{
    AvailabilityZone, NodeType, RoleArn, SecurityGroupId, TagKey,
};
use crate::domain::validation::violation::RuleViolation;
use crate::inspections::has_lookups;

use crate::api::clusters::request::{ClusterRequest, ServiceRoleRequest};
use crate::api::http::body_schema::{self, escape};
use crate::api::http::problem::FieldError;
use crate::api::http::responses::now;
use crate::api::http::violations::Violations;
use crate::api::targets::TargetApi;

pub(super) mod groups;

/// What the rules depend on besides the body.
pub(crate) struct ValidationContext<'a> {
    pub(crate) account: &'a AwsAccount,
    /// The current time, for an expiry.
    pub(crate) now: DateTime<Utc>,
    /// Access of a new role if the request names no role and none is discovered.
    pub(crate) default_access: Option<Access>,
    /// Whether this build has the `lookups` feature.
    pub(crate) lookups: bool,
}

impl TargetApi {
    pub(crate) fn validation_context<'a>(&self, account: &'a AwsAccount) -> ValidationContext<'a> {
        ValidationContext {
            account,
            now: now(),
            default_access: self.target.default_access,
            lookups: has_lookups(),
        }
    }
}

/// Parses and validates a body, or returns all errors of its schema and its fields.
pub(crate) fn validate(
    body: Value,
    context: &ValidationContext<'_>,
) -> Result<ClusterSpec, Vec<FieldError>> {
    body_schema::validate(body, |request: ClusterRequest, violations| {
        request.accept(violations, context)
    })
}

/// Which preflight a create requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequiredPreflight {
    /// None.
    No,
    /// One without a failed check.
    WithoutFailure,
    /// One in which every check passes that this build has.
    Complete,
}

impl RequiredPreflight {
    pub(crate) fn of(body: &Value) -> Self {
        let is_set = |field: &str| body.get(field).and_then(Value::as_bool) == Some(true);
        if is_set("strict_preflight") {
            Self::Complete
        } else if is_set("require_preflight") {
            Self::WithoutFailure
        } else {
            Self::No
        }
    }
}

/// Takes the target out of a body: it is no setting of the cluster. An invalid one is left, and
/// violates the schema.
pub(crate) fn take_target(body: &mut Value) -> Option<TargetName> {
    take_name(body, "target", TargetName::parse)
}

/// Takes the project out of a body, as [`take_target`] does.
pub(crate) fn take_project(body: &mut Value) -> Option<ProjectName> {
    take_name(body, "project", ProjectName::parse)
}

fn take_name<T>(
    body: &mut Value,
    field: &str,
    parse: impl Fn(&str) -> Result<T, RuleViolation>,
) -> Option<T> {
    let name = match body.get(field)? {
        Value::String(text) => Some(parse(text).ok()?),
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    body.as_object_mut()?.remove(field);
    name
}

pub(super) fn check_encryption(
    violations: &mut Violations,
    encryption_at_rest: bool,
    node_type: Option<&NodeType>,
) {
    if encryption_at_rest && node_type.is_some_and(NodeType::lacks_encryption_at_rest) {
        violations.add(
            "/encryption_at_rest",
            "not_supported",
            "must be false: `dax.r3` nodes do not support encryption at rest",
        );
    }
}

pub(super) fn zones(
    violations: &mut Violations,
    zones: Option<Vec<String>>,
    count: Option<u8>,
    account: &AwsAccount,
) -> Vec<AvailabilityZone> {
    let Some(zones) = zones else {
        return Vec::new();
    };
    if count.is_some_and(|count| zones.len() != usize::from(count)) {
        let detail = "must list one zone for each node, as many as `replication_factor`";
        violations.add("/availability_zones", "out_of_range", detail);
    }
    // Zones may repeat: two nodes can be in the same zone.
    let read = |zone: &str| AvailabilityZone::parse(zone, account);
    violations.items("/availability_zones", &zones, read)
}

pub(super) fn security_groups(
    violations: &mut Violations,
    ids: Option<Vec<String>>,
) -> Vec<SecurityGroupId> {
    let Some(ids) = ids else { return Vec::new() };
    violations.list(
        "/security_group_ids",
        ids,
        fields::SECURITY_GROUPS_MAX,
        SecurityGroupId::parse,
    )
}

pub(super) fn service_role(
    violations: &mut Violations,
    role: Option<ServiceRoleRequest>,
    context: &ValidationContext<'_>,
) -> ServiceRole {
    let discover = ServiceRole::Discover {
        default_access: context.default_access,
    };
    let Some(role) = role else {
        return discover;
    };
    let is_new = role.access.is_some() || role.tables.is_some() || role.all_tables == Some(true);
    match role.arn {
        Some(arn) if !is_new => {
            let arn = RoleArn::parse(&arn, context.account);
            let arn = violations.check("/service_role/arn", arn);
            arn.map_or(discover, |arn| ServiceRole::Existing { arn })
        }
        None if is_new => {
            let access = violations.require("/service_role/access", role.access);
            let all = role.all_tables.unwrap_or_default();
            let tables = tables(violations, role.tables, all, context.account);
            let (Some(access), Some(tables)) = (access, tables) else {
                return discover;
            };
            let policies = policies(access, &tables, context.account);
            violations.check("/service_role/tables", policies);
            ServiceRole::New { access, tables }
        }
        arn => {
            let code = if arn.is_some() {
                "exclusive"
            } else {
                "required"
            };
            let detail = "give either `arn`, or `access` with `tables` or `all_tables`";
            violations.add("/service_role", code, detail);
            discover
        }
    }
}

fn tables(
    violations: &mut Violations,
    named: Option<Vec<String>>,
    all: bool,
    account: &AwsAccount,
) -> Option<Tables> {
    match (named, all) {
        (None, true) => Some(Tables::All),
        (None, false) => {
            violations.add(
                "/service_role",
                "required",
                "give `tables`, or set `all_tables` to true",
            );
            None
        }
        (Some(_), true) => {
            violations.add(
                "/service_role/all_tables",
                "exclusive",
                "cannot be true when `tables` is given",
            );
            None
        }
        (Some(names), false) => {
            let read = |text: &str| fields::table(text, account);
            Some(Tables::Named(violations.list(
                "/service_role/tables",
                names,
                fields::TABLES_MAX,
                read,
            )))
        }
    }
}

/// The access policies of a new role. It is a violation if they do not fit.
pub(super) fn policies(
    access: Access,
    tables: &Tables,
    account: &AwsAccount,
) -> Result<Vec<PolicyDocument>, RuleViolation> {
    let AwsAccount {
        partition,
        region,
        account_id,
        ..
    } = account;
    access_policies(access, tables, partition, region, account_id)
        .map_err(|error| RuleViolation::new("too_many", error.to_string()))
}

pub(super) fn tags(
    violations: &mut Violations,
    tags: BTreeMap<String, String>,
) -> BTreeMap<TagKey, String> {
    violations.check("/tags", fields::tag_count(tags.len()));
    let read = |(key, value): (String, String)| {
        let pointer = format!("/tags/{}", escape(&key));
        let key = violations.check(&pointer, TagKey::parse(&key));
        violations.check(&pointer, fields::tag_value(&value));
        Some((key?, value))
    };
    // More tags are a violation already.
    let tags = tags.into_iter().take(fields::TAGS_MAX);
    tags.filter_map(read).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
