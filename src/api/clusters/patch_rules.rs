//! Patch rules: from new settings as a client wrote them, merged with those there are, to a change, or to every rule it
//! breaks.

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
    /// The change it is; meaningless if a rule is broken.
    pub(crate) fn accept(
        self,
        broken: &mut Violations,
        cluster: &Cluster,
        place: &AwsAccount,
    ) -> ChangeSpec {
        let before = cluster.desired.clone();
        let mut after = before.clone();
        match self.description {
            Member::Absent => {}
            // An empty text takes away what AWS has; none would leave it.
            Member::Null => after.description = Some(String::new()),
            Member::Value(text) => {
                let text = broken.check("/description", fields::description(&text));
                after.description = text.map(Option::unwrap_or_default);
            }
        }
        if let Some(window) = self.maintenance_window {
            after.maintenance_window =
                broken.check("/maintenance_window", fields::maintenance_window(&window));
        }
        match self.notification_topic_arn {
            Member::Absent => {}
            Member::Null => after.notification_topic_arn = None,
            Member::Value(arn) => {
                after.notification_topic_arn =
                    broken.check("/notification_topic_arn", fields::topic_arn(&arn, place));
            }
        }
        if let Some(ids) = self.security_group_ids {
            let read = fields::security_group_id;
            after.security_group_ids = broken.list(
                "/security_group_ids",
                ids,
                fields::SECURITY_GROUPS_MAX,
                read,
            );
        }
        after.parameter_group = parameter_group(
            broken,
            self.parameters,
            self.parameter_group,
            &before.parameter_group,
        );
        if let Some(patch) = self.service_role {
            after.service_role = service_role(broken, patch, cluster, place);
        }
        merge_tags(broken, &mut after.tags, self.tags);
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
    broken: &mut Violations,
    parameters: Member<ParametersPatch>,
    group: Member<ParameterGroupRequest>,
    before: &ParameterGroup,
) -> ParameterGroup {
    let (values, name) = match before {
        ParameterGroup::Default => (None, None),
        ParameterGroup::Existing { name } => (None, Some(name.clone())),
        ParameterGroup::New { values } => (Some(values.clone()), None),
    };
    let by_parameters = matches!(parameters, Member::Value(_));
    let values = match parameters {
        Member::Absent => values,
        Member::Null => None,
        Member::Value(patch) => Some(merge_values(broken, values.unwrap_or_default(), patch)),
    };
    let name = match group {
        Member::Absent => name,
        Member::Null => None,
        Member::Value(group) => {
            let given = group.name.map(|name| fields::parameter_group_name(&name));
            let given = given.map(|given| {
                broken
                    .check("/parameter_group/name", given)
                    .unwrap_or_default()
            });
            broken.require("/parameter_group/name", given.or(name))
        }
    };
    match (values, name) {
        (Some(_), Some(_)) if by_parameters => {
            let detail = "must not stand beside parameter_group: send parameter_group as null too";
            broken.add("/parameters", "exclusive", detail);
            before.clone()
        }
        (Some(_), Some(_)) => {
            let detail = "must not stand beside parameters: send parameters as null too";
            broken.add("/parameter_group", "exclusive", detail);
            before.clone()
        }
        (Some(values), None) => ParameterGroup::New { values },
        (None, Some(name)) => ParameterGroup::Existing { name },
        (None, None) => ParameterGroup::Default,
    }
}

fn merge_values(
    broken: &mut Violations,
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
                let millis = broken
                    .check(pointer, fields::ttl_millis(millis))
                    .unwrap_or_default();
                values.insert(name.to_owned(), millis);
            }
        }
    }
    if values.is_empty() {
        let detail =
            "must leave record_ttl_millis or query_ttl_millis; send null for AWS's default group";
        broken.add("/parameters", "required", detail);
    }
    values
}

/// What a role of ours may do from now on.
fn service_role(
    broken: &mut Violations,
    patch: ServiceRolePatch,
    cluster: &Cluster,
    place: &AwsAccount,
) -> ServiceRole {
    let before = &cluster.desired.service_role;
    let (had_access, had) = match before {
        ServiceRole::New { access, tables } => (*access, tables.clone()),
        ServiceRole::Discover {
            default_access: Some(access),
        } => (*access, Tables::All),
        ServiceRole::Discover {
            default_access: None,
        }
        | ServiceRole::Existing { .. } => return before.clone(),
    };
    let access = patch.access.unwrap_or(had_access);
    let Some(tables) = merge_tables(broken, patch, &had, place) else {
        return before.clone();
    };
    if access == had_access && is_same(&tables, &had) {
        return before.clone();
    }
    broken.check(
        "/service_role/tables",
        check_policies(access, &tables, cluster, place),
    );
    ServiceRole::New { access, tables }
}

fn merge_tables(
    broken: &mut Violations,
    patch: ServiceRolePatch,
    had: &Tables,
    place: &AwsAccount,
) -> Option<Tables> {
    let (named, all) = match had {
        Tables::All => (None, true),
        Tables::Named(names) => (Some(names.clone()), false),
    };
    let by_name = matches!(patch.tables, Member::Value(_));
    let named = match patch.tables {
        Member::Absent => named,
        Member::Null => None,
        Member::Value(names) => {
            let read = |text: &str| fields::table(text, place);
            Some(broken.list("/service_role/tables", names, fields::TABLES_MAX, read))
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
        (Some(_), true) if by_name => {
            let detail = "must not stand beside all_tables: send all_tables as false too";
            broken.add("/service_role/tables", "exclusive", detail);
        }
        (Some(_), true) => {
            let detail = "must not be true beside tables: send tables as null too";
            broken.add("/service_role/all_tables", "exclusive", detail);
        }
        (None, false) => broken.add(
            "/service_role",
            "required",
            "must leave tables, or all_tables as true",
        ),
    }
    None
}

/// Whether two lists name the same tables; their order makes no difference to a policy.
fn is_same(one: &Tables, other: &Tables) -> bool {
    match (one, other) {
        (Tables::Named(one), Tables::Named(other)) => {
            one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
        }
        (Tables::All, Tables::All) => true,
        (Tables::All, Tables::Named(_)) | (Tables::Named(_), Tables::All) => false,
    }
}

/// The new policies are attached before the old ones go, and a role takes so many.
fn check_policies(
    access: Access,
    tables: &Tables,
    cluster: &Cluster,
    place: &AwsAccount,
) -> Result<(), RuleViolation> {
    let policies = access_policies(
        access,
        tables,
        &place.partition,
        &place.region,
        &place.account_id,
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
            "need {new} policies beside the {old} that are replaced once the new ones hold, and a role takes \
             {POLICIES_PER_ROLE}: change them in two steps, or use all_tables"
        );
        return Err(RuleViolation::new("too_many", detail));
    }
    Ok(())
}

fn merge_tags(
    broken: &mut Violations,
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
        broken.check(&pointer, fields::tag_key(&key));
        match value {
            None => drop(tags.remove(&key)),
            Some(value) => {
                broken.check(&pointer, fields::tag_value(&value));
                tags.insert(key, value);
            }
        }
    }
    broken.check("/tags", fields::tag_count(tags));
}
