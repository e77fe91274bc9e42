//! Properties of the parser for arbitrary texts: no panic, and nothing that the text lacks.

use proptest::prelude::*;

use super::{Denial, DenialCause, parse};

const USER: &str = "arn:aws:iam::123456789012:user/portal";
const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole";

fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "User: ",
        USER,
        " is not authorized to perform: ",
        "iam:CreateRole",
        "dax:",
        "*",
        " on resource: ",
        "policy ",
        "role ",
        ROLE,
        " because no ",
        "identity-based policy",
        " allows the ",
        " with an explicit deny in a ",
        "permissions boundary",
        ": arn:aws:iam::1:policy/x",
        "é",
        "\n",
        " ",
        "\"",
        "VPC endpoint policﬀ",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_part_of_a_denial_occurs_in_the_text(pieces in prop::collection::vec(piece(), 0..14)) {
        let text = pieces.concat();
        if let Some(denial) = parse(&text) {
            prop_assert!(text.contains(&denial.action), "{}", denial.action);
            prop_assert!(denial.action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()));
            if let Some(arn) = &denial.policy_arn {
                prop_assert!(text.contains(arn.as_str()));
            }
            if let Some(principal) = &denial.principal {
                prop_assert!(text.contains(principal.as_str()));
            }
        }
    }

    #[test]
    fn the_parser_never_panics(text in "(?s).{0,300}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_action_and_resource_are_parsed(
        action in "[a-z0-9-]{1,12}:[A-Z][A-Za-z0-9]{0,20}", name in "[A-Za-z0-9+=,.@_-]{0,39}[A-Za-z0-9+=@_-]", kind in 0usize..3,
    ) {
        let resource = [format!("policy {name}"), format!("role {name}"), format!("arn:aws:iam::1:role/{name}")][kind].clone();
        let text = format!(
            "User: {USER} is not authorized to perform: {action} on resource: {resource} \
             because no session policy allows the {action} action"
        );
        let expected = Denial {
            principal: Some(USER.to_owned()),
            action,
            resource: Some(resource),
            cause: DenialCause::SessionPolicy,
            policy_arn: None,
        };
        prop_assert_eq!(parse(&text), Some(expected));
    }
}
