//! Validates the body of a create and fills in the defaults.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::domain::iam::policies::{Access, Tables, access_policies};
use crate::domain::installation::AwsAccount;
use crate::domain::names::ClusterName;
use crate::domain::spec::{ClusterSpec, OnFailure, ServiceRole};
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use crate::api::Api;
use crate::api::clusters::request::{ClusterRequest, ServiceRoleRequest};
use crate::api::http::body_schema::{BodySchema, escape};
use crate::api::http::problem::FieldError;
use crate::api::http::violations::Violations;

mod groups;

/// What the rules depend on besides the body.
pub(crate) struct ValidationContext<'a> {
    pub(crate) account: &'a AwsAccount,
    /// Access of a new role if the request names no role and none is discovered.
    pub(crate) default_access: Option<Access>,
    /// Whether this build has the `lookups` feature.
    pub(crate) lookups: bool,
}

impl Api {
    pub(crate) fn validation_context<'a>(&self, account: &'a AwsAccount) -> ValidationContext<'a> {
        ValidationContext {
            account,
            default_access: self.settings.default_access,
            lookups: self.inspector.has_lookups(),
        }
    }
}

/// Parses and validates a body, or returns all errors of its schema and its fields.
pub(crate) fn validate(
    body: Value,
    context: &ValidationContext<'_>,
) -> Result<ClusterSpec, Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ClusterRequest"));
    let (request, schema_errors) = SCHEMA.read::<ClusterRequest>(body);
    let (spec, rules) = match request.map(|request| request.accept(context)) {
        Some(Ok(spec)) => (Some(spec), Vec::new()),
        Some(Err(rules)) => (None, rules),
        None => (None, Vec::new()),
    };
    let errors = schema_errors.merged_with(rules);
    spec.filter(|_| errors.is_empty()).ok_or(errors)
}

