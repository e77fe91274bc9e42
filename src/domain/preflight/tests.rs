//! What the simulator's answers come to.

use super::*;
use crate::domain::iam::policies::Conditions;

const ARN: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abcdefghij";
const ABSENT: &str = "arn:aws:iam::123456789012:role/dax-orders-abcdefghij";
const ME: &str = "arn:aws:iam::123456789012:user/portal";

fn permission() -> Permission {
    Permission {
        action: "iam:GetRole".to_owned(),
        resource: "arn:aws:iam::123456789012:role/*dax-orders-??????????".to_owned(),
        conditions: Conditions::new(),
        asked: vec![ARN.to_owned(), ABSENT.to_owned()],
        context: Vec::new(),
    }
}

fn said(resource: &str, refusal: Option<DenialCause>, missing: &[&str]) -> Simulated {
    Simulated {
        action: "iam:getrole".to_owned(),
        resource: resource.to_owned(),
        refusal,
        missing_context: missing.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn check(answers: &[Simulated]) -> Check {
    Check::of_permission(&permission(), ME, answers)
}

#[test]
fn a_permission_is_there_when_every_resource_is_allowed() {
    assert_eq!(
        check(&[said(ARN, None, &[]), said(ABSENT, None, &[])]).grade(),
        CheckStatus::Pass
    );
    let half = check(&[
        said(ARN, None, &[]),
        said(ABSENT, Some(DenialCause::IdentityPolicy), &[]),
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
    // The cure covers the names of the operation to come, not those that were drawn for the question.
    assert_eq!(
        *statement.expect("an Allow helps"),
        permission().statement()
    );
}

#[test]
fn what_the_simulator_cannot_know_is_not_a_missing_permission() {
    for answers in [
        vec![],
        vec![said(ARN, None, &[])],
        vec![
            said(ARN, None, &["aws:MultiFactorAuthPresent"]),
            said(ABSENT, None, &[]),
        ],
        vec![
            said(ARN, Some(DenialCause::IdentityPolicy), &["aws:SourceIp"]),
            said(ABSENT, None, &[]),
        ],
    ] {
        assert_eq!(
            check(&answers).grade(),
            CheckStatus::NotChecked,
            "{answers:?}"
        );
    }
    let named = check(&[
        said(ARN, None, &["aws:SourceIp"]),
        said(ABSENT, None, &["aws:SourceIp"]),
    ]);
    assert!(matches!(named.outcome, Outcome::NotChecked(why) if why.ends_with(": aws:SourceIp")));
}

#[test]
fn a_deny_that_applies_is_final_and_no_statement_cures_it() {
    let denied = check(&[said(ARN, Some(EXPLICIT), &["aws:SourceIp"])]);
    let preflight = Preflight {
        checks: vec![denied],
    };
    assert_eq!(
        (preflight.grade(), preflight.missing_policy()),
        (CheckStatus::Fail, None)
    );
}

#[test]
fn the_whole_is_the_worst_of_its_parts() {
    let (well, unknown) = (Check::pass("a", ""), Check::not_checked("b", ""));
    let bad = check(&[said(ARN, Some(DenialCause::IdentityPolicy), &[])]);
    let grade = |checks: &[&Check]| {
        Preflight {
            checks: checks.iter().map(|&one| one.clone()).collect(),
        }
        .grade()
    };
    assert_eq!(grade(&[&well]), CheckStatus::Pass);
    assert_eq!(grade(&[&well, &unknown]), CheckStatus::NotChecked);
    assert_eq!(grade(&[&well, &unknown, &bad]), CheckStatus::Fail);
    let twice = Preflight {
        checks: vec![bad.clone(), bad],
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
