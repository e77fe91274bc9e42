//! Cluster rules: from the wanted cluster as a client wrote it to the accepted one, or to every rule it breaks.

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

/// What the rules depend on.
pub(crate) struct ValidationContext<'a> {
    /// The account and Region of the clusters.
    pub(crate) place: &'a AwsAccount,
    /// What a new role may do where the request names none.
    pub(crate) default_access: Option<Access>,
    /// Whether this build looks things up.
    pub(crate) lookups: bool,
}

impl Api {
    /// What the rules depend on, here.
    pub(crate) fn ground<'a>(&self, place: &'a AwsAccount) -> ValidationContext<'a> {
        ValidationContext {
            place,
            default_access: self.settings.default_access,
            lookups: self.inspector.looks_up(),
        }
    }
}

/// Reads a body as a wanted cluster, or tells every rule it breaks: those of its schema and those of its fields.
pub(crate) fn believe(
    body: Value,
    ground: &ValidationContext<'_>,
) -> Result<ClusterSpec, Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ClusterRequest"));
    let (request, faults) = SCHEMA.read::<ClusterRequest>(body);
    let (spec, rules) = match request.map(|request| request.accept(ground)) {
        Some(Ok(spec)) => (Some(spec), Vec::new()),
        Some(Err(rules)) => (None, rules),
        None => (None, Vec::new()),
    };
    let errors = faults.merged_with(rules);
    spec.filter(|_| errors.is_empty()).ok_or(errors)
}

