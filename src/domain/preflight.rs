//! Preflight: checks of the account and the permissions before a cluster is created.

use serde::{Deserialize, Serialize};

use super::plan::Permission;
use crate::domain::iam::denial::{Denial, DenialCause};
use crate::domain::iam::policies::{PolicyDocument, Statement};
use crate::domain::problems::fault::{Fault, FaultClass};

/// The result of a preflight.
#[derive(Debug, Clone, PartialEq)]
pub struct Preflight {
    /// All checks, those of permissions first.
    pub checks: Vec<Check>,
}

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// IAM action of a permission check, or the subject of another check, such as `node_quota`.
    pub name: String,
    /// The outcome with its details.
    pub outcome: Outcome,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing stands in the way. The text states what was found.
    Pass(String),
    /// The operation would fail or block.
    Fail(Finding),
    /// The check could not be carried out, or its result is not certain. The operation may still
    /// succeed.
    NotChecked(Finding),
    /// This build, or this kind of request, has no such check, for this reason.
    LeftOut(String),
}

/// Why the operation would, or could, fail or block.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The reason as a sentence.
    pub detail: String,
    /// The error that AWS would return, for which a hint is looked up.
    pub predicted: Option<PredictedError>,
}

/// An error that AWS would return to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum PredictedError {
    /// A denied action.
    Denial {
        /// The denial, as if parsed from AWS's message.
        denial: Denial,
        /// The policy statement that would allow the action, if one can.
        statement: Option<Box<Statement>>,
    },
    /// An error with this code.
    Error {
        /// AWS service: `iam`, `dax`, `ec2` or `dynamodb`.
        service: &'static str,
        /// AWS operation, such as `CreateCluster`.
        operation: &'static str,
        /// Error code, such as `ClusterAlreadyExistsFault`.
        code: &'static str,
        /// Part of the message, if the code alone is ambiguous; otherwise empty.
        message: &'static str,
    },
}

impl PredictedError {
    /// The error of AWS for a fault that was found without a call of AWS that failed.
    pub fn of_class(class: FaultClass) -> Option<Self> {
        (class == FaultClass::RoleNotAssumable).then_some(Self::Error {
            service: "dax",
            operation: "CreateCluster",
            code: "InvalidParameterValueException",
            message: "No permission to assume role",
        })
    }
}

/// The status of a check, or of a whole preflight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CheckStatus {
    /// Everything was checked and passed.
    Pass,
    /// Something would make the operation fail or block.
    Fail,
    /// Nothing failed, but not everything could be checked.
    NotChecked,
}

/// The IAM policy simulator's decision on one action and one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// IAM action.
    pub action: String,
    /// Resource ARN, or `*`.
    pub resource: String,
    /// Why the action would be denied; `None` if it would be allowed.
    pub denied: Option<DenialCause>,
    /// Condition keys that the policies use and that the simulation had no value for.
    pub missing_context: Vec<String>,
}

impl Simulated {
    /// Whether the decision holds whatever the values of condition keys that the simulation lacks.
    fn is_certain(&self) -> bool {
        self.missing_context.is_empty() || self.denied == Some(EXPLICIT)
    }

    /// Why AWS certainly denies the action. The simulator does not evaluate the conditions of an
    /// organisation's policies, so their denial is not certain.
    pub fn certain_denial(&self) -> Option<DenialCause> {
        self.denied
            .filter(|cause| *cause != DenialCause::ServiceControlPolicy && self.is_certain())
    }
}

