//! Checks of AWS.

use crate::app::startup::describe_fault;
use crate::aws::Aws;
use crate::domain::installation::AwsAccount;
use crate::domain::names::IAM_PATH;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::inspections::Inspector;
use crate::inspections::altered_roles::ExpectedRoles;

use super::database::KnownDatabase;
use super::subjects::Subject;
use super::{Check, Outcome, permissions};

const IDENTITY: &str = "AWS identity";
const BINDING: &str = "database bound to this account and Region";
const REGION: &str = "DAX available in the Region";
const READING: &str = "read permissions";
const ROLES: &str = "service roles";

pub(super) async fn checks(
    subject: &Subject,
    database: Option<&KnownDatabase>,
    is_verbose: bool,
) -> Vec<Check> {
    match identity(subject).await {
        Ok((aws, account)) => {
            let arn = aws.caller().await.map(|caller| caller.arn);
            let arn = arn.unwrap_or_default();
            let bound = database.and_then(|database| database.bound.get(&subject.name));
            let mut checks = vec![
                Check::new(IDENTITY, Outcome::Pass(format!("{arn}, {account}"))),
                Check::new(BINDING, binding(bound, &account)),
                Check::new(REGION, region(aws).await),
                Check::new(READING, reading(aws).await),
            ];
            let boundary = subject.boundary.arn();
            if let Some(arn) = boundary {
                checks.push(permissions::boundary(aws, &account, arn).await);
            }
            let expected = ExpectedRoles {
                installation: database.map(|database| database.installation),
                boundary,
                other_boundaries: &subject.other_boundaries,
            };
            checks.push(Check::new(ROLES, roles(aws, expected).await));
            checks.extend(permissions::checks(aws, &account, boundary, is_verbose).await);
            checks
        }
        Err((problem, fix)) => {
            let mut checks = vec![Check::new(IDENTITY, Outcome::Fail(problem, fix.to_owned()))];
            let rest = [BINDING, REGION, READING, ROLES, permissions::ALL];
            checks.extend(
                rest.map(|name| {
                    Check::new(name, Outcome::NotChecked("no AWS identity".to_owned()))
                }),
            );
            checks
        }
    }
}

/// Enters the account. Returns its clients, or the problem and its fix.
async fn identity(subject: &Subject) -> Result<(&Aws, AwsAccount), (String, &'static str)> {
    const OWN: &str = "set AWS_REGION and credentials as for the AWS CLI; \
                       `aws sts get-caller-identity` must succeed. A profile of IAM Identity \
                       Center needs `aws sso login --profile NAME`, one of `aws login` needs \
                       `aws login --profile NAME`";
    const ASSUMED: &str = "the role must exist and trust the principal of the service with this \
                           external ID, as `target template` prints it, and the policies of the \
                           principal must allow sts:AssumeRole on the role";
    const OTHER: &str = "correct `account_id`, or the credentials or the role of the target";
    let aws = subject.aws.as_ref();
    let aws = aws.map_err(|problem| (problem.clone(), OWN))?;
    let renewed = aws.renew_session().await;
    renewed.map_err(|fault| (describe_fault(&fault), ASSUMED))?;
    let account = aws.account().await;
    let account = account.map_err(|fault| (describe_fault(&fault), OWN))?;
    match &subject.account_id {
        Some(expected) if *expected != account.account_id => {
            let actual = &account.account_id;
            let problem = format!("AWS names the account {actual}, but `account_id` is {expected}");
            Err((problem, OTHER))
        }
        Some(_) | None => Ok((aws, account)),
    }
}

fn binding(bound: Option<&AwsAccount>, account: &AwsAccount) -> Outcome {
    match bound {
        None => Outcome::NotChecked("the database is not bound to an account yet".to_owned()),
        Some(bound) if bound == account => Outcome::Pass("ok".to_owned()),
        Some(bound) => Outcome::Fail(
            format!("it is bound to {bound}"),
            "use another database for this account and Region".to_owned(),
        ),
    }
}

async fn region(aws: &Aws) -> Outcome {
    match aws.clusters().await {
        Ok(clusters) => Outcome::Pass(format!("ok, {} clusters", clusters.len())),
        Err(fault) => failed(
            &fault,
            "choose a Region with DAX, and allow dax:DescribeClusters (`policy` prints it)",
        ),
    }
}

/// Tries every list call that the service uses.
async fn reading(aws: &Aws) -> Outcome {
    let results = [
        aws.roles(IAM_PATH).await.err(),
        aws.policies(IAM_PATH).await.err(),
        aws.subnet_groups().await.err(),
        aws.parameter_groups().await.err(),
    ];
    match results.into_iter().flatten().next() {
        None => {
            Outcome::Pass("can list roles, policies, subnet groups and parameter groups".to_owned())
        }
        // STS has accepted the same credentials.
        Some(fault) if fault.class == FaultClass::Credentials => failed(
            &fault,
            "session credentials without MFA cannot call IAM: run the service with a role or the \
             user's own access key",
        ),
        Some(fault) => failed(
            &fault,
            "attach the policy that `dax-provisioner policy` prints to the service's identity",
        ),
    }
}

/// Compares the roles under the service's path with those that it creates.
async fn roles(aws: &Aws, expected: ExpectedRoles<'_>) -> Outcome {
    let review = match Inspector::new(aws.clone()).review_roles(expected).await {
        Ok(review) => review,
        Err(_) => return Outcome::NotChecked("the roles cannot be listed".to_owned()),
    };
    if !review.altered.is_empty() {
        let altered: Vec<String> = review
            .altered
            .iter()
            .map(|role| format!("{} ({})", role.name, role.alteration))
            .collect();
        return Outcome::Fail(
            altered.join(", "),
            format!(
                "read each of these roles under {IAM_PATH} in IAM; one that this service did not \
                 create can admit others to the tables, so delete it and replace the service's \
                 credentials"
            ),
        );
    }
    let total = review.total;
    match review.unread {
        0 => Outcome::Pass(format!("{total} roles, as this service creates them")),
        unread => Outcome::NotChecked(format!(
            "the boundary of {unread} of {total} roles cannot be read"
        )),
    }
}

fn failed(fault: &Fault, fix: &str) -> Outcome {
    let code = fault
        .aws
        .as_ref()
        .map(|error| format!(" ({})", error.code))
        .unwrap_or_default();
    Outcome::Fail(format!("{}{code}", fault.detail), fix.to_owned())
}
