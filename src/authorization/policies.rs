//! Policies: parsed, validated against the schema, and split by the actions that they are about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    ActionConstraint, Effect, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Schema, ValidationMode, Validator,
};
use strum::VariantArray;

use crate::domain::caller::is_group;
use crate::domain::project::ProjectName;

use super::action::Action;
use super::{BUILT_IN, SCHEMA};

/// Maximum length of a policy's ID.
const ID_MAX: usize = 100;
/// The attributes of [`Settings`](super::Settings) that count the clusters of a project.
const COUNTS: [&str; 4] = [
    "project_clusters",
    "project_nodes",
    "project_monthly_cost_cents",
    "project_cost_known",
];

/// The schema with its action entities.
pub(super) struct Parsed {
    pub(super) schema: Schema,
    actions: Entities,
}

pub(super) static PARSED: LazyLock<Parsed> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("the schema is tested");
    let actions = schema.action_entities().expect("the schema has actions");
    Parsed { schema, actions }
});

impl Parsed {
    /// The schema that requests and entities are checked against: in debug builds, so in every test.
    /// Typed values make them, and the check takes longer than the decision. A policy that does not
    /// find what it names fails, which denies.
    pub(super) fn checks(&self) -> Option<&Schema> {
        cfg!(debug_assertions).then_some(&self.schema)
    }
}

/// Why a policy is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The file.
    pub file: String,
    /// The ID of the policy, or its place.
    pub place: String,
    /// What is wrong.
    pub rule: String,
}

/// A valid set of policies.
#[derive(Debug, Clone)]
pub struct Policies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    by_action: HashMap<Action, Vec<Policy>>,
    /// The IDs of those that name a count of a project.
    counted: BTreeSet<PolicyId>,
    advice: BTreeMap<String, Option<String>>,
    named_projects: BTreeSet<ProjectName>,
}

impl Policies {
    /// The policies of a directory that has none of its own.
    pub fn built_in() -> Self {
        Self::parse(&[("built_in.cedar", BUILT_IN)]).expect("the built-in policies are tested")
    }

    /// Parses the policies of these files, or returns all faults.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Vec<PolicyFault>> {
        let (mut policies, mut faults) = (BTreeMap::<String, (String, Policy)>::new(), Vec::new());
        for (file, text) in files {
            let fault = |place: &str, rule: String| PolicyFault {
                file: (*file).to_owned(),
                place: place.to_owned(),
                rule,
            };
            let set = match PolicySet::from_str(text) {
                Ok(set) => set,
                Err(errors) => {
                    faults.extend(errors.iter().map(|error| fault("", error.to_string())));
                    continue;
                }
            };
            if set.num_of_templates() > 0 {
                faults.push(fault("", "templates are not supported".to_owned()));
            }
            for policy in set.policies() {
                match identified(policy) {
                    Err(rule) => faults.push(fault(policy.id().as_ref(), rule)),
                    Ok((id, policy)) => {
                        if let Some((other, _)) = policies.get(&id) {
                            let rule = format!("the ID is also in {other}; IDs must be unique");
                            faults.push(fault(&id, rule));
                        } else {
                            policies.insert(id, ((*file).to_owned(), policy));
                        }
                    }
                }
            }
        }
        faults.extend(invalid(&policies));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self(Arc::new(Inner::of(
            policies.into_values().map(|(_, policy)| policy).collect(),
        ))))
    }

    /// The policies that can apply to an action.
    pub(super) fn about(&self, action: Action) -> impl Iterator<Item = &Policy> {
        self.0.by_action[&action].iter()
    }

    /// Whether a policy names a count of a project.
    pub(super) fn is_counted(&self, policy: &Policy) -> bool {
        self.0.counted.contains(policy.id())
    }

    /// The advice of a policy, if it has any.
    pub(super) fn advice(&self, id: &PolicyId) -> Option<&str> {
        let id: &str = id.as_ref();
        self.0.advice.get(id)?.as_deref()
    }

    /// The IDs of all policies.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.advice.keys().map(String::as_str)
    }

    /// The projects that the policies name.
    pub(super) fn named_projects(&self) -> &BTreeSet<ProjectName> {
        &self.0.named_projects
    }
}

impl Inner {
    fn of(policies: Vec<Policy>) -> Self {
        let about = |action: &Action| {
            let about = policies.iter().filter(|policy| is_about(policy, *action));
            (*action, about.cloned().collect())
        };
        let counted = policies.iter().filter(|policy| names_a_count(policy));
        let advice = policies.iter().map(|policy| {
            let advice = policy.annotation("advice").map(str::to_owned);
            (AsRef::<str>::as_ref(policy.id()).to_owned(), advice)
        });
        let literals = policies.iter().flat_map(Policy::entity_literals);
        let projects = literals.filter(|uid| uid.type_name().to_string() == "Project");
        Self {
            by_action: Action::VARIANTS.iter().map(about).collect(),
            counted: counted.map(|policy| policy.id().clone()).collect(),
            advice: advice.collect(),
            named_projects: projects
                .filter_map(|uid| ProjectName::parse(uid.id().unescaped()).ok())
                .collect(),
        }
    }
}

