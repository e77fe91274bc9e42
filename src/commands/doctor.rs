//! `doctor`: checks the database, AWS and the permissions, and prints a fix for each problem.

use std::process::ExitCode;

use crate::config::{Boundary, Doctor};

use super::print_line;

mod aws;
mod database;
mod permissions;
pub(super) mod subjects;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Pass(String),
    /// The problem and its fix.
    Fail(String, String),
    /// The reason why it was not checked.
    NotChecked(String),
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: String,
    outcome: Outcome,
}

impl Check {
    fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            outcome,
        }
    }

    fn print(&self) {
        match &self.outcome {
            Outcome::Pass(text) => print_line(format_args!("pass         {}: {text}", self.name)),
            Outcome::Fail(problem, fix) => {
                print_line(format_args!(
                    "fail         {}: {problem}\n             fix: {fix}",
                    self.name
                ));
            }
            Outcome::NotChecked(reason) => {
                print_line(format_args!("not checked  {}: {reason}", self.name));
            }
        }
    }
}

/// Prints one line per check. The exit code is 1 if a check failed.
pub(super) async fn run(settings: Doctor) -> anyhow::Result<ExitCode> {
    let subjects = subjects::of(&settings).await?;
    let (mut checks, database) = database::checks(settings.database.as_ref()).await;
    for subject in &subjects {
        let mut of_aws = aws::checks(subject, database.as_ref(), settings.verbose).await;
        of_aws.extend(no_boundary(&subject.boundary, settings.aws.is_sandbox()));
        if settings.organisation.is_some() {
            for check in &mut of_aws {
                check.name = format!("{}: {}", subject.name, check.name);
            }
        }
        checks.extend(of_aws);
    }
    checks.iter().for_each(Check::print);
    let failed = checks
        .iter()
        .any(|check| matches!(check.outcome, Outcome::Fail(..)));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

const BOUNDARY: &str = "permissions boundary";

/// The line for a boundary that is not configured.
fn no_boundary(boundary: &Boundary, is_sandbox: bool) -> Option<Check> {
    let risk = "anyone with the service's credentials can become administrator of the account";
    let outcome = match boundary {
        Boundary::Policy(_) => return None,
        Boundary::Unset if is_sandbox => Outcome::NotChecked("not needed for a sandbox".to_owned()),
        Boundary::Waived => Outcome::NotChecked(format!("none, as configured; {risk}")),
        Boundary::Unset => Outcome::Fail(
            format!("not set; {risk}"),
            "create the policy that `policy --boundary` prints, and pass its ARN as \
             --permissions-boundary"
                .to_owned(),
        ),
    };
    Some(Check::new(BOUNDARY, outcome))
}
