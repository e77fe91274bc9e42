//! What `doctor` checks of permissions: each one of the service's own policy, put to IAM's simulator, which changes nothing.

use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::domain::iam::policies::asked::permissions_of;
use crate::domain::iam::policies::boundary_policy;
use crate::domain::iam::policies::service::{ServiceScope, service_policy};
use crate::domain::iam::trust::same_document;
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{self, PredictedError};
use crate::inspections::Inspector;
use crate::inspections::plan::permissions::region_of;

use super::{BOUNDARY, Check, Outcome};

/// The line for all of them, where none can be asked about.
pub(super) const ALL: &str = "permissions";

/// Whether the boundary says what it should. The service's own policy does not let it read the boundary.
pub(super) async fn boundary(aws: &Aws, place: &AwsAccount, arn: &str) -> Check {
    let wanted = boundary_policy(&place.partition, &place.account_id).to_json();
    let outcome = match aws.policy(arn).await {
        Ok(Some(policy)) if same_document(&wanted, &policy.document) => {
            Outcome::Pass(format!("{arn} bounds as it should"))
        }
        Ok(Some(_)) => {
            let fix = "compare it with what `policy --boundary` prints: whatever it allows, a role of the service may do";
            Outcome::Fail(
                format!("{arn} is not the boundary that this program prints"),
                fix.to_owned(),
            )
        }
        Ok(None) => Outcome::Fail(
            format!("{arn} does not exist"),
            "make the policy that `policy --boundary` prints".to_owned(),
        ),
        Err(_) => Outcome::NotChecked(format!(
            "{arn} may not be read; compare it with what `policy --boundary` prints"
        )),
    };
    Check::new(BOUNDARY, outcome)
}

/// One line for each permission; one for all if the simulator cannot be asked.
pub(super) async fn checks(
    aws: &Aws,
    place: &AwsAccount,
    permissions_boundary: Option<&str>,
) -> Vec<Check> {
    let policy = service_policy(&ServiceScope {
        partition: &place.partition,
        account_id: &place.account_id,
        region: &place.region,
        boundary_arn: permissions_boundary,
        service_role_arns: &[],
        lookups: LOOKUPS_BUILT_IN,
    });
    let permissions = permissions_of(&policy, |action| region_of(action, place));
    let found = Inspector::new(aws.clone())
        .permission_checks(&permissions)
        .await;
    let mut reasons = found.iter().map(|check| match &check.outcome {
        preflight::Outcome::NotChecked(reason) => Some(reason),
        preflight::Outcome::Pass(_) | preflight::Outcome::Fail(_) => None,
    });
    let first = reasons.next().flatten().cloned();
    if let Some(reason) = first.filter(|first| reasons.all(|reason| reason == Some(first))) {
        let why = format!("{reason}; `policy --own-arn ARN` prints the right to ask");
        return vec![Check::new(ALL, Outcome::NotChecked(why))];
    }
    found.into_iter().map(line).collect()
}

fn line(check: preflight::Check) -> Check {
    let outcome = match check.outcome {
        preflight::Outcome::Pass(what) => Outcome::Pass(what),
        preflight::Outcome::NotChecked(why) => Outcome::NotChecked(why),
        preflight::Outcome::Fail(finding) => Outcome::Fail(finding.detail, fix(finding.predicted)),
    };
    Check::new(format!("permission {}", check.name), outcome)
}

/// The statement that allows it, or what else must change.
fn fix(predicted: Option<PredictedError>) -> String {
    let Some(PredictedError::Denial { denial, statement }) = predicted else {
        return "give the service the policy that `dax-provisioner policy` prints".to_owned();
    };
    match statement.and_then(|statement| serde_json::to_string(&statement).ok()) {
        Some(statement) => format!("add to the service's policy: {statement}"),
        None => format!(
            "no statement of yours helps against this cause: {}",
            denial.cause.as_str()
        ),
    }
}