/// Whether a policy refers to the number or cost of the clusters of a project. The JSON form has no
/// other spelling of an attribute.
fn names_a_count(policy: &Policy) -> bool {
    let text = policy.to_json().map(|json| json.to_string());
    // One that has no such form counts, so that nothing is missed.
    text.map_or(true, |text| COUNTS.iter().any(|name| text.contains(name)))
}

/// The policy under the ID of its annotation.
fn identified(policy: &Policy) -> Result<(String, Policy), String> {
    let id = policy.annotation("id").unwrap_or_default();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(is_allowed) {
        let rule =
            format!("needs an annotation @id(\"…\") of 1 to {ID_MAX} letters, digits, -, _ or .");
        return Err(rule);
    }
    let is_scope = |uid: &EntityUid| uid.type_name().to_string() == "Scope";
    if policy.entity_literals().iter().any(is_scope) {
        return Err("names a Scope; name its project or its target".to_owned());
    }
    if policy.effect() == Effect::Permit && policy.annotation("advice").is_some() {
        return Err("@advice is for forbid policies: a permit never refuses".to_owned());
    }
    if let Some(group) = policy.annotation("approval") {
        if policy.effect() == Effect::Permit {
            return Err("@approval is for forbid policies: it asks instead of refusing".to_owned());
        }
        if !is_group(group) {
            return Err("@approval must name a group".to_owned());
        }
    }
    Ok((id.to_owned(), policy.new_id(PolicyId::new(id))))
}

/// The faults that the schema shows.
fn invalid(policies: &BTreeMap<String, (String, Policy)>) -> Vec<PolicyFault> {
    let all = policies.values().map(|(_, policy)| policy.clone());
    let Ok(set) = PolicySet::from_policies(all) else {
        return Vec::new();
    };
    let validator = Validator::new(PARSED.schema.clone());
    let result = validator.validate(&set, ValidationMode::Strict);
    let fault = |id: &PolicyId, rule: String| {
        let place = AsRef::<str>::as_ref(id).to_owned();
        let file = policies.get(&place).map(|(file, _)| file.clone());
        PolicyFault {
            file: file.unwrap_or_default(),
            place,
            rule,
        }
    };
    let errors = result.validation_errors();
    let errors = errors.map(|error| fault(error.policy_id(), without_policy(&error.to_string())));
    let warnings = result.validation_warnings();
    let warnings =
        warnings.map(|warning| fault(warning.policy_id(), without_policy(&warning.to_string())));
    errors.chain(warnings).collect()
}

/// Without Cedar's repetition of the ID.
fn without_policy(text: &str) -> String {
    let rest = text
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once("`, "));
    rest.map_or(text, |(_, rest)| rest).to_owned()
}

/// Whether the head of a policy lets it apply to an action.
fn is_about(policy: &Policy, action: Action) -> bool {
    let uid = action_uid(action);
    let covers = |named: &EntityUid| *named == uid || PARSED.actions.is_ancestor_of(named, &uid);
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => covers(&named),
        ActionConstraint::In(named) => named.iter().any(covers),
    }
}

/// The entity of an action.
pub(super) fn action_uid(action: Action) -> EntityUid {
    uid("Action", action.as_str())
}

/// The types of entities. To parse a name takes longer than to evaluate a policy.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let names = [
        "Action", "Caller", "Cluster", "Group", "Project", "Scope", "Table", "Target",
    ];
    let parse = |name| EntityTypeName::from_str(name).expect("it is a type of the schema");
    names.map(|name| (name, parse(name))).into()
});

/// An entity's identifier. `kind` is a type of the schema.
pub(super) fn uid(kind: &'static str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(TYPES[kind].clone(), EntityId::new(id))
}

/// For each action, the entities of itself and of its groups.
pub(super) static ACTIONS: LazyLock<HashMap<Action, Entities>> = LazyLock::new(|| {
    let entities = |action: &Action| {
        let uid = action_uid(*action);
        let groups = PARSED.actions.ancestors(&uid).into_iter().flatten();
        let all = groups
            .chain([&uid])
            .filter_map(|uid| PARSED.actions.get(uid));
        let entities = Entities::from_entities(all.cloned(), None);
        (*action, entities.expect("they are of the schema"))
    };
    Action::VARIANTS.iter().map(entities).collect()
});
