//! Properties of the evaluation, checked with random policies and requests.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::document::Document;
use super::evaluate::{Authority, Context, Decision, Denial, Request, evaluate};
use super::pattern;

const ACTIONS: [&str; 6] = [
    "iam:CreateRole",
    "iam:PassRole",
    "iam:*",
    "dax:CreateCluster",
    "IAM:create*",
    "*",
];
const RESOURCES: [&str; 5] = [
    "*",
    "arn:aws:iam::123456789012:role/dax-*",
    "arn:aws:iam::123456789012:role/*",
    "arn:aws:iam::123456789012:role/dax-a",
    "arn:aws:iam::123456789012:policy/dax-?",
];

fn condition() -> impl Strategy<Value = Option<Value>> {
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLikeIfExists",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringLike",
        "ArnLike",
    ]);
    let key = prop::sample::select(vec!["iam:PassedToService", "aws:RequestedRegion"]);
    let value = prop::sample::select(vec!["dax.amazonaws.com", "us-*", "us-east-1"]);
    prop::option::of(
        (operator, key, value).prop_map(|(operator, key, value)| json!({operator: {key: value}})),
    )
}

fn statement() -> impl Strategy<Value = Value> {
    (
        prop::bool::ANY,
        prop::sample::select(vec!["Action", "NotAction"]),
        prop::sample::subsequence(ACTIONS.to_vec(), 1..3),
        prop::sample::select(vec!["Resource", "NotResource"]),
        prop::sample::subsequence(RESOURCES.to_vec(), 1..3),
        condition(),
    )
        .prop_map(|(allow, action, actions, resource, resources, condition)| {
            let mut statement = json!({action: actions, resource: resources});
            statement["Effect"] = json!(if allow { "Allow" } else { "Deny" });
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

fn document() -> impl Strategy<Value = Document> {
    prop::collection::vec(statement(), 1..4).prop_map(|statements| {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Document::parse_identity(&text).expect("a valid document")
    })
}

#[derive(Clone, Debug)]
struct RandomRequest {
    action: &'static str,
    resource: &'static str,
    context: Context,
}

fn random_request() -> impl Strategy<Value = RandomRequest> {
    let value = prop::sample::select(vec!["dax.amazonaws.com", "us-east-1", "us-west-2", ""]);
    let key = prop::sample::select(vec!["iam:passedtoservice", "aws:requestedregion"])
        .prop_map(str::to_owned);
    let context = prop::collection::btree_map(
        key,
        prop::collection::vec(value.prop_map(str::to_owned), 0..3),
        0..3,
    );
    let action = prop::sample::select(vec![
        "iam:CreateRole",
        "iam:PassRole",
        "dax:CreateCluster",
        "sts:GetCallerIdentity",
    ]);
    let resource = prop::sample::select(vec![
        "*",
        "arn:aws:iam::123456789012:role/dax-a",
        "arn:aws:iam::123456789012:role/admin",
        "arn:aws:iam::123456789012:policy/dax-b",
    ]);
    (action, resource, context).prop_map(|(action, resource, context)| RandomRequest {
        action,
        resource,
        context,
    })
}

fn decide(
    identity: &[Document],
    boundary: Option<&Document>,
    session: Option<&[Document]>,
    random: &RandomRequest,
) -> Decision {
    let request = Request {
        action: random.action,
        resource: random.resource,
        context: &random.context,
    };
    evaluate(
        &Authority {
            identity,
            boundary,
            session,
            organization: None,
        },
        &request,
    )
}

fn everything(effect: &str) -> Document {
    let statement = json!({"Effect": effect, "Action": "*", "Resource": "*"});
    let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    Document::parse_identity(&text).expect("a valid document")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_explicit_deny_always_wins(mut identity in prop::collection::vec(document(), 0..4), request in random_request()) {
        identity.push(everything("Deny"));
        let allow = everything("Allow");
        let decision = decide(&identity, Some(&allow), Some(std::slice::from_ref(&allow)), &request);
        prop_assert!(matches!(decision, Decision::Denied(Denial::ExplicitDeny(_))));
    }

    #[test]
    fn boundary_and_session_policies_only_restrict(
        identity in prop::collection::vec(document(), 0..3), limit in document(), request in random_request(),
    ) {
        let unrestricted = decide(&identity, None, None, &request);
        let alone = decide(std::slice::from_ref(&limit), None, None, &request);
        let both = unrestricted == Decision::Allowed && alone == Decision::Allowed;
        let bounded = decide(&identity, Some(&limit), None, &request);
        let in_session = decide(&identity, None, Some(std::slice::from_ref(&limit)), &request);
        prop_assert_eq!(bounded == Decision::Allowed, both);
        prop_assert_eq!(in_session == Decision::Allowed, both);
    }

    #[test]
    fn a_boundary_that_allows_everything_has_no_effect(
        identity in prop::collection::vec(document(), 0..3), request in random_request(),
    ) {
        let bounded = decide(&identity, Some(&everything("Allow")), None, &request);
        prop_assert_eq!(bounded, decide(&identity, None, None, &request));
    }

    #[test]
    fn the_order_of_policies_does_not_matter(
        mut identity in prop::collection::vec(document(), 0..4), request in random_request(),
    ) {
        let forwards = decide(&identity, None, None, &request);
        identity.reverse();
        prop_assert_eq!(decide(&identity, None, None, &request), forwards);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}", statement in statement(), cut in 0usize..400) {
        let _ = Document::parse_identity(&text);
        let _ = Document::parse_trust(&text);
        let whole = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let part: String = whole.chars().take(cut).collect();
        prop_assert_eq!(Document::parse_identity(&part).is_ok(), part.len() == whole.len());
    }

    #[test]
    fn an_unknown_operator_is_never_accepted(operator in "[A-Za-z]{1,20}") {
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator.clone(): {"aws:a": "1"}}});
        let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        prop_assume!(super::operator::named(operator.trim_end_matches("IfExists")).is_none());
        prop_assert!(Document::parse_identity(&text).is_err());
    }

    #[test]
    fn wildcards_match_the_reference_implementation(pattern in "[ab*?]{0,7}", text in "[ab]{0,8}") {
        prop_assert_eq!(pattern::matches(&pattern, &text), reference_matches(pattern.as_bytes(), text.as_bytes()));
    }
}

fn reference_matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            reference_matches(rest, text)
                || (!text.is_empty() && reference_matches(pattern, &text[1..]))
        }
        ([b'?', rest @ ..], [_, tail @ ..]) => reference_matches(rest, tail),
        ([wanted, rest @ ..], [actual, tail @ ..]) => {
            wanted == actual && reference_matches(rest, tail)
        }
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}
