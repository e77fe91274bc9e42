//! Tests of how simulator decisions become checks.

use super::*;
use crate::domain::iam::policies::Conditions;

const ARN: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abcdefghij";
const ABSENT: &str = "arn:aws:iam::123456789012:role/dax-orders-abcdefghij";
const PRINCIPAL: &str = "arn:aws:iam::123456789012:user/portal";

fn permission() -> Permission {
    Permission {
        action: "iam:GetRole".to_owned(),
        resource: "arn:aws:iam::123456789012:role/*dax-orders-??????????".to_owned(),
        conditions: Conditions::new(),
        simulated_on: vec![ARN.to_owned(), ABSENT.to_owned()],
        context: Vec::new(),
    }
}

fn decision(resource: &str, denied: Option<DenialCause>, missing: &[&str]) -> Simulated {
    Simulated {
        action: "iam:getrole".to_owned(),
        resource: resource.to_owned(),
        denied,
        missing_context: missing.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn check(decisions: &[Simulated]) -> Check {
    Check::of_permission(&permission(), PRINCIPAL, decisions)
}

#[test]
fn a_permission_passes_if_every_resource_is_allowed() {
    assert_eq!(
        check(&[decision(ARN, None, &[]), decision(ABSENT, None, &[])]).status(),
        CheckStatus::Pass
    );
    let half = check(&[
        decision(ARN, None, &[]),
        decision(ABSENT, Some(DenialCause::IdentityPolicy), &[]),
    ]);
    let Outcome::Fail(Finding {
        predicted: Some(PredictedError::Denial { denial, statement }),
        ..
    }) = half.outcome
    else {
        panic!("{half:?}");
    };
    assert_eq!(
        (denial.resource.as_deref(), denial.action.as_str()),
        (Some(ABSENT), "iam:GetRole")
    );
    // The statement covers every suffix, not only the one that was simulated.
    assert_eq!(
        *statement.expect("an Allow helps"),
        permission().statement()
    );
}

#[test]
fn an_undecided_simulation_is_not_a_missing_permission() {
    for decisions in [
        vec![],
        vec![decision(ARN, None, &[])],
        vec![
            decision(ARN, None, &["aws:MultiFactorAuthPresent"]),
            decision(ABSENT, None, &[]),
        ],
        vec![
            decision(ARN, Some(DenialCause::IdentityPolicy), &["aws:SourceIp"]),
            decision(ABSENT, None, &[]),
        ],
    ] {
        assert_eq!(
            check(&decisions).status(),
            CheckStatus::NotChecked,
            "{decisions:?}"
        );
    }
    let named = check(&[
        decision(ARN, None, &["aws:SourceIp"]),
        decision(ABSENT, None, &["aws:SourceIp"]),
    ]);
    assert!(
        matches!(named.outcome, Outcome::NotChecked(why) if why.detail.ends_with(": aws:SourceIp"))
    );
}

#[test]
fn an_explicit_deny_is_final_and_no_statement_would_help() {
    let denied = check(&[decision(ARN, Some(EXPLICIT), &["aws:SourceIp"])]);
    let preflight = Preflight {
        checks: vec![denied],
    };
    assert_eq!(
        (preflight.status(), preflight.missing_policy()),
        (CheckStatus::Fail, None)
    );
}

#[test]
fn the_status_of_a_preflight_is_that_of_its_worst_check() {
    let (passed, unknown) = (Check::pass("a", ""), Check::not_checked("b", ""));
    let failed = check(&[decision(ARN, Some(DenialCause::IdentityPolicy), &[])]);
    let status = |checks: &[&Check]| {
        Preflight {
            checks: checks.iter().map(|&one| one.clone()).collect(),
        }
        .status()
    };
    assert_eq!(status(&[&passed]), CheckStatus::Pass);
    assert_eq!(status(&[&passed, &unknown]), CheckStatus::NotChecked);
    assert_eq!(status(&[&passed, &unknown, &failed]), CheckStatus::Fail);
    let twice = Preflight {
        checks: vec![failed.clone(), failed],
    };
    assert_eq!(
        twice
            .missing_policy()
            .expect("an Allow helps")
            .statement
            .len(),
        1
    );
}

#[test]
fn a_denial_by_the_organisation_is_not_certain() {
    let denied = Some(DenialCause::ServiceControlPolicy);
    let decisions = [decision(ARN, denied, &[]), decision(ABSENT, None, &[])];
    let check = check(&decisions);
    assert_eq!(check.status(), CheckStatus::NotChecked);
    let preflight = Preflight {
        checks: vec![check],
    };
    assert_eq!(preflight.missing_policy(), None);
}

#[test]
fn a_check_that_is_left_out_does_not_keep_a_preflight_from_passing() {
    let checks = vec![Check::pass("a", "ok"), Check::left_out("b", "by design")];
    let mut preflight = Preflight { checks };
    assert_eq!(preflight.checks[1].status(), CheckStatus::NotChecked);
    assert_eq!(preflight.status(), CheckStatus::Pass);
    preflight.checks.push(Check::not_checked("c", "denied"));
    assert_eq!(preflight.status(), CheckStatus::NotChecked);
}
