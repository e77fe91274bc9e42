//! Validates a patch and merges it with the desired settings of its cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::change::{ChangeSpec, Placement};
use crate::domain::cluster::Cluster;
use crate::domain::iam::policies::{Access, POLICIES_PER_ROLE, Tables, access_policies};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::ResourceKind;
use crate::domain::spec::{ParameterGroup, ServiceRole};
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use crate::api::clusters::patch::{ClusterPatch, Member, ParametersPatch, ServiceRolePatch};
use crate::api::clusters::request::ParameterGroupRequest;
use crate::api::http::body_schema::escape;
use crate::api::http::violations::Violations;

impl ClusterPatch {
    /// The change that the patch requests. Not valid if `violations` is not empty.
    pub(crate) fn accept(
        self,
        violations: &mut Violations,
        cluster: &Cluster,
        account: &AwsAccount,
    ) -> ChangeSpec {
        let before = cluster.desired.clone();
        let mut after = before.clone();
        match self.description {
            Member::Absent => {}
            // An empty description clears the one in AWS; `None` would leave it.
            Member::Null => after.description = Some(String::new()),
            Member::Value(text) => {
                let text = violations.check("/description", fields::description(&text));
                after.description = text.map(Option::unwrap_or_default);
            }
        }
        if let Some(window) = self.maintenance_window {
            after.maintenance_window =
                violations.check("/maintenance_window", fields::maintenance_window(&window));
        }
        match self.notification_topic_arn {
            Member::Absent => {}
            Member::Null => after.notification_topic_arn = None,
            Member::Value(arn) => {
                after.notification_topic_arn =
                    violations.check("/notification_topic_arn", fields::topic_arn(&arn, account));
            }
        }
        if let Some(ids) = self.security_group_ids {
            let read = fields::security_group_id;
            after.security_group_ids = violations.list(
                "/security_group_ids",
                ids,
                fields::SECURITY_GROUPS_MAX,
                read,
            );
        }
        after.parameter_group = parameter_group(
            violations,
            self.parameters,
            self.parameter_group,
            &before.parameter_group,
        );
        if let Some(patch) = self.service_role {
            after.service_role = service_role(violations, patch, cluster, account);
        }
        merge_tags(violations, &mut after.tags, self.tags);
        after.deletion_protection = self
            .deletion_protection
            .unwrap_or(before.deletion_protection);
        after.on_failure = self.on_failure.unwrap_or(before.on_failure);
        let reboot_nodes_if_needed = self.reboot_nodes_if_needed.unwrap_or_default();
        ChangeSpec {
            before,
            after,
            reboot_nodes_if_needed,
            placement: Placement::default(),
        }
    }
}

fn parameter_group(
    violations: &mut Violations,
    parameters: Member<ParametersPatch>,
    group: Member<ParameterGroupRequest>,
    before: &ParameterGroup,
) -> ParameterGroup {
    let (values, name) = match before {
        ParameterGroup::Default => (None, None),
        ParameterGroup::Existing { name } => (None, Some(name.clone())),
        ParameterGroup::New { values } => (Some(values.clone()), None),
    };
    let has_parameters = matches!(parameters, Member::Value(_));
    let values = match parameters {
        Member::Absent => values,
        Member::Null => None,
        Member::Value(patch) => Some(merge_values(violations, values.unwrap_or_default(), patch)),
    };
    let name = match group {
        Member::Absent => name,
        Member::Null => None,
        Member::Value(group) => {
            let new = group.name.map(|name| fields::parameter_group_name(&name));
            let new = new.map(|new| {
                violations
                    .check("/parameter_group/name", new)
                    .unwrap_or_default()
            });
            violations.require("/parameter_group/name", new.or(name))
        }
    };
    match (values, name) {
        (Some(_), Some(_)) if has_parameters => {
            let detail = "cannot be combined with `parameter_group`; set `parameter_group` to null";
            violations.add("/parameters", "exclusive", detail);
            before.clone()
        }
        (Some(_), Some(_)) => {
            let detail = "cannot be combined with `parameters`; set `parameters` to null";
            violations.add("/parameter_group", "exclusive", detail);
            before.clone()
        }
        (Some(values), None) => ParameterGroup::New { values },
        (None, Some(name)) => ParameterGroup::Existing { name },
        (None, None) => ParameterGroup::Default,
    }
}

