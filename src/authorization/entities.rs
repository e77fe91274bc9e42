//! Entities and contexts in Cedar's form.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression as Value};

use crate::domain::caller::Identity;
use crate::domain::iam::policies::Access;
use crate::domain::ingress::{IngressSpec, Peer};
use crate::domain::project::{ProjectName, Scope};
use crate::domain::spec::SubnetGroup;
use crate::domain::target::TargetName;
use crate::domain::validation::typed::{SecurityGroupId, SubnetId, TagKey, TopicArn, VpcId};

use super::Rules;
use super::action::Action;
use super::decision::{Place, Subject};
use super::policies::{ACTIONS, PARSED, uid};
use super::settings::Settings;

type Pairs = Vec<(String, Value)>;
/// The resource, the context, and the entity of a resource that is not of every question in the scope.
type Parts = (EntityUid, Context, Option<Entity>);

/// The caller with its groups and projects.
pub(super) fn caller(
    rules: &Rules,
    caller: &Identity,
    others: &mut Vec<Entity>,
) -> Result<EntityUid, String> {
    let projects = caller.projects.iter().map(project_uid);
    let mut attributes = HashMap::from([
        ("name".to_owned(), text(&caller.shown_as)),
        (
            "projects".to_owned(),
            Value::new_set(projects.clone().map(Value::new_entity_uid)),
        ),
    ]);
    if let Some(person) = &caller.requested_for {
        attributes.insert("requested_for".to_owned(), text(person));
    }
    let groups = caller.groups.iter().map(|group| uid("Group", group));
    let parents = groups.chain(projects).collect();
    others.extend(caller.groups.iter().map(|group| bare(uid("Group", group))));
    others.extend(projects_of(rules, &caller.projects)?);
    let id = uid("Caller", &caller.id);
    others.push(entity(id.clone(), attributes, parents)?);
    Ok(id)
}

/// What a question is about.
pub(super) fn subject(subject: &Subject<'_>) -> Result<Parts, String> {
    match subject {
        Subject::Scope(scope) => {
            let name = scope.project.as_ref().map_or("", ProjectName::as_str);
            let id = uid("Scope", &format!("{}/{name}", scope.target));
            in_scope(id, HashMap::new(), scope, Vec::new())
        }
        Subject::Target(name) => Ok((target_uid(name), Context::empty(), None)),
        Subject::Cluster(name, scope) => cluster(name.as_str(), scope, Vec::new()),
        Subject::Settings(settings, scope) => {
            cluster(settings.spec.name.as_str(), scope, pairs(settings))
        }
        Subject::Ingress(name, ingress, scope) => {
            cluster(name.as_str(), scope, ingress_pairs(ingress))
        }
        Subject::Table(name, access, scope, place) => table(name, *access, scope, place),
    }
}

/// The project and the target of a scope.
pub(super) fn of_scope(rules: &Rules, scope: &Scope) -> Result<Vec<Entity>, String> {
    let mut entities = projects_of(rules, scope.project.as_slice())?;
    entities.push(target(rules, &scope.target)?);
    Ok(entities)
}

/// The entities that questions share, each once.
pub(super) fn checked(action: Action, mut entities: Vec<Entity>) -> Result<Entities, String> {
    let mut seen = HashSet::new();
    entities.retain(|entity| seen.insert(entity.uid()));
    with(&ACTIONS[&action], entities)
}

/// Entities with others.
pub(super) fn with(
    entities: &Entities,
    others: impl IntoIterator<Item = Entity>,
) -> Result<Entities, String> {
    let with = entities.clone().add_entities(others, PARSED.checks());
    with.map_err(|error| error.to_string())
}

fn cluster(name: &str, scope: &Scope, context: Pairs) -> Result<Parts, String> {
    let id = uid("Cluster", &format!("{}/{name}", scope.target));
    let attributes = HashMap::from([("name".to_owned(), text(name))]);
    in_scope(id, attributes, scope, context)
}

/// An entity in the project and target of a scope.
fn in_scope(
    id: EntityUid,
    mut attributes: HashMap<String, Value>,
    scope: &Scope,
    context: Pairs,
) -> Result<Parts, String> {
    let target = target_uid(&scope.target);
    let project = scope.project.as_ref().map(project_uid);
    let named = [("target", Some(&target)), ("project", project.as_ref())];
    attributes.extend(references(named));
    let parents = project.into_iter().chain([target]).collect();
    let entity = entity(id.clone(), attributes, parents)?;
    Ok((id, context_of(context)?, Some(entity)))
}

fn table(
    name: &str,
    access: Option<Access>,
    scope: &Scope,
    place: &Place<'_>,
) -> Result<Parts, String> {
    let (account, region) = (
        place.account_id.unwrap_or_default(),
        place.region.unwrap_or_default(),
    );
    let id = uid("Table", &format!("{account}/{region}/{name}"));
    let attributes = named([
        ("name", text(name)),
        ("account", text(account)),
        ("region", text(region)),
    ]);
    let entity = entity(id.clone(), attributes.collect(), HashSet::new())?;
    let target = target_uid(&scope.target);
    let project = scope.project.as_ref().map(project_uid);
    let context = named([("access", text(access_name(access)))]);
    let context = context.chain(references([
        ("target", Some(&target)),
        ("project", project.as_ref()),
    ]));
    Ok((id, context_of(context.collect())?, Some(entity)))
}

/// A target with the account and Region that the directory says.
fn target(rules: &Rules, name: &TargetName) -> Result<Entity, String> {
    let mut attributes = HashMap::new();
    if let Some(place) = rules.targets.get(name) {
        let known = [
            ("account", place.account_id.as_deref()),
            ("region", Some(place.region.as_str())),
        ];
        attributes.extend(present(known));
    }
    entity(target_uid(name), attributes, HashSet::new())
}

