//! One statement of a policy document.

use serde_json::{Map, Value};

use super::action::check_action;
use super::condition::Condition;
use super::document::DocumentFault;
use super::evaluate::Context;
use super::pattern;
use super::principal::Principals;
use super::resource::check_resource;
use super::variables;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// The type of policy that contains a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyType {
    Identity,
    Trust,
}

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) principals: Option<Principals>,
    actions: Selection,
    resources: Selection,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
enum Selection {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Selection {
    fn covers(&self, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Selection::Only(patterns) => patterns.iter().any(|pattern| matches(pattern)),
            Selection::AllBut(patterns) => !patterns.iter().any(|pattern| matches(pattern)),
        }
    }

    fn is_negated(&self) -> bool {
        matches!(self, Selection::AllBut(_))
    }

    fn patterns(&self) -> &[String] {
        match self {
            Selection::Only(patterns) | Selection::AllBut(patterns) => patterns,
        }
    }
}

impl Statement {
    /// Parses one statement by the rules of its type of policy.
    pub(super) fn parse(
        value: &Value,
        policy_type: PolicyType,
    ) -> Result<Statement, DocumentFault> {
        let elements = value.as_object().ok_or_else(DocumentFault::syntax)?;
        reject_unknown_elements(elements)?;
        let effect = parse_effect(elements)?;
        let principals = parse_principals(elements, policy_type)?;
        let conditions = elements
            .get("Condition")
            .map_or_else(|| Ok(Vec::new()), Condition::parse_all)?;
        let actions = selection(elements, "Action", "NotAction")?
            .ok_or_else(|| DocumentFault::new("Policy statement must contain actions."))?;
        let resources = parse_resources(elements, policy_type)?;
        for action in actions.patterns() {
            check_action(action, policy_type)?;
        }
        Ok(Statement {
            effect,
            principals,
            actions,
            resources,
            conditions,
        })
    }

    /// Whether this statement applies to a request.
    pub(super) fn applies(&self, action: &str, resource: &str, context: &Context) -> bool {
        self.covers(action, resource, context) && self.conditions_hold(context)
    }

    /// Whether this statement covers an action on a resource, regardless of its conditions.
    pub(super) fn covers(&self, action: &str, resource: &str, context: &Context) -> bool {
        let is_unresolved = |pattern: &String| variables::resolve(pattern, context).is_none();
        let names = |pattern: &str| {
            variables::resolve(pattern, context)
                .is_some_and(|pattern| pattern::matches(&pattern, resource))
        };
        self.covers_action(action)
            && self.resources.covers(names)
            && !(self.resources.is_negated() && self.resources.patterns().iter().any(is_unresolved))
    }

    /// The condition keys of the statement that a request's context lacks.
    pub(super) fn missing_keys(&self, context: &Context) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter();
        conditions.filter_map(|condition| condition.missing_key(context))
    }

    pub(super) fn covers_action(&self, action: &str) -> bool {
        self.actions
            .covers(|pattern| pattern::matches_ignoring_case(pattern, action))
    }

    pub(super) fn conditions_hold(&self, context: &Context) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(context))
    }
}

fn reject_unknown_elements(elements: &Map<String, Value>) -> Result<(), DocumentFault> {
    const KNOWN: [&str; 9] = [
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    ];
    if elements.keys().all(|name| KNOWN.contains(&name.as_str())) {
        Ok(())
    } else {
        Err(DocumentFault::syntax())
    }
}

fn parse_effect(elements: &Map<String, Value>) -> Result<Effect, DocumentFault> {
    match elements.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        Some(text) if ["allow", "deny"].contains(&text.to_ascii_lowercase().as_str()) => {
            Err(DocumentFault::new("The policy failed legacy parsing"))
        }
        Some(_) | None => Err(DocumentFault::syntax()),
    }
}

fn parse_principals(
    elements: &Map<String, Value>,
    policy_type: PolicyType,
) -> Result<Option<Principals>, DocumentFault> {
    let named = elements.get("Principal");
    let excluded = elements.contains_key("NotPrincipal");
    match (policy_type, named) {
        (PolicyType::Identity, None) if !excluded => Ok(None),
        (PolicyType::Identity, Some(_) | None) => Err(DocumentFault::new(
            "Policy document should not specify a principal.",
        )),
        (PolicyType::Trust, Some(principal)) if !excluded => Principals::parse(principal).map(Some),
        (PolicyType::Trust, Some(_)) => Err(DocumentFault::syntax()),
        (PolicyType::Trust, None) if excluded => {
            Err(DocumentFault::new("Has prohibited field NotPrincipal."))
        }
        (PolicyType::Trust, None) => Err(DocumentFault::new("Missing required field Principal")),
    }
}

fn parse_resources(
    elements: &Map<String, Value>,
    policy_type: PolicyType,
) -> Result<Selection, DocumentFault> {
    match policy_type {
        PolicyType::Trust
            if elements.contains_key("Resource") || elements.contains_key("NotResource") =>
        {
            Err(DocumentFault::new("Has prohibited field Resource."))
        }
        PolicyType::Trust => Ok(Selection::Only(vec!["*".to_owned()])),
        PolicyType::Identity => {
            let resources = selection(elements, "Resource", "NotResource")?
                .ok_or_else(|| DocumentFault::new("Policy statement must contain resources."))?;
            for resource in resources.patterns() {
                check_resource(resource)?;
            }
            Ok(resources)
        }
    }
}

/// Parses an element or its negation; both together are an error.
///
/// `None` when neither is present, or when it is empty.
fn selection(
    elements: &Map<String, Value>,
    name: &str,
    negation: &str,
) -> Result<Option<Selection>, DocumentFault> {
    let (value, variant): (&Value, fn(Vec<String>) -> Selection) =
        match (elements.get(name), elements.get(negation)) {
            (Some(_), Some(_)) => return Err(DocumentFault::syntax()),
            (Some(value), None) => (value, Selection::Only),
            (None, Some(value)) => (value, Selection::AllBut),
            (None, None) => return Ok(None),
        };
    let patterns: Option<Vec<String>> = match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let patterns = patterns.ok_or_else(DocumentFault::syntax)?;
    Ok((!patterns.is_empty()).then(|| variant(patterns)))
}
