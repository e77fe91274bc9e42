//! What `doctor` checks of permissions: each one of the service's own policy, put to IAM's simulator, which changes nothing.

use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::domain::installation::AwsPlace;
use crate::domain::policies::asked::permissions_of;
use crate::domain::policies::service::{ServiceScope, service_policy};
use crate::domain::preflight::{self, Foretold};
use crate::inspections::Inspector;
use crate::inspections::plan::permissions::region_of;

use super::{Check, Outcome};

/// The line for all of them, where none can be asked about.
pub(super) const ALL: &str = "permissions";

/// One line for each permission; one for all if the simulator cannot be asked.
pub(super) async fn checks(aws: &Aws, place: &AwsPlace, permissions_boundary: Option<&str>) -> Vec<Check> {
    let policy = service_policy(&ServiceScope {
        partition: &place.partition,
        account_id: &place.account_id,
        region: &place.region,
        boundary_arn: permissions_boundary,
        service_role_arns: &[],
        lookups: LOOKUPS_BUILT_IN,
    });
    let permissions = permissions_of(&policy, |action| region_of(action, place));
    let found = Inspector::new(aws.clone()).permission_checks(&permissions).await;
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
        preflight::Outcome::Fail(finding) => Outcome::Fail(finding.detail, fix(finding.foretold)),
    };
    Check::new(format!("permission {}", check.name), outcome)
}

/// The statement that allows it, or what else must change.
fn fix(foretold: Option<Foretold>) -> String {
    let Some(Foretold::Denial { denial, statement }) = foretold else {
        return "give the service the policy that `dax-provisioner policy` prints".to_owned();
    };
    match statement.and_then(|statement| serde_json::to_string(&statement).ok()) {
        Some(statement) => format!("add to the service's policy: {statement}"),
        None => format!("no statement of yours helps against this cause: {}", denial.cause.as_str()),
    }
}
