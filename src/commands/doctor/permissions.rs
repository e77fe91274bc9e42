//! Checks of the permissions in the service's own policy, with IAM's policy simulator.

use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::domain::iam::policies::service::{ServiceScope, service_policy};
use crate::domain::iam::policies::simulation::permissions_of;
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{self, PredictedError};
use crate::inspections::Inspector;
use crate::inspections::plan::permissions::region_of;

use super::{BOUNDARY, Check, Outcome};

/// The name of the line for all permissions, if the simulator is unavailable.
pub(super) const ALL: &str = "permissions";

/// Compares the boundary with the one this program prints.
pub(super) async fn boundary(aws: &Aws, account: &AwsAccount, arn: &str) -> Check {
    let check = Inspector::new(aws.clone())
        .boundary_check(account, arn)
        .await;
    let fix = "create the policy that `policy --boundary` prints, and allow the service to read it, as \
               `policy` prints it; it limits what the service's roles can do";
    let outcome = match outcome(check.outcome) {
        Outcome::Fail(problem, _) => Outcome::Fail(problem, fix.to_owned()),
        other => other,
    };
    Check::new(BOUNDARY, outcome)
}

/// One line per permission that is not allowed and one for the others, or one per permission if
/// `verbose`. A single line if the simulator is unavailable.
pub(super) async fn checks(
    aws: &Aws,
    account: &AwsAccount,
    boundary: Option<&str>,
    is_verbose: bool,
) -> Vec<Check> {
    let policy = service_policy(&ServiceScope {
        partition: &account.partition,
        account_id: &account.account_id,
        region: &account.region,
        boundary_arn: boundary,
        service_role_arns: &[],
        lookups: LOOKUPS_BUILT_IN,
    });
    let permissions = permissions_of(&policy, |action| region_of(action, account));
    let checks = Inspector::new(aws.clone())
        .permission_checks(&permissions)
        .await;
    let mut reasons = checks.iter().map(|check| match &check.outcome {
        preflight::Outcome::NotChecked(finding) => Some(&finding.detail),
        preflight::Outcome::Pass(_)
        | preflight::Outcome::Fail(_)
        | preflight::Outcome::LeftOut(_) => None,
    });
    let first = reasons.next().flatten().cloned();
    if let Some(reason) = first.filter(|first| reasons.all(|reason| reason == Some(first))) {
        let reason = format!("{reason}; `policy --own-arn ARN` prints the required permission");
        return vec![Check::new(ALL, Outcome::NotChecked(reason))];
    }
    let lines = checks.into_iter().map(line).collect();
    if is_verbose { lines } else { summarise(lines) }
}

/// Replaces the passed checks by their number.
fn summarise(mut checks: Vec<Check>) -> Vec<Check> {
    let total = checks.len();
    checks.retain(|check| !matches!(check.outcome, Outcome::Pass(_)));
    let passed = total - checks.len();
    let text = if passed == total {
        "all allowed"
    } else {
        "allowed"
    };
    let summary = Outcome::Pass(text.to_owned());
    checks.insert(0, Check::new(format!("{passed} permissions"), summary));
    checks
}

fn line(check: preflight::Check) -> Check {
    Check::new(format!("permission {}", check.name), outcome(check.outcome))
}

fn outcome(outcome: preflight::Outcome) -> Outcome {
    match outcome {
        preflight::Outcome::Pass(text) => Outcome::Pass(text),
        preflight::Outcome::NotChecked(finding) => Outcome::NotChecked(finding.detail),
        preflight::Outcome::LeftOut(reason) => Outcome::NotChecked(reason),
        preflight::Outcome::Fail(finding) => Outcome::Fail(finding.detail, fix(finding.predicted)),
    }
}

/// The policy statement that allows the action, or the cause that no statement can fix.
fn fix(predicted: Option<PredictedError>) -> String {
    let Some(PredictedError::Denial { denial, statement }) = predicted else {
        return "attach the policy that `dax-provisioner policy` prints".to_owned();
    };
    match statement.and_then(|statement| serde_json::to_string(&statement).ok()) {
        Some(statement) => format!("add to the service's policy: {statement}"),
        None => format!(
            "an identity policy cannot fix this cause: {}",
            denial.cause.as_str()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_permissions_are_counted_and_others_are_listed() {
        let allowed = |name| Check::new(name, Outcome::Pass("allowed".to_owned()));
        let counted = |name, text: &str| Check::new(name, Outcome::Pass(text.to_owned()));
        let denied = Check::new("c", Outcome::Fail("denied".to_owned(), "fix".to_owned()));
        assert_eq!(
            summarise(vec![allowed("a"), allowed("b")]),
            [counted("2 permissions", "all allowed")]
        );
        assert_eq!(
            summarise(vec![allowed("a"), denied.clone(), allowed("b")]),
            [counted("2 permissions", "allowed"), denied]
        );
    }
}
