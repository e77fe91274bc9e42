//! Properties of the lookup for arbitrary texts: no panic, and no advice about actions that the
//! text does not name.

use proptest::prelude::*;

use super::{ANY_ACTION, RIGHTS_ACTION, RIGHTS_SERVICES, all, lookup};
use crate::domain::pasted;
use crate::domain::problems::pasted_call;

const USER: &str = "arn:aws:iam::123456789012:user/portal";

/// A fragment of an error text.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "User: ",
        USER,
        " is not authorized to perform: ",
        "iam:CreateRole",
        "iam:AttachPolicy",
        "iam:",
        "dax:CreateCluster",
        " on resource: ",
        "policy ",
        "role dax-orders-abcdefghij",
        "arn:aws:dax:us-east-1:123456789012:cache/orders",
        " because no ",
        "identity-based policy allows the iam:CreateRole action",
        "service control policy",
        " with an explicit deny",
        "An error occurred (AccessDenied) when calling the CreateRole operation: ",
        "An error occurred (",
        ") when calling the ",
        " operation",
        "ClusterQuotaForCustomerExceededFault",
        "InvalidParameterValueException",
        "No permission to assume role",
        "Encoded authorization failure message: ",
        "é\u{202e}",
        "\n",
        " ",
        "\"",
    ]);
    prop_oneof![6 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every action and message part of the hints for a text occurs in the text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let normalized = single_spaced(&pasted::unwrap(text).plain);
    for hint in lookup("", "", "", text) {
        let groups = [ANY_ACTION, RIGHTS_ACTION];
        if let Some(action) = hint.action.filter(|action| !groups.contains(action)) {
            prop_assert!(text.contains(action), "{} is not in the text", action);
        }
        if let Some(words) = hint.message {
            prop_assert!(
                normalized.to_lowercase().contains(words),
                "{} is not in the text",
                words
            );
        }
    }
    let pasted = pasted::unwrap(text);
    let call = pasted_call::read(&pasted);
    prop_assert!(pasted.decoded.contains(&call.code), "{}", call.code);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hints_are_only_about_what_the_text_names(pieces in prop::collection::vec(piece(), 0..12)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn the_lookup_never_panics(text in "(?s).{0,200}", service in "[a-z]{0,4}", code in "\\PC{0,12}") {
        check(&text)?;
        let _ = lookup(&service, &text, &code, &text);
        let _ = lookup(&service, &code, &text, &code);
    }

    #[test]
    fn a_row_about_an_action_is_found_by_exactly_that_action(index in 0_usize..1_000, tail in "[A-Za-z]{1,3}") {
        let groups = [ANY_ACTION, RIGHTS_ACTION];
        let actions: Vec<&str> = all().filter_map(|hint| hint.action).filter(|action| !groups.contains(action)).collect();
        let action = actions[index % actions.len()];
        let denied = |action: &str| format!("User: {USER} is not authorized to perform: {action}");
        let of = |text: &str| lookup("", "", "", text).iter().filter_map(|hint| hint.action).collect::<Vec<_>>();
        prop_assert_eq!(of(&denied(action)), vec![action]);
        let longer = format!("{action}{tail}");
        prop_assume!(!actions.contains(&longer.as_str()));
        let is_about_rights = RIGHTS_SERVICES.iter().any(|service| longer.starts_with(service));
        let group = if is_about_rights { RIGHTS_ACTION } else { ANY_ACTION };
        prop_assert_eq!(of(&denied(&longer)), vec![group]);
    }
}
