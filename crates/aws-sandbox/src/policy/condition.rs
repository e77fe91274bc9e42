//! One line of a policy's `Condition` element: operator, key and values.

use std::borrow::Cow;

use serde_json::Value;

use super::document::DocumentFault;
use super::evaluate::Context;
use super::operator::{self, Comparison, ConditionValue};
use super::variables;

/// A valid condition: a known operator with values of its type.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    quantifier: Option<Quantifier>,
    if_exists: bool,
    comparison: Comparison,
    negated: bool,
    /// In lower case.
    key: String,
    /// As the policy spells it.
    spelled: String,
    expected: Vec<ConditionValue>,
}

/// How a condition evaluates a key with several values
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>).
#[derive(Clone, Copy, Debug)]
enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

impl Condition {
    /// Parses the whole `Condition` element of a statement.
    pub(super) fn parse_all(element: &Value) -> Result<Vec<Condition>, DocumentFault> {
        let mut conditions = Vec::new();
        for (operator, keys) in element.as_object().ok_or_else(DocumentFault::syntax)? {
            for (key, values) in keys.as_object().ok_or_else(DocumentFault::syntax)? {
                conditions.push(Condition::parse(operator, key, values)?);
            }
        }
        Ok(conditions)
    }

    fn parse(operator: &str, key: &str, values: &Value) -> Result<Condition, DocumentFault> {
        let operator = ParsedOperator::parse(operator)?;
        let texts = texts(values).ok_or_else(DocumentFault::syntax)?;
        let expected = texts
            .iter()
            .map(|text| ConditionValue::parse(operator.comparison, text))
            .collect::<Option<Vec<_>>>();
        let expected = expected
            .filter(|expected| !expected.is_empty())
            .ok_or_else(DocumentFault::syntax)?;
        Ok(Condition {
            quantifier: operator.quantifier,
            if_exists: operator.if_exists,
            comparison: operator.comparison,
            negated: operator.negated,
            key: key.to_lowercase(),
            spelled: key.to_owned(),
            expected,
        })
    }

    /// The condition key as the policy spells it, if a request's context lacks it.
    pub(super) fn missing_key(&self, context: &Context) -> Option<&str> {
        (!context.contains_key(&self.key)).then_some(&*self.spelled)
    }

    /// Whether the request's context satisfies this condition.
    ///
    /// As in IAM, a missing key makes a positive operator false and a negated one true.
    pub(super) fn holds(&self, context: &Context) -> bool {
        self.resolved(context)
            .is_some_and(|condition| condition.holds_resolved(context))
    }

    fn holds_resolved(&self, context: &Context) -> bool {
        let values = context.get(&self.key).filter(|values| !values.is_empty());
        if self.comparison == Comparison::Null {
            return self.expects_absence(values.is_none());
        }
        let Some(values) = values else {
            return self.if_exists || self.holds_without_key();
        };
        match self.quantifier {
            Some(Quantifier::ForAllValues) => values.iter().all(|value| self.accepts(value)),
            Some(Quantifier::ForAnyValue) => values.iter().any(|value| self.accepts(value)),
            None if self.negated => values.iter().all(|value| self.accepts(value)),
            None => values.iter().any(|value| self.accepts(value)),
        }
    }

    /// The condition with the values of its variables; `None` if one has no value.
    fn resolved(&self, context: &Context) -> Option<Cow<'_, Condition>> {
        let has_variable = |value: &ConditionValue| matches!(value, ConditionValue::Text(_, text) if text.contains("${"));
        if !self.expected.iter().any(has_variable) {
            return Some(Cow::Borrowed(self));
        }
        let resolve = |value: &ConditionValue| match value {
            ConditionValue::Text(relation, text) => {
                let text = variables::resolve(text, context)?.into_owned();
                Some(ConditionValue::Text(*relation, text))
            }
            other => Some(other.clone()),
        };
        let expected: Option<Vec<_>> = self.expected.iter().map(resolve).collect();
        Some(Cow::Owned(Condition {
            expected: expected?,
            ..self.clone()
        }))
    }

    fn expects_absence(&self, absent: bool) -> bool {
        self.expected.iter().any(|expected| match expected {
            ConditionValue::Boolean(expected) => *expected == absent,
            ConditionValue::Text(..)
            | ConditionValue::Number(..)
            | ConditionValue::Time(..)
            | ConditionValue::Network(_) => false,
        })
    }

    fn holds_without_key(&self) -> bool {
        match self.quantifier {
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => self.negated,
        }
    }

    /// Whether one value matches an expected value, or none of them if negated.
    ///
    /// A value of another type is never accepted.
    fn accepts(&self, actual: &str) -> bool {
        let outcomes: Option<Vec<bool>> = self
            .expected
            .iter()
            .map(|expected| expected.matches(actual))
            .collect();
        outcomes.is_some_and(|outcomes| outcomes.contains(&true) != self.negated)
    }
}

/// The parts of an operator's name.
struct ParsedOperator {
    quantifier: Option<Quantifier>,
    if_exists: bool,
    comparison: Comparison,
    negated: bool,
}

impl ParsedOperator {
    fn parse(name: &str) -> Result<ParsedOperator, DocumentFault> {
        let (quantifier, name) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Some(Quantifier::ForAllValues), rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Some(Quantifier::ForAnyValue), rest)
        } else {
            (None, name)
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let (comparison, negated) = operator::named(name).ok_or_else(DocumentFault::syntax)?;
        if comparison == Comparison::Null && (if_exists || quantifier.is_some()) {
            return Err(DocumentFault::syntax());
        }
        Ok(ParsedOperator {
            quantifier,
            if_exists,
            comparison,
            negated,
        })
    }
}

fn texts(values: &Value) -> Option<Vec<String>> {
    match values {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Null | Value::Object(_) => {
            Some(vec![text(values)?])
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