/// The projects with the roles that the directory lists for them.
fn projects_of(rules: &Rules, projects: &[ProjectName]) -> Result<Vec<Entity>, String> {
    let one = |project: &ProjectName| {
        let listed = rules.projects.get(project);
        let roles = listed.into_iter().flat_map(|rules| &rules.service_roles);
        let roles = texts(roles.map(String::as_str));
        let attributes = HashMap::from([("service_roles".to_owned(), roles)]);
        entity(project_uid(project), attributes, HashSet::new())
    };
    projects.iter().map(one).collect()
}

fn pairs(settings: &Settings<'_>) -> Pairs {
    let spec = settings.spec;
    let (cost, project_cost) = (settings.cost(), settings.project_cost());
    let managed = settings.managed_role();
    let (group, vpc, subnets) = match &spec.subnet_group {
        SubnetGroup::Existing { name } => (Some(name.as_str()), None, None),
        SubnetGroup::Default => (Some("default"), None, None),
        SubnetGroup::OfVpc { vpc_id } => (None, Some(vpc_id), None),
        SubnetGroup::New { subnet_ids } => (None, None, Some(subnet_ids)),
    };
    let subnets = subnets.into_iter().flatten().map(SubnetId::as_str);
    let (count, flag) = (Value::new_long, Value::new_bool);
    let all_tables = managed.is_some_and(|(_, all_tables)| all_tables);
    let topic = spec.notification_topic_arn.as_ref().map(TopicArn::as_str);
    let known = [
        (
            "changed",
            texts(settings.changed.iter().map(String::as_str)),
        ),
        ("node_type", text(spec.node_type.as_str())),
        ("replication_factor", count(spec.replication_factor.into())),
        ("all_tables", flag(all_tables)),
        ("encryption_at_rest", flag(spec.encryption_at_rest)),
        ("encryption_in_transit", flag(spec.encryption_in_transit)),
        ("subnet_ids", texts(subnets)),
        (
            "security_group_ids",
            texts(spec.security_group_ids.iter().map(SecurityGroupId::as_str)),
        ),
        ("tags", Value::new_set(spec.tags.iter().map(tag))),
        ("tag_keys", texts(spec.tags.keys().map(TagKey::as_str))),
        ("deletion_protection", flag(spec.local.deletion_protection)),
        ("monthly_cost_cents", count(cost.cents)),
        ("cost_known", flag(cost.is_known)),
        ("project_clusters", count(settings.project_clusters())),
        ("project_nodes", count(settings.project_nodes())),
        ("project_monthly_cost_cents", count(project_cost.cents)),
        ("project_cost_known", flag(project_cost.is_known)),
    ];
    let optional = [
        (
            "access",
            managed.map(|(access, _)| access_name(Some(access))),
        ),
        ("given_role", settings.given_role()),
        ("subnet_group", group),
        ("vpc_id", vpc.map(VpcId::as_str)),
        ("notification_topic_arn", topic),
    ];
    let expiry = settings.expires_in_hours();
    let expiry = expiry.map(|hours| ("expires_in_hours".to_owned(), count(hours)));
    named(known)
        .chain(present(optional))
        .chain(expiry)
        .collect()
}

fn tag((key, value): (&TagKey, &String)) -> Value {
    let fields = named([("key", text(key.as_str())), ("value", text(value))]);
    Value::new_record(fields).expect("the keys are different")
}

fn ingress_pairs(ingress: &IngressSpec) -> Pairs {
    let group = ingress.security_group_id.as_ref();
    let peer = match &ingress.peer {
        Peer::Cidr(cidr) => ("cidr", Value::new_ip(cidr)),
        Peer::SecurityGroup(id) => ("source_security_group_id", text(id.as_str())),
    };
    let known = [("port", Value::new_long(ingress.port.into())), peer];
    let optional = [("security_group_id", group.map(SecurityGroupId::as_str))];
    named(known).chain(present(optional)).collect()
}

fn named<const N: usize>(values: [(&str, Value); N]) -> impl Iterator<Item = (String, Value)> {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
}

fn present<const N: usize>(
    values: [(&str, Option<&str>); N],
) -> impl Iterator<Item = (String, Value)> {
    let present = |(name, value): (&str, Option<&str>)| Some((name.to_owned(), text(value?)));
    values.into_iter().filter_map(present)
}

fn access_name(access: Option<Access>) -> &'static str {
    access.map_or("", Into::into)
}

/// Attributes that are entities.
fn references<const N: usize>(
    values: [(&str, Option<&EntityUid>); N],
) -> impl Iterator<Item = (String, Value)> {
    let present = |(name, id): (&str, Option<&EntityUid>)| {
        Some((name.to_owned(), Value::new_entity_uid(id?.clone())))
    };
    values.into_iter().filter_map(present)
}

fn target_uid(target: &TargetName) -> EntityUid {
    uid("Target", target.as_str())
}

pub(super) fn project_uid(project: &ProjectName) -> EntityUid {
    uid("Project", project.as_str())
}

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Value {
    Value::new_set(values.map(text))
}

fn context_of(pairs: Pairs) -> Result<Context, String> {
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

fn bare(id: EntityUid) -> Entity {
    Entity::new_no_attrs(id, HashSet::new())
}

fn entity(
    id: EntityUid,
    attributes: HashMap<String, Value>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, String> {
    Entity::new(id, attributes, parents).map_err(|error| error.to_string())
}
