//! Condition operators with present, missing and mistyped values.

use serde_json::Value;

use super::{Condition, Context};

fn context(pairs: &[(&str, &[&str])]) -> Context {
    pairs
        .iter()
        .map(|(key, values)| {
            (
                (*key).to_owned(),
                values.iter().map(|v| (*v).to_owned()).collect(),
            )
        })
        .collect()
}

fn holds(condition: &str, context: &Context) -> bool {
    let element: Value = serde_json::from_str(condition).expect("JSON");
    let conditions = Condition::parse_all(&element).expect("valid conditions");
    conditions.iter().all(|condition| condition.holds(context))
}

#[test]
fn operators_compare_as_documented() {
    for (condition, value, expected) in [
        (r#"{"StringEquals":{"AWS:a":["x","y"]}}"#, "y", true),
        (r#"{"StringEquals":{"aws:a":"x"}}"#, "X", false),
        (r#"{"StringEqualsIgnoreCase":{"aws:a":"x"}}"#, "X", true),
        (r#"{"StringNotEquals":{"aws:a":["x","y"]}}"#, "y", false),
        (r#"{"StringNotEquals":{"aws:a":["x","y"]}}"#, "z", true),
        (r#"{"StringNotEqualsIgnoreCase":{"aws:a":"x"}}"#, "X", false),
        (r#"{"StringLike":{"aws:a":"a*c"}}"#, "abc", true),
        (r#"{"StringEquals":{"aws:a":"a*c"}}"#, "abc", false),
        (r#"{"StringNotLike":{"aws:a":"a*"}}"#, "abc", false),
        (
            r#"{"ArnLike":{"aws:a":"arn:aws:iam::*:policy/dax-*"}}"#,
            "arn:aws:iam::1:policy/dax-p",
            true,
        ),
        (
            r#"{"ArnEquals":{"aws:a":"arn:aws:iam::*:policy/dax-*"}}"#,
            "arn:aws:iam::1:policy/dax-p",
            true,
        ),
        (
            r#"{"ArnEquals":{"aws:a":"arn:aws:*"}}"#,
            "arn:aws:iam::1:policy/dax-p",
            false,
        ),
        (
            r#"{"ArnNotLike":{"aws:a":"arn:aws:iam::1:policy/*"}}"#,
            "arn:aws:iam::1:policy/p",
            false,
        ),
        (
            r#"{"ArnNotEquals":{"aws:a":"arn:aws:iam::1:policy/*"}}"#,
            "arn:aws:iam::2:policy/p",
            true,
        ),
        (r#"{"Bool":{"aws:a":"true"}}"#, "true", true),
        (r#"{"Bool":{"aws:a":false}}"#, "true", false),
        (r#"{"NumericLessThan":{"aws:a":"10"}}"#, "9", true),
        (r#"{"NumericLessThanEquals":{"aws:a":10}}"#, "10", true),
        (r#"{"NumericGreaterThan":{"aws:a":"10"}}"#, "10", false),
        (
            r#"{"NumericGreaterThanEquals":{"aws:a":"10"}}"#,
            "10.5",
            true,
        ),
        (r#"{"NumericEquals":{"aws:a":"10"}}"#, "10.0", true),
        (r#"{"NumericNotEquals":{"aws:a":"10"}}"#, "11", true),
        (r#"{"NumericNotEquals":{"aws:a":"10"}}"#, "eleven", false),
        (
            r#"{"DateGreaterThan":{"aws:a":"2020-04-01T00:00:00Z"}}"#,
            "2020-04-01T00:00:01Z",
            true,
        ),
        (
            r#"{"DateLessThan":{"aws:a":"2020-04-01"}}"#,
            "1585699199",
            true,
        ),
        (
            r#"{"DateEquals":{"aws:a":"2020-04-01T00:00Z"}}"#,
            "1585699200",
            true,
        ),
        (
            r#"{"DateNotEquals":{"aws:a":"2020-04-01T00:00Z"}}"#,
            "1585699200",
            false,
        ),
        (
            r#"{"DateLessThanEquals":{"aws:a":"2020-04-01T00:00:00Z"}}"#,
            "2020-04-01T00:00:00Z",
            true,
        ),
        (
            r#"{"DateGreaterThanEquals":{"aws:a":"2020-04-01T00:00:00Z"}}"#,
            "2020-03-31T23:59:59Z",
            false,
        ),
        (
            r#"{"IpAddress":{"aws:a":"203.0.113.0/24"}}"#,
            "203.0.113.9",
            true,
        ),
        (
            r#"{"NotIpAddress":{"aws:a":"203.0.113.0/24"}}"#,
            "203.0.113.9",
            false,
        ),
        (
            r#"{"NotIpAddress":{"aws:a":"203.0.113.0/24"}}"#,
            "nonsense",
            false,
        ),
        (r#"{"Null":{"aws:a":"true"}}"#, "x", false),
        (r#"{"Null":{"aws:a":"false"}}"#, "x", true),
        (r#"{"StringEquals":{"aws:a":"x","aws:b":"y"}}"#, "x", false),
    ] {
        assert_eq!(
            holds(condition, &context(&[("aws:a", &[value])])),
            expected,
            "{condition} on {value}"
        );
    }
}

#[test]
fn a_missing_key_fails_positive_operators_and_passes_negated_ones() {
    for (condition, expected) in [
        (r#"{"StringEquals":{"aws:a":"x"}}"#, false),
        (r#"{"StringNotEquals":{"aws:a":"x"}}"#, true),
        (r#"{"StringNotLike":{"aws:a":"*"}}"#, true),
        (r#"{"NumericGreaterThan":{"aws:a":"1"}}"#, false),
        (r#"{"NotIpAddress":{"aws:a":"10.0.0.0/8"}}"#, true),
        (r#"{"Bool":{"aws:a":"false"}}"#, false),
        (r#"{"StringEqualsIfExists":{"aws:a":"x"}}"#, true),
        (r#"{"Null":{"aws:a":"true"}}"#, true),
        (r#"{"Null":{"aws:a":"false"}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"aws:a":"x"}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"aws:a":"x"}}"#, false),
        (r#"{"ForAnyValue:StringNotEquals":{"aws:a":"x"}}"#, false),
        (
            r#"{"ForAnyValue:StringEqualsIfExists":{"aws:a":"x"}}"#,
            true,
        ),
    ] {
        assert_eq!(holds(condition, &Context::new()), expected, "{condition}");
        assert_eq!(
            holds(condition, &context(&[("aws:a", &[])])),
            expected,
            "{condition} on the empty set"
        );
    }
}

#[test]
fn quantifiers_apply_to_keys_with_several_values() {
    for (operator, values, expected) in [
        ("ForAllValues:StringEquals", &["x", "y"][..], true),
        ("ForAllValues:StringEquals", &["x", "z"][..], false),
        ("ForAnyValue:StringEquals", &["x", "z"][..], true),
        ("ForAnyValue:StringEquals", &["z"][..], false),
        ("ForAllValues:StringNotEquals", &["z", "x"][..], false),
        ("ForAllValues:StringNotEquals", &["z", "w"][..], true),
        ("ForAnyValue:StringNotEquals", &["z", "x"][..], true),
        ("ForAnyValue:StringNotEquals", &["x", "y"][..], false),
        ("StringEquals", &["z", "x"][..], true),
        ("StringNotEquals", &["z", "x"][..], false),
    ] {
        let condition = format!(r#"{{"{operator}":{{"aws:TagKeys":["x","y"]}}}}"#);
        assert_eq!(
            holds(&condition, &context(&[("aws:tagkeys", values)])),
            expected,
            "{operator} on {values:?}"
        );
    }
}