pub(crate) fn requires_preflight(body: &Value) -> bool {
    body.get("require_preflight")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

impl ClusterRequest {
    /// The settings with defaults filled in, or all errors.
    pub(crate) fn accept(
        self,
        context: &ValidationContext<'_>,
    ) -> Result<ClusterSpec, Vec<FieldError>> {
        let mut violations = Violations::default();
        let name = violations.require("/name", self.name.as_deref());
        let name = name.and_then(|name| violations.check("/name", ClusterName::parse(name)));
        let node_type = violations.require("/node_type", self.node_type.as_deref());
        let node_type =
            node_type.and_then(|text| violations.check("/node_type", fields::node_type(text)));
        let count = violations.require("/replication_factor", self.replication_factor);
        let count = count.and_then(|count| {
            violations.check("/replication_factor", fields::replication_factor(count))
        });
        let encryption_at_rest = self.encryption_at_rest.unwrap_or(true);
        check_encryption(
            &mut violations,
            node_type.as_deref().filter(|_| encryption_at_rest),
        );
        let description = self.description.map(|text| fields::description(&text));
        let description = description
            .and_then(|text| violations.check("/description", text))
            .flatten();
        let window = self
            .maintenance_window
            .map(|text| fields::maintenance_window(&text));
        let maintenance_window =
            window.and_then(|window| violations.check("/maintenance_window", window));
        let topic = self
            .notification_topic_arn
            .map(|arn| fields::topic_arn(&arn, context.account));
        let notification_topic_arn =
            topic.and_then(|arn| violations.check("/notification_topic_arn", arn));
        let availability_zones = zones(
            &mut violations,
            self.availability_zones,
            count,
            context.account,
        );
        let service_role = service_role(&mut violations, self.service_role, context);
        let subnet_group =
            groups::subnet_group(&mut violations, self.subnet_group, context.lookups);
        let security_group_ids = security_groups(&mut violations, self.security_group_ids);
        let parameter_group =
            groups::parameter_group(&mut violations, self.parameters, self.parameter_group);
        let tags = tags(&mut violations, self.tags.unwrap_or_default());
        let (Some(name), Some(node_type), Some(replication_factor), []) =
            (name, node_type, count, &*violations.0)
        else {
            return Err(violations.0);
        };
        Ok(ClusterSpec {
            name,
            description,
            node_type,
            replication_factor,
            availability_zones,
            service_role,
            subnet_group,
            security_group_ids,
            network_type: self.network_type,
            parameter_group,
            encryption_at_rest,
            encryption_in_transit: self.encryption_in_transit.unwrap_or(true),
            maintenance_window,
            notification_topic_arn,
            tags,
            deletion_protection: self.deletion_protection.unwrap_or(false),
            on_failure: self.on_failure.unwrap_or(OnFailure::Hold),
        })
    }
}

fn check_encryption(violations: &mut Violations, encrypted_node_type: Option<&str>) {
    if encrypted_node_type.is_some_and(fields::lacks_encryption_at_rest) {
        violations.add(
            "/encryption_at_rest",
            "not_supported",
            "must be false: `dax.r3` nodes do not support encryption at rest",
        );
    }
}

fn zones(
    violations: &mut Violations,
    zones: Option<Vec<String>>,
    count: Option<u8>,
    account: &AwsAccount,
) -> Vec<String> {
    let Some(zones) = zones else {
        return Vec::new();
    };
    if count.is_some_and(|count| zones.len() != usize::from(count)) {
        let detail = "must list one zone for each node, as many as `replication_factor`";
        violations.add("/availability_zones", "out_of_range", detail);
    }
    // Zones may repeat: two nodes can be in the same zone.
    let read = |(index, zone): (usize, &String)| {
        violations.check(
            format!("/availability_zones/{index}"),
            fields::availability_zone(zone, account),
        )
    };
    zones.iter().enumerate().filter_map(read).collect()
}

fn security_groups(violations: &mut Violations, ids: Option<Vec<String>>) -> Vec<String> {
    let Some(ids) = ids else { return Vec::new() };
    violations.list(
        "/security_group_ids",
        ids,
        fields::SECURITY_GROUPS_MAX,
        fields::security_group_id,
    )
}

fn service_role(
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
    let is_new =
        role.access.is_some() || role.tables.is_some() || role.all_tables == Some(true);
    match (role.arn, is_new) {
        (Some(_), true) => {
            violations.add(
                "/service_role",
                "exclusive",
                "give either `arn`, or `access` with `tables` or `all_tables`",
            );
            discover
        }
        (Some(arn), false) => {
            let arn = fields::role_arn(&arn, context.account);
            let arn = violations.check("/service_role/arn", arn);
            arn.map_or(discover, |arn| ServiceRole::Existing { arn })
        }
        (None, false) => {
            violations.add(
                "/service_role",
                "required",
                "give either `arn`, or `access` with `tables` or `all_tables`",
            );
            discover
        }
        (None, true) => {
            let access = violations.require("/service_role/access", role.access);
            let tables = tables(
                violations,
                role.tables,
                role.all_tables.unwrap_or(false),
                context.account,
            );
            let (Some(access), Some(tables)) = (access, tables) else {
                return discover;
            };
            check_policy_size(violations, access, &tables, context.account);
            ServiceRole::New { access, tables }
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

fn check_policy_size(
    violations: &mut Violations,
    access: Access,
    tables: &Tables,
    account: &AwsAccount,
) {
    let policies = access_policies(
        access,
        tables,
        &account.partition,
        &account.region,
        &account.account_id,
    );
    let fits = policies.map_err(|error| RuleViolation::new("too_many", error.to_string()));
    violations.check("/service_role/tables", fits);
}

fn tags(violations: &mut Violations, tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    violations.check("/tags", fields::tag_count(&tags));
    for (key, value) in &tags {
        let pointer = format!("/tags/{}", escape(key));
        violations.check(&pointer, fields::tag_key(key));
        violations.check(&pointer, fields::tag_value(value));
    }
    tags
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
