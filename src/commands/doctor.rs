//! `doctor`: checks the database, AWS and the permissions, and says how to mend what is wrong.

use std::process::ExitCode;

use crate::config::Doctor;

use super::say;

mod aws;
mod database;
mod permissions;

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Pass(String),
    /// What is wrong, and how to mend it.
    Fail(String, String),
    /// Why it was not looked at.
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
            Outcome::Pass(what) => say(format_args!("pass         {}: {what}", self.name)),
            Outcome::Fail(what, fix) => {
                say(format_args!(
                    "fail         {}: {what}\n             fix: {fix}",
                    self.name
                ));
            }
            Outcome::NotChecked(why) => say(format_args!("not checked  {}: {why}", self.name)),
        }
    }
}

/// Prints one line for each check; exit code 1 if one failed.
pub(super) async fn run(settings: Doctor) -> anyhow::Result<ExitCode> {
    let (mut checks, belongs_to) = database::checks(settings.database.as_ref()).await;
    checks.extend(aws::checks(&settings, belongs_to.as_ref()).await);
    if settings.permissions_boundary.is_none() {
        checks.push(no_boundary(&settings));
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

/// The line about the boundary.
const BOUNDARY: &str = "permissions boundary";

fn no_boundary(settings: &Doctor) -> Check {
    let outcome = if settings.aws.is_sandbox() {
        Outcome::NotChecked("a sandbox needs none".to_owned())
    } else {
        Outcome::Fail(
            "none is set: whoever has the service's credentials can make themselves administrator".to_owned(),
            "make the policy that `policy --boundary` prints, and pass its ARN as --permissions-boundary".to_owned(),
        )
    };
    Check::new(BOUNDARY, outcome)
}
