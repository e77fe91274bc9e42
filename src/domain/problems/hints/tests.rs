//! The table is whole: every error of the models, every permission and every cause has its row, and each says its own.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{ANY_SERVICE, Hint, all, codes, lookup};
use crate::domain::iam::policies::Values;
use crate::domain::iam::policies::service::{DAX_ACTIONS, ServiceScope, service_policy};

/// `(service, operation, code)` of each line of the list.
fn modelled() -> Vec<(&'static str, &'static str, &'static str)> {
    include_str!("modelled_errors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("three words in a line");
            (word(), word(), word())
        })
        .collect()
}

#[test]
fn every_modelled_error_has_a_row_of_its_service() {
    let errors = modelled();
    assert!(errors.len() > 150, "the list was cut");
    println!(
        "hints: {} rows for {} modelled errors",
        all().count(),
        errors.len()
    );
    for (service, operation, code) in errors {
        let hints = lookup(service, operation, code, "");
        assert_eq!(hints.len(), 1, "{service} {operation} {code}: {hints:?}");
        assert_eq!(hints[0].service, service, "{operation} {code}");
        assert_eq!(codes::canonical(hints[0].code), codes::canonical(code));
        assert!(hints[0].operations.is_empty() || hints[0].operations.contains(&operation));
    }
}

/// Every AWS call in our code, read from the code itself.
#[test]
fn every_call_we_make_is_in_the_list() {
    let listed: BTreeSet<(&str, &str)> = modelled()
        .into_iter()
        .map(|(service, call, _)| (service, call))
        .collect();
    let sources = [
        include_str!("../../../aws/dax.rs"),
        include_str!("../../../aws/iam.rs"),
        include_str!("../../../aws/simulate.rs"),
        include_str!("../../../aws/identity.rs"),
        include_str!("../../../aws/lookups/built_in.rs"),
        include_str!("../../mutation.rs"),
    ];
    let call = Regex::new(r#"\("(dax|dynamodb|iam|sts)", "([A-Z][A-Za-z]+)""#)
        .expect("the pattern is valid");
    let mut seen = BTreeSet::new();
    for source in sources {
        for found in call.captures_iter(source) {
            let (_, [service, operation]) = found.extract();
            seen.insert((service, operation));
        }
    }
    assert!(seen.len() >= 14 + 13, "{seen:?}");
    // The API model of STS gives GetCallerIdentity no error.
    seen.remove(&("sts", "GetCallerIdentity"));
    let missing: Vec<_> = seen.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_row_speaks_of_an_error_that_no_model_has() {
    let errors = modelled();
    let is_modelled = |hint: &Hint, operation: &str| {
        errors.iter().any(|(service, name, code)| {
            (*service, *name) == (hint.service, operation)
                && codes::canonical(code) == codes::canonical(hint.code)
        })
    };
    for hint in all() {
        for operation in hint.operations {
            assert!(
                is_modelled(hint, operation),
                "{}: {operation} never says {}",
                hint.id,
                hint.code
            );
        }
    }
}

#[test]
fn every_permission_we_ask_for_has_a_row() {
    let scope = ServiceScope {
        partition: "aws",
        account_id: "123456789012",
        region: "us-west-2",
        boundary_arn: None,
        service_role_arns: &[],
        lookups: true,
    };
    let granted =
        service_policy(&scope)
            .statement
            .into_iter()
            .flat_map(|statement| match statement.action {
                Values::One(action) => vec![action],
                Values::Many(actions) => actions,
            });
    let others = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "iam:SimulatePrincipalPolicy",
        "sts:GetCallerIdentity",
        "dynamodb:DescribeTable",
    ];
    let wanted: BTreeSet<String> = granted.chain(others.map(str::to_owned)).collect();
    assert!(wanted.len() >= 21 + 18 + 4 + 6 + 4);
    for action in wanted {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/x is not authorized to perform: {action}"
        );
        let hints = lookup("", "", "AccessDenied", &message);
        assert_eq!(
            hints.iter().map(|hint| hint.action).collect::<Vec<_>>(),
            [Some(action.as_str())]
        );
        assert!(
            hints[0].title.contains(action.as_str()),
            "{}",
            hints[0].title
        );
        assert!(
            hints[0].explanation.contains(&format!("`{action}`")),
            "{}",
            hints[0].explanation
        );
    }
    assert_eq!(DAX_ACTIONS.len(), 21);
}

#[test]
fn the_guide_s_rows_are_word_for_word() {
    for (tail, title) in [
        (
            "iam:CreateRole on resource: arn:aws:iam::123456789012:role/service-role/r",
            "Add iam:CreateRole to your user policy.",
        ),
        (
            "iam:CreatePolicy on resource: policy p",
            "Add iam:CreatePolicy to your user policy.",
        ),
        (
            "iam:AttachRolePolicy on resource: role r",
            "Add iam:AttachRolePolicy to your user policy.",
        ),
    ] {
        let message =
            format!("User: arn:aws:iam::123456789012:user/x is not authorized to perform: {tail}");
        let hints = lookup("iam", "", "AccessDenied", &message);
        assert_eq!(
            hints.iter().map(|hint| hint.title).collect::<Vec<_>>(),
            [title]
        );
        assert!(hints[0].documentation.ends_with("DAX.create-cluster.html"));
    }
}

#[test]
fn the_guide_s_slip_is_explained_and_never_recommended() {
    let slip = "iam:AttachPolicy";
    assert!(all().all(|hint| !hint.title.contains(slip) && hint.action != Some(slip)));
    let explained: Vec<&Hint> = all()
        .filter(|hint| hint.explanation.contains(slip))
        .collect();
    assert_eq!(
        explained.iter().map(|hint| hint.id).collect::<Vec<_>>(),
        ["iam_attach_role_policy"]
    );
    assert!(explained[0].explanation.contains("IAM has no such action"));
}

#[test]
fn no_two_rows_say_the_same_and_none_says_nothing() {
    let mut ids = BTreeSet::new();
    let mut explanations = BTreeMap::new();
    let mut titles = BTreeMap::new();
    for hint in all() {
        assert!(ids.insert(hint.id), "{} twice", hint.id);
        if let Some(other) = explanations.insert(hint.explanation, hint.id) {
            panic!("{} explains what {other} does", hint.id);
        }
        if let Some(other) = titles.insert(hint.title, hint.id) {
            panic!("{} has the title of {other}", hint.id);
        }
        // An action, field, limit or command stands in back quotes.
        assert!(
            hint.explanation.matches('`').count() >= 2,
            "{} names nothing",
            hint.id
        );
        assert_eq!(hint.explanation.matches('`').count() % 2, 0, "{}", hint.id);
        assert!(
            hint.explanation.ends_with('.') && hint.title.ends_with('.'),
            "{}",
            hint.id
        );
        assert!(
            hint.explanation.len() > 60 && hint.title.len() < 120,
            "{}",
            hint.id
        );
        assert!(
            hint.documentation
                .starts_with("https://docs.aws.amazon.com/"),
            "{}",
            hint.id
        );
        assert!(
            [ANY_SERVICE, "iam", "dax", "ec2", "sts", "dynamodb", "sns"].contains(&hint.service),
            "{}",
            hint.id
        );
        assert!(!hint.code.is_empty() && !hint.id.is_empty());
        assert!(
            hint.message
                .is_none_or(|words| words == words.to_lowercase()),
            "{}",
            hint.id
        );
    }
}
