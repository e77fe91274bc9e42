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
use super::policies::{entities_with, uid};
use super::settings::Settings;

type Pairs = Vec<(String, Value)>;
/// The resource, the context and the entities of a question.
type Parts = (EntityUid, Context, Vec<Entity>);

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
pub(super) fn subject(rules: &Rules, subject: &Subject<'_>) -> Result<Parts, String> {
    match subject {
        Subject::Scope(scope) => {
            let name = scope.project.as_ref().map_or("", ProjectName::as_str);
            let id = uid("Scope", &format!("{}/{name}", scope.target));
            in_scope(rules, id, HashMap::new(), scope, Vec::new())
        }
        Subject::Target(name) => {
            let entity = target(rules, name)?;
            Ok((entity.uid(), Context::empty(), vec![entity]))
        }
        Subject::Cluster(name, scope) => cluster(rules, name.as_str(), scope, Vec::new()),
        Subject::Settings(settings, scope) => {
            cluster(rules, settings.spec.name.as_str(), scope, pairs(settings))
        }
        Subject::Ingress(name, ingress, scope) => {
            cluster(rules, name.as_str(), scope, ingress_pairs(ingress))
        }
        Subject::Table(name, access, scope, place) => table(rules, name, *access, scope, place),
    }
}

/// All entities of a question, checked against the schema.
pub(super) fn checked(action: Action, mut entities: Vec<Entity>) -> Result<Entities, String> {
    let mut seen = HashSet::new();
    entities.retain(|entity| seen.insert(entity.uid()));
    entities_with(action, entities)
}

fn cluster(rules: &Rules, name: &str, scope: &Scope, context: Pairs) -> Result<Parts, String> {
    let id = uid("Cluster", &format!("{}/{name}", scope.target));
    let attributes = HashMap::from([("name".to_owned(), text(name))]);
    in_scope(rules, id, attributes, scope, context)
}

/// An entity in the project and target of a scope.
fn in_scope(
    rules: &Rules,
    id: EntityUid,
    mut attributes: HashMap<String, Value>,
    scope: &Scope,
    context: Pairs,
) -> Result<Parts, String> {
    let target = uid("Target", scope.target.as_str());
    attributes.insert("target".to_owned(), Value::new_entity_uid(target.clone()));
    let mut others = vec![self::target(rules, &scope.target)?];
    let mut parents = HashSet::from([target]);
    if let Some(project) = &scope.project {
        let project_id = project_uid(project);
        let value = Value::new_entity_uid(project_id.clone());
        attributes.insert("project".to_owned(), value);
        parents.insert(project_id);
        others.extend(projects_of(rules, std::slice::from_ref(project))?);
    }
    others.push(entity(id.clone(), attributes, parents)?);
    Ok((id, context_of(context)?, others))
}

pub(super) fn table(
    rules: &Rules,
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
    let attributes = HashMap::from([
        ("name".to_owned(), text(name)),
        ("account".to_owned(), text(account)),
        ("region".to_owned(), text(region)),
    ]);
    let target = target(rules, &scope.target)?;
    let mut context = vec![
        ("access".to_owned(), text(access_name(access))),
        ("target".to_owned(), Value::new_entity_uid(target.uid())),
    ];
    let mut others = vec![target, entity(id.clone(), attributes, HashSet::new())?];
    if let Some(project) = &scope.project {
        let value = Value::new_entity_uid(project_uid(project));
        context.push(("project".to_owned(), value));
        others.extend(projects_of(rules, std::slice::from_ref(project))?);
    }
    Ok((id, context_of(context)?, others))
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
    entity(uid("Target", name.as_str()), attributes, HashSet::new())
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
    named(known).chain(present(optional)).collect()
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

fn project_uid(project: &ProjectName) -> EntityUid {
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