impl CheckStatus {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Check {
    /// A check that passed; `detail` states what was found.
    pub fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::Pass(detail.into()),
        }
    }

    /// A check that failed, with the error that AWS would return, if known.
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

    /// A check that could not be carried out.
    pub fn not_checked(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::uncertain(name, reason, None)
    }

    /// A check that found something that may not hold, with the error that AWS would then return.
    pub fn uncertain(
        name: impl Into<String>,
        detail: impl Into<String>,
        predicted: Option<PredictedError>,
    ) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::NotChecked(Finding {
                detail: detail.into(),
                predicted,
            }),
        }
    }

    /// A check that this build, or this kind of request, does not have.
    pub fn left_out(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            outcome: Outcome::LeftOut(reason.into()),
        }
    }

    /// A check that could not read what it needs. Without a feature of the build it is left out.
    pub fn unread(name: impl Into<String>, reason: impl Into<String>, fault: &Fault) -> Self {
        if fault.class == FaultClass::NotBuiltIn {
            Self::left_out(name, reason)
        } else {
            Self::not_checked(name, reason)
        }
    }

    /// Whether the check is not carried out by design.
    pub fn is_left_out(&self) -> bool {
        matches!(self.outcome, Outcome::LeftOut(_))
    }

    /// The status, without the details.
    pub fn status(&self) -> CheckStatus {
        match self.outcome {
            Outcome::Pass(_) => CheckStatus::Pass,
            Outcome::Fail(_) => CheckStatus::Fail,
            Outcome::NotChecked(_) | Outcome::LeftOut(_) => CheckStatus::NotChecked,
        }
    }

    /// The check of a permission, from the simulator's decision on each of its resources.
    pub fn of_permission(
        permission: &Permission,
        principal: &str,
        decisions: &[Simulated],
    ) -> Self {
        let name = permission.action.as_str();
        let mut unknown = Vec::new();
        for resource in &permission.simulated_on {
            let about = |one: &&Simulated| {
                one.action.eq_ignore_ascii_case(name) && &one.resource == resource
            };
            let Some(decision) = decisions.iter().find(about) else {
                return Self::not_checked(
                    name,
                    format!("the simulation returned no decision for {resource}"),
                );
            };
            match decision.denied {
                Some(cause @ DenialCause::ServiceControlPolicy) => {
                    return Self::denied_by_organisation(permission, principal, resource, cause);
                }
                Some(cause) if decision.is_certain() => {
                    return Self::denied(permission, principal, resource, cause);
                }
                Some(_) | None => unknown.extend(decision.missing_context.iter().cloned()),
            }
        }
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            let keys = unknown.join(", ");
            return Self::not_checked(
                name,
                format!("the decision depends on conditions that only a real call has: {keys}"),
            );
        }
        Self::pass(
            name,
            format!("allowed on {}", permission.simulated_on.join(" and ")),
        )
    }

    /// The simulator does not evaluate the conditions of an organisation's policies.
    fn denied_by_organisation(
        permission: &Permission,
        principal: &str,
        resource: &str,
        cause: DenialCause,
    ) -> Self {
        let action = &permission.action;
        let detail = format!(
            "the simulation of {action} on {resource} is denied by a policy of the organisation; it \
             does not evaluate the conditions of these policies, so the call may be allowed"
        );
        let denial = Denial {
            principal: Some(principal.to_owned()),
            action: action.clone(),
            resource: Some(resource.to_owned()),
            cause,
            policy_arn: None,
        };
        let predicted = PredictedError::Denial {
            denial,
            statement: None,
        };
        Self::uncertain(action, detail, Some(predicted))
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
            "{} on {resource} would be denied ({})",
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

/// An explicit deny is final, whatever the values of missing condition keys.
const EXPLICIT: DenialCause = DenialCause::ExplicitDeny(None);

impl Preflight {
    /// The worst status of all checks, except of those that are left out by design.
    pub fn status(&self) -> CheckStatus {
        let counted = self.checks.iter().filter(|check| !check.is_left_out());
        let any = |status| counted.clone().any(|check| check.status() == status);
        match (any(CheckStatus::Fail), any(CheckStatus::NotChecked)) {
            (true, _) => CheckStatus::Fail,
            (false, true) => CheckStatus::NotChecked,
            (false, false) => CheckStatus::Pass,
        }
    }

    /// One policy with every missing permission; `None` if no policy statement would help.
    pub fn missing_policy(&self) -> Option<PolicyDocument> {
        let statements: Vec<Statement> = self
            .checks
            .iter()
            .filter_map(|check| match &check.outcome {
                Outcome::Fail(Finding {
                    predicted: Some(PredictedError::Denial { statement, .. }),
                    ..
                }) => statement.clone(),
                Outcome::Fail(_)
                | Outcome::Pass(_)
                | Outcome::NotChecked(_)
                | Outcome::LeftOut(_) => None,
            })
            .map(|statement| *statement)
            .collect();
        (!statements.is_empty()).then(|| PolicyDocument::merged(statements))
    }
}

#[cfg(test)]
mod tests;