fn merge_values(
    violations: &mut Violations,
    mut values: BTreeMap<String, String>,
    patch: ParametersPatch,
) -> BTreeMap<String, String> {
    let members = [
        (
            "record-ttl-millis",
            "/parameters/record_ttl_millis",
            patch.record_ttl_millis,
        ),
        (
            "query-ttl-millis",
            "/parameters/query_ttl_millis",
            patch.query_ttl_millis,
        ),
    ];
    for (name, pointer, member) in members {
        match member {
            Member::Absent => {}
            Member::Null => drop(values.remove(name)),
            Member::Value(millis) => {
                let millis = violations
                    .check(pointer, fields::ttl_millis(millis))
                    .unwrap_or_default();
                values.insert(name.to_owned(), millis);
            }
        }
    }
    if values.is_empty() {
        let detail = "must keep at least one of `record_ttl_millis` and `query_ttl_millis`; \
            send null for AWS's default group";
        violations.add("/parameters", "required", detail);
    }
    values
}

/// The service role with its new access. The access of an external role is not changed.
fn service_role(
    violations: &mut Violations,
    patch: ServiceRolePatch,
    cluster: &Cluster,
    account: &AwsAccount,
) -> ServiceRole {
    let before = &cluster.desired.service_role;
    let (old_access, old_tables) = match before {
        ServiceRole::New { access, tables } => (*access, tables.clone()),
        ServiceRole::Discover {
            default_access: Some(access),
        } => (*access, Tables::All),
        ServiceRole::Discover {
            default_access: None,
        }
        | ServiceRole::Existing { .. } => return before.clone(),
    };
    let access = patch.access.unwrap_or(old_access);
    let Some(tables) = merge_tables(violations, patch, &old_tables, account) else {
        return before.clone();
    };
    if access == old_access && are_same(&tables, &old_tables) {
        return before.clone();
    }
    violations.check(
        "/service_role/tables",
        check_policies(access, &tables, cluster, account),
    );
    ServiceRole::New { access, tables }
}

fn merge_tables(
    violations: &mut Violations,
    patch: ServiceRolePatch,
    old_tables: &Tables,
    account: &AwsAccount,
) -> Option<Tables> {
    let (named, all) = match old_tables {
        Tables::All => (None, true),
        Tables::Named(names) => (Some(names.clone()), false),
    };
    let has_tables = matches!(patch.tables, Member::Value(_));
    let named = match patch.tables {
        Member::Absent => named,
        Member::Null => None,
        Member::Value(names) => {
            let read = |text: &str| fields::table(text, account);
            Some(violations.list("/service_role/tables", names, fields::TABLES_MAX, read))
        }
    };
    let all = match patch.all_tables {
        Member::Absent => all,
        Member::Null => false,
        Member::Value(all) => all,
    };
    match (named, all) {
        (Some(names), false) => return Some(Tables::Named(names)),
        (None, true) => return Some(Tables::All),
        (Some(_), true) if has_tables => {
            let detail = "cannot be combined with `all_tables`; set `all_tables` to false";
            violations.add("/service_role/tables", "exclusive", detail);
        }
        (Some(_), true) => {
            let detail = "cannot be true when `tables` is set; set `tables` to null";
            violations.add("/service_role/all_tables", "exclusive", detail);
        }
        (None, false) => violations.add(
            "/service_role",
            "required",
            "must keep `tables`, or set `all_tables` to true",
        ),
    }
    None
}

/// Whether two table lists are equal, in any order: the policies are the same.
fn are_same(left: &Tables, right: &Tables) -> bool {
    match (left, right) {
        (Tables::Named(left), Tables::Named(right)) => {
            left.iter().collect::<BTreeSet<_>>() == right.iter().collect::<BTreeSet<_>>()
        }
        (Tables::All, Tables::All) => true,
        (Tables::All, Tables::Named(_)) | (Tables::Named(_), Tables::All) => false,
    }
}

/// The new policies are attached before the old ones are detached, so both count towards the limit.
fn check_policies(
    access: Access,
    tables: &Tables,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<(), RuleViolation> {
    let policies = access_policies(
        access,
        tables,
        &account.partition,
        &account.region,
        &account.account_id,
    );
    let new = policies
        .map_err(|error| RuleViolation::new("too_many", error.to_string()))?
        .len();
    let is_attached = |kind: ResourceKind| kind == ResourceKind::Policy;
    let old = cluster
        .inventory
        .iter()
        .filter(|item| is_attached(item.kind) && item.is_managed_and_present())
        .count();
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
    tags: &mut BTreeMap<String, String>,
    patch: Member<BTreeMap<String, Option<String>>>,
) {
    let members = match patch {
        Member::Absent => return,
        Member::Null => return tags.clear(),
        Member::Value(members) => members,
    };
    for (key, value) in members {
        let pointer = format!("/tags/{}", escape(&key));
        violations.check(&pointer, fields::tag_key(&key));
        match value {
            None => drop(tags.remove(&key)),
            Some(value) => {
                violations.check(&pointer, fields::tag_value(&value));
                tags.insert(key, value);
            }
        }
    }
    violations.check("/tags", fields::tag_count(tags));
}
