//! The table is complete: every modelled error, every permission and every cause has its own row.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{ANY_SERVICE, Hint, all, lookup};
use crate::domain::iam::policies::Values;
use crate::domain::iam::policies::service::{DAX_ACTIONS, ServiceScope, service_policy};
use crate::domain::problems::aws_codes;

/// `(service, operation, code)` of each line of `modelled_errors.txt`.
fn modelled() -> Vec<(&'static str, &'static str, &'static str)> {
    include_str!("modelled_errors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split(' ');
            let mut column = || columns.next().expect("a line has three columns");
            (column(), column(), column())
        })
        .collect()
}

#[test]
fn every_modelled_error_has_a_row_of_its_service() {
    let errors = modelled();
    assert!(errors.len() > 150, "the list is incomplete");
    println!(
        "hints: {} rows for {} modelled errors",
        all().count(),
        errors.len()
    );
    for (service, operation, code) in errors {
        let hints = lookup(service, operation, code, "");
        assert_eq!(hints.len(), 1, "{service} {operation} {code}: {hints:?}");
        assert_eq!(hints[0].service, service, "{operation} {code}");
        assert_eq!(
            aws_codes::normalize(hints[0].code),
            aws_codes::normalize(code)
        );
        assert!(hints[0].operations.is_empty() || hints[0].operations.contains(&operation));
    }
}

/// Extracts the AWS calls from the source code.
#[test]
fn every_call_of_this_service_is_in_the_list() {
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
    let mut calls = BTreeSet::new();
    for source in sources {
        for captures in call.captures_iter(source) {
            let (_, [service, operation]) = captures.extract();
            calls.insert((service, operation));
        }
    }
    assert!(calls.len() >= 14 + 13, "{calls:?}");
    // The API model of STS lists no error for GetCallerIdentity.
    calls.remove(&("sts", "GetCallerIdentity"));
    let missing: Vec<_> = calls.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_row_names_an_operation_that_cannot_return_its_code() {
    let errors = modelled();
    let is_modelled = |hint: &Hint, operation: &str| {
        errors.iter().any(|(service, name, code)| {
            (*service, *name) == (hint.service, operation)
                && aws_codes::normalize(code) == aws_codes::normalize(hint.code)
        })
    };
    for hint in all() {
        for operation in hint.operations {
            assert!(
                is_modelled(hint, operation),
                "{}: {operation} never returns {}",
                hint.id,
                hint.code
            );
        }
    }
}

#[test]
fn every_permission_of_this_service_has_a_row() {
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
    let actions: BTreeSet<String> = granted.chain(others.map(str::to_owned)).collect();
    assert!(actions.len() >= 21 + 18 + 4 + 6 + 4);
    for action in actions {
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
fn the_titles_of_the_guide_are_quoted_literally() {
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
fn the_action_that_the_guide_misspells_is_never_recommended() {
    let misspelt = "iam:AttachPolicy";
    assert!(all().all(|hint| !hint.title.contains(misspelt) && hint.action != Some(misspelt)));
    let explained: Vec<&Hint> = all()
        .filter(|hint| hint.explanation.contains(misspelt))
        .collect();
    assert_eq!(
        explained.iter().map(|hint| hint.id).collect::<Vec<_>>(),
        ["iam_attach_role_policy"]
    );
    assert!(explained[0].explanation.contains("IAM has no such action"));
}

#[test]
fn every_row_has_its_own_complete_texts() {
    let mut ids = BTreeSet::new();
    let mut explanations = BTreeMap::new();
    let mut titles = BTreeMap::new();
    for hint in all() {
        assert!(ids.insert(hint.id), "duplicate {}", hint.id);
        if let Some(other) = explanations.insert(hint.explanation, hint.id) {
            panic!("{} has the explanation of {other}", hint.id);
        }
        if let Some(other) = titles.insert(hint.title, hint.id) {
            panic!("{} has the title of {other}", hint.id);
        }
        // Backticks enclose an action, field, limit or command.
        assert!(
            hint.explanation.matches('`').count() >= 2,
            "{} has nothing in backticks",
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
