//! Preflight: what would stop a wanted cluster, found out before anything is made.

use serde::{Deserialize, Serialize};

use super::plan::Permission;
use crate::domain::iam::denial::{Denial, DenialCause};
use crate::domain::iam::policies::{PolicyDocument, Statement};

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Preflight {
    /// The checks, permissions first.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The action of a permission, or a word.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It will do, and this is what was seen.
    Pass(String),
    /// It would stop the work.
    Fail(Finding),
    /// It could not be looked at, for this reason. It may be well all the same.
    NotChecked(String),
}

/// What would stop the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// In words.
    pub detail: String,
    /// What AWS would say, by which the hint is found.
    pub predicted: Option<PredictedError>,
}

/// What AWS would say to the call.
#[derive(Debug, Clone, PartialEq)]
pub enum PredictedError {
    /// A refused action, and the statement that would allow it, where one can.
    Denial {
        /// The refusal.
        denial: Denial,
        /// The cure.
        statement: Option<Box<Statement>>,
    },
    /// An error of this code.
    Error {
        /// `iam` or `dax`.
        service: &'static str,
        /// The call.
        operation: &'static str,
        /// The code.
        code: &'static str,
        /// Words of the message, where the code alone means several things.
        message: &'static str,
    },
}

/// Where a check, or all of them together, stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Everything was looked at and is well.
    Pass,
    /// Something would stop the work.
    Fail,
    /// Nothing is known to be wrong, but not everything could be looked at.
    NotChecked,
}

/// What the simulator said about one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// Whether it would be allowed; if not, why.
    pub refusal: Option<DenialCause>,
    /// Condition keys that the caller's policies speak of and the simulation had no value for.
    pub missing_context: Vec<String>,
}

impl CheckStatus {
    /// Every grade.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Fail, Self::NotChecked];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotChecked => "not_checked",
        }
    }
}

impl Check {
    /// A check that is well.
    pub fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Pass(detail.into()),
        }
    }

    /// A check that finds a fault, without a word of AWS's for it.
    pub fn fail(
        name: impl Into<String>,
        detail: impl Into<String>,
        predicted: Option<PredictedError>,
    ) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Fail(Finding {
                detail: detail.into(),
                predicted,
            }),
        }
    }

    /// A check that could not be made.
    pub fn not_checked(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::NotChecked(reason.into()),
        }
    }

    /// Where it stands.
    pub fn grade(&self) -> CheckStatus {
        match self.outcome {
            Outcome::Pass(_) => CheckStatus::Pass,
            Outcome::Fail(_) => CheckStatus::Fail,
            Outcome::NotChecked(_) => CheckStatus::NotChecked,
        }
    }

    /// The check of a permission, from what the simulator said about each resource the permission is asked for on.
    pub fn of_permission(permission: &Permission, principal: &str, answers: &[Simulated]) -> Self {
        let name = permission.action.as_str();
        let mut unknown = Vec::new();
        for resource in &permission.asked {
            let about = |one: &&Simulated| {
                one.action.eq_ignore_ascii_case(name) && &one.resource == resource
            };
            let Some(answer) = answers.iter().find(about) else {
                return Self::not_checked(
                    name,
                    format!("the simulation says nothing about {resource}"),
                );
            };
            let is_certain = answer.missing_context.is_empty() || answer.refusal == Some(EXPLICIT);
            match answer.refusal {
                Some(cause) if is_certain => {
                    return Self::denied(permission, principal, resource, cause);
                }
                Some(_) | None => unknown.extend(answer.missing_context.iter().cloned()),
            }
        }
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            let keys = unknown.join(", ");
            return Self::not_checked(
                name,
                format!("the answer depends on conditions that only a real call has: {keys}"),
            );
        }
        Self::pass(
            name,
            format!("allowed on {}", permission.asked.join(" and ")),
        )
    }

    fn denied(
        permission: &Permission,
        principal: &str,
        resource: &str,
        cause: DenialCause,
    ) -> Self {
        let denial = Denial {
            principal: Some(principal.to_owned()),
            action: permission.action.clone(),
            resource: Some(resource.to_owned()),
            cause,
            policy_arn: None,
        };
        let statement = cause
            .is_fixed_by_allowing()
            .then(|| Box::new(permission.statement()));
        let detail = format!(
            "{} on {resource} would be refused ({})",
            permission.action,
            cause.as_str()
        );
        Self::fail(
            &permission.action,
            detail,
            Some(PredictedError::Denial { denial, statement }),
        )
    }
}

/// A deny that applies is final, whatever the missing conditions would say.
const EXPLICIT: DenialCause = DenialCause::ExplicitDeny(None);

impl Preflight {
    /// The whole: the worst of its checks.
    pub fn grade(&self) -> CheckStatus {
        let any = |grade| self.checks.iter().any(|check| check.grade() == grade);
        match (any(CheckStatus::Fail), any(CheckStatus::NotChecked)) {
            (true, _) => CheckStatus::Fail,
            (false, true) => CheckStatus::NotChecked,
            (false, false) => CheckStatus::Pass,
        }
    }

    /// What is missing, as one policy; none if nothing is that a statement would cure.
    pub fn missing_policy(&self) -> Option<PolicyDocument> {
        let statements: Vec<Statement> = self
            .checks
            .iter()
            .filter_map(|check| match &check.outcome {
                Outcome::Fail(Finding {
                    predicted: Some(PredictedError::Denial { statement, .. }),
                    ..
                }) => statement.clone(),
                Outcome::Fail(_) | Outcome::Pass(_) | Outcome::NotChecked(_) => None,
            })
            .map(|statement| *statement)
            .collect();
        (!statements.is_empty()).then(|| PolicyDocument::merged(statements))
    }
}

#[cfg(test)]
mod tests;