/// Whether a body asks to be accepted only if a preflight finds no fault.
pub(crate) fn requires_preflight(body: &Value) -> bool {
    body.get("require_preflight")
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

impl ClusterRequest {
    /// The accepted cluster with every default filled in, or every rule that is broken.
    pub(crate) fn accept(
        self,
        ground: &ValidationContext<'_>,
    ) -> Result<ClusterSpec, Vec<FieldError>> {
        let mut broken = Violations::default();
        let name = broken.require("/name", self.name.as_deref());
        let name = name.and_then(|name| broken.check("/name", ClusterName::parse(name)));
        let node_type = broken.require("/node_type", self.node_type.as_deref());
        let node_type =
            node_type.and_then(|text| broken.check("/node_type", fields::node_type(text)));
        let count = broken.require("/replication_factor", self.replication_factor);
        let count = count.and_then(|count| {
            broken.check("/replication_factor", fields::replication_factor(count))
        });
        let encryption_at_rest = self.encryption_at_rest.unwrap_or(true);
        check_encryption(
            &mut broken,
            node_type.as_deref().filter(|_| encryption_at_rest),
        );
        let description = self.description.map(|text| fields::description(&text));
        let description = description
            .and_then(|text| broken.check("/description", text))
            .flatten();
        let window = self
            .maintenance_window
            .map(|text| fields::maintenance_window(&text));
        let maintenance_window =
            window.and_then(|window| broken.check("/maintenance_window", window));
        let topic = self
            .notification_topic_arn
            .map(|arn| fields::topic_arn(&arn, ground.place));
        let notification_topic_arn =
            topic.and_then(|arn| broken.check("/notification_topic_arn", arn));
        let availability_zones = zones(&mut broken, self.availability_zones, count, ground.place);
        let service_role = service_role(&mut broken, self.service_role, ground);
        let subnet_group = groups::subnet_group(&mut broken, self.subnet_group, ground.lookups);
        let security_group_ids = security_groups(&mut broken, self.security_group_ids);
        let parameter_group =
            groups::parameter_group(&mut broken, self.parameters, self.parameter_group);
        let tags = tags(&mut broken, self.tags.unwrap_or_default());
        let (Some(name), Some(node_type), Some(replication_factor), []) =
            (name, node_type, count, &*broken.0)
        else {
            return Err(broken.0);
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

fn check_encryption(broken: &mut Violations, encrypted_node_type: Option<&str>) {
    if encrypted_node_type.is_some_and(fields::lacks_encryption_at_rest) {
        broken.add(
            "/encryption_at_rest",
            "not_supported",
            "must be false: dax.r3 nodes cannot encrypt their disks",
        );
    }
}

fn zones(
    broken: &mut Violations,
    zones: Option<Vec<String>>,
    count: Option<u8>,
    place: &AwsAccount,
) -> Vec<String> {
    let Some(zones) = zones else {
        return Vec::new();
    };
    if count.is_some_and(|count| zones.len() != usize::from(count)) {
        let detail = "must name one zone for each node: as many as replication_factor";
        broken.add("/availability_zones", "out_of_range", detail);
    }
    // A zone may be named twice, to place two nodes in it.
    let read = |(index, zone): (usize, &String)| {
        broken.check(
            format!("/availability_zones/{index}"),
            fields::availability_zone(zone, place),
        )
    };
    zones.iter().enumerate().filter_map(read).collect()
}

fn security_groups(broken: &mut Violations, ids: Option<Vec<String>>) -> Vec<String> {
    let Some(ids) = ids else { return Vec::new() };
    broken.list(
        "/security_group_ids",
        ids,
        fields::SECURITY_GROUPS_MAX,
        fields::security_group_id,
    )
}

fn service_role(
    broken: &mut Violations,
    role: Option<ServiceRoleRequest>,
    ground: &ValidationContext<'_>,
) -> ServiceRole {
    let found = ServiceRole::Discover {
        default_access: ground.default_access,
    };
    let Some(role) = role else { return found };
    let asks_for_new =
        role.access.is_some() || role.tables.is_some() || role.all_tables == Some(true);
    match (role.arn, asks_for_new) {
        (Some(_), true) => {
            broken.add(
                "/service_role",
                "exclusive",
                "must hold either arn, or access with tables or all_tables",
            );
            found
        }
        (Some(arn), false) => {
            let arn = broken.check("/service_role/arn", fields::role_arn(&arn, ground.place));
            arn.map_or(found, |arn| ServiceRole::Existing { arn })
        }
        (None, false) => {
            broken.add(
                "/service_role",
                "required",
                "must hold arn, or access with tables or all_tables",
            );
            found
        }
        (None, true) => {
            let access = broken.require("/service_role/access", role.access);
            let tables = tables(
                broken,
                role.tables,
                role.all_tables.unwrap_or(false),
                ground.place,
            );
            let (Some(access), Some(tables)) = (access, tables) else {
                return found;
            };
            check_policy_size(broken, access, &tables, ground.place);
            ServiceRole::New { access, tables }
        }
    }
}

fn tables(
    broken: &mut Violations,
    named: Option<Vec<String>>,
    all: bool,
    place: &AwsAccount,
) -> Option<Tables> {
    match (named, all) {
        (None, true) => Some(Tables::All),
        (None, false) => {
            broken.add(
                "/service_role",
                "required",
                "must hold tables, or all_tables as true",
            );
            None
        }
        (Some(_), true) => {
            broken.add(
                "/service_role/all_tables",
                "exclusive",
                "must not be true beside tables",
            );
            None
        }
        (Some(names), false) => {
            let read = |text: &str| fields::table(text, place);
            Some(Tables::Named(broken.list(
                "/service_role/tables",
                names,
                fields::TABLES_MAX,
                read,
            )))
        }
    }
}

fn check_policy_size(broken: &mut Violations, access: Access, tables: &Tables, place: &AwsAccount) {
    let policies = access_policies(
        access,
        tables,
        &place.partition,
        &place.region,
        &place.account_id,
    );
    let fits = policies.map_err(|error| RuleViolation::new("too_many", error.to_string()));
    broken.check("/service_role/tables", fits);
}

fn tags(broken: &mut Violations, tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    broken.check("/tags", fields::tag_count(&tags));
    for (key, value) in &tags {
        let pointer = format!("/tags/{}", escape(key));
        broken.check(&pointer, fields::tag_key(key));
        broken.check(&pointer, fields::tag_value(value));
    }
    tags
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
