//! Condition operators: names, typed values, and the comparison of one value.

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::address::Network;
use super::pattern;

/// What a condition compares, without its negation
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Text(TextRelation),
    Numeric(Relation),
    Date(Relation),
    Bool,
    IpAddress,
    Null,
}

/// How two strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextRelation {
    Equal,
    EqualIgnoringCase,
    Like,
    ArnLike,
}

impl TextRelation {
    fn holds(self, actual: &str, expected: &str) -> bool {
        match self {
            TextRelation::Equal => actual == expected,
            TextRelation::EqualIgnoringCase => actual.to_lowercase() == expected.to_lowercase(),
            TextRelation::Like => pattern::matches(expected, actual),
            TextRelation::ArnLike => pattern::arn_matches(expected, actual),
        }
    }
}

/// How two ordered values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::Less => left < right,
            Relation::LessOrEqual => left <= right,
            Relation::Greater => left > right,
            Relation::GreaterOrEqual => left >= right,
        }
    }
}

/// Every operator name with its comparison and whether it is negated.
const NAMES: [(&str, Comparison, bool); 26] = [
    ("StringEquals", Comparison::Text(TextRelation::Equal), false),
    (
        "StringNotEquals",
        Comparison::Text(TextRelation::Equal),
        true,
    ),
    (
        "StringEqualsIgnoreCase",
        Comparison::Text(TextRelation::EqualIgnoringCase),
        false,
    ),
    (
        "StringNotEqualsIgnoreCase",
        Comparison::Text(TextRelation::EqualIgnoringCase),
        true,
    ),
    ("StringLike", Comparison::Text(TextRelation::Like), false),
    ("StringNotLike", Comparison::Text(TextRelation::Like), true),
    ("ArnEquals", Comparison::Text(TextRelation::ArnLike), false),
    ("ArnLike", Comparison::Text(TextRelation::ArnLike), false),
    (
        "ArnNotEquals",
        Comparison::Text(TextRelation::ArnLike),
        true,
    ),
    ("ArnNotLike", Comparison::Text(TextRelation::ArnLike), true),
    ("NumericEquals", Comparison::Numeric(Relation::Equal), false),
    (
        "NumericNotEquals",
        Comparison::Numeric(Relation::Equal),
        true,
    ),
    (
        "NumericLessThan",
        Comparison::Numeric(Relation::Less),
        false,
    ),
    (
        "NumericLessThanEquals",
        Comparison::Numeric(Relation::LessOrEqual),
        false,
    ),
    (
        "NumericGreaterThan",
        Comparison::Numeric(Relation::Greater),
        false,
    ),
    (
        "NumericGreaterThanEquals",
        Comparison::Numeric(Relation::GreaterOrEqual),
        false,
    ),
    ("DateEquals", Comparison::Date(Relation::Equal), false),
    ("DateNotEquals", Comparison::Date(Relation::Equal), true),
    ("DateLessThan", Comparison::Date(Relation::Less), false),
    (
        "DateLessThanEquals",
        Comparison::Date(Relation::LessOrEqual),
        false,
    ),
    (
        "DateGreaterThan",
        Comparison::Date(Relation::Greater),
        false,
    ),
    (
        "DateGreaterThanEquals",
        Comparison::Date(Relation::GreaterOrEqual),
        false,
    ),
    ("Bool", Comparison::Bool, false),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("Null", Comparison::Null, false),
];

/// The comparison of an operator name and whether it is negated; `None` for an unknown name.
pub(super) fn named(name: &str) -> Option<(Comparison, bool)> {
    NAMES
        .iter()
        .find(|(known, _, _)| *known == name)
        .map(|(_, comparison, negated)| (*comparison, *negated))
}

/// A value of a condition, parsed into the type that its operator compares.
#[derive(Clone, Debug)]
pub(super) enum ConditionValue {
    Text(TextRelation, String),
    Number(Relation, f64),
    Time(Relation, i64),
    Boolean(bool),
    Network(Network),
}

impl ConditionValue {
    /// Parses a condition value for an operator; `None` when it is not of the operator's type.
    pub(super) fn parse(comparison: Comparison, text: &str) -> Option<ConditionValue> {
        match comparison {
            Comparison::Text(relation) => Some(ConditionValue::Text(relation, text.to_owned())),
            Comparison::Numeric(relation) => {
                number(text).map(|number| ConditionValue::Number(relation, number))
            }
            Comparison::Date(relation) => {
                time_millis(text).map(|time| ConditionValue::Time(relation, time))
            }
            Comparison::Bool | Comparison::Null => boolean(text).map(ConditionValue::Boolean),
            Comparison::IpAddress => Network::parse(text).map(ConditionValue::Network),
        }
    }

    /// Whether a value of the request matches; `None` when it is not of the operator's type.
    ///
    /// Unlike a mismatch, `None` does not satisfy a negated operator either.
    pub(super) fn matches(&self, actual: &str) -> Option<bool> {
        match self {
            ConditionValue::Text(relation, expected) => Some(relation.holds(actual, expected)),
            ConditionValue::Number(relation, expected) => {
                number(actual).map(|actual| relation.holds(actual, *expected))
            }
            ConditionValue::Time(relation, expected) => {
                time_millis(actual).map(|actual| relation.holds(actual, *expected))
            }
            ConditionValue::Boolean(expected) => boolean(actual).map(|actual| actual == *expected),
            ConditionValue::Network(network) => {
                actual.parse().ok().map(|actual| network.contains(actual))
            }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// Milliseconds since 1970, from a W3C date (RFC 3339, to the minute, or a day) or Unix seconds.
fn time_millis(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1000);
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    }
    let to_the_minute =
        || DateTime::parse_from_str(&text.replace('Z', "+0000"), "%Y-%m-%dT%H:%M%z");
    let time = DateTime::parse_from_rfc3339(text)
        .or_else(|_| to_the_minute())
        .ok()?;
    Some(time.timestamp_millis())
}
