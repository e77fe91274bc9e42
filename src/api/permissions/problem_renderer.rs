//! Renders a stored fault as a problem. Hints are looked up at this point and never stored.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::iam::denial;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::PolicyDocument;
use crate::domain::iam::remedy::no_policy::NoPolicy;
use crate::domain::iam::remedy::{CallSite, remedy};
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{Check, Outcome, PredictedError};
use crate::domain::problems::fault::{AwsError, Fault, FaultClass};
use crate::domain::problems::hints;
use crate::domain::problems::hints::Hint;

use crate::api::http::problem::{AwsAnswer, FieldDifference, PreflightCheck, Problem, ProblemHint};

/// Renders faults as problems, with hints for this account.
pub(crate) struct ProblemRenderer<'a> {
    /// The account and Region, once known. Without them hints have no policy.
    pub(crate) account: Option<&'a AwsAccount>,
    /// ARN of the permissions boundary of roles that this service creates.
    pub(crate) permissions_boundary: Option<&'a str>,
    /// Whether the service has the permissions of lookups.
    pub(crate) lookups: bool,
}

/// The policy that allows a denied call, or why there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remedy {
    /// The policy.
    pub(crate) policy: Option<Value>,
    /// Why there is no policy, unless the hint says so.
    pub(crate) reason: Option<NoPolicy>,
}

impl From<Result<PolicyDocument, NoPolicy>> for Remedy {
    fn from(remedy: Result<PolicyDocument, NoPolicy>) -> Self {
        match remedy {
            Ok(document) => Self {
                policy: Some(json(&document)),
                reason: None,
            },
            Err(reason) => Self {
                policy: None,
                reason: Some(reason).filter(|reason| *reason != NoPolicy::AllowDoesNotHelp),
            },
        }
    }
}

impl ProblemRenderer<'_> {
    /// A renderer of problems whose target is not known yet.
    pub(crate) fn without_account() -> Self {
        Self {
            account: None,
            permissions_boundary: None,
            lookups: false,
        }
    }

    /// The problem of a fault: the answer of AWS, and hints.
    pub(crate) fn problem_of(&self, fault: &Fault) -> Problem {
        let mut problem = Problem::new(fault.problem_code(), detail(fault));
        problem.differences = fault
            .differences
            .iter()
            .cloned()
            .map(FieldDifference::from)
            .collect();
        problem.candidates = fault.candidates.clone();
        problem.events = fault.events.clone();
        if let Some(error) = &fault.aws {
            let denial = (fault.class == FaultClass::Permission)
                .then(|| denial::parse(&error.message))
                .flatten();
            problem.hints = self.hints(error, denial.as_ref());
            problem.aws = Some(answer(error, fault.class, denial.as_ref()));
        } else if let Some(denial) = &fault.predicted {
            let remedy = self.own_remedy(denial, "dax", denial.resource.as_deref());
            problem.hints = hints::of_denial(denial, "dax")
                .into_iter()
                .map(|row| hint(row, remedy.clone(), Some(denial)))
                .collect();
        } else if let Some(error) = PredictedError::of_class(fault.class) {
            problem.hints = predicted(&error);
        }
        problem
    }

    fn hints(&self, error: &AwsError, denial: Option<&Denial>) -> Vec<ProblemHint> {
        let fixed = denial
            .map(|denial| self.own_remedy(denial, &error.service, error.target_arn.as_deref()))
            .unwrap_or_default();
        let rows = hints::lookup(
            &error.service,
            &error.operation,
            &error.code,
            &error.message,
        );
        rows.into_iter()
            .map(|row| hint(row, fixed.clone(), denial))
            .collect()
    }

    /// A check of a preflight, with hints if it failed or may fail.
    pub(crate) fn check(&self, check: &Check) -> PreflightCheck {
        let (detail, hints) = match &check.outcome {
            Outcome::Pass(detail) | Outcome::LeftOut(detail) => (detail, Vec::new()),
            Outcome::Fail(finding) | Outcome::NotChecked(finding) => (
                &finding.detail,
                finding
                    .predicted
                    .as_ref()
                    .map(predicted)
                    .unwrap_or_default(),
            ),
        };
        PreflightCheck {
            name: check.name.clone(),
            result: check.status(),
            by_design: check.is_left_out(),
            detail: detail.clone(),
            hints,
        }
    }

    /// The call site of a pasted message. `called_service` may be empty.
    pub(crate) fn pasted_call_site<'a>(&'a self, called_service: &'a str) -> Option<CallSite<'a>> {
        let account = self.account?;
        Some(CallSite {
            partition: &account.partition,
            account_id: &account.account_id,
            region: &account.region,
            resource_arn: None,
            called_service,
            boundary_arn: self.permissions_boundary,
            is_own_call: false,
            lookups: self.lookups,
        })
    }

    /// The remedy of a denied call of which only AWS's message is known.
    pub(crate) fn pasted_remedy(&self, denial: &Denial, called_service: &str) -> Remedy {
        let site = self.pasted_call_site(called_service);
        site.map(|site| remedy(denial, &site).into())
            .unwrap_or_default()
    }

    /// The remedy of a denied call of this service.
    fn own_remedy(&self, denial: &Denial, called: &str, resource_arn: Option<&str>) -> Remedy {
        let site = self.pasted_call_site(called).map(|site| CallSite {
            resource_arn,
            is_own_call: true,
            ..site
        });
        site.map(|site| remedy(denial, &site).into())
            .unwrap_or_default()
    }
}

/// What went wrong, with the message of AWS if AWS answered.
fn detail(fault: &Fault) -> String {
    match &fault.aws {
        Some(error) if !fault.class.leaves_outcome_unknown() && !error.message.is_empty() => {
            format!("{}: {}", fault.detail, error.message)
        }
        Some(_) | None => fault.detail.clone(),
    }
}

/// A row of the table of hints, with the policy that fixes the failure, or why there is none. The
/// titles of AWS's guide assume a user; for a role the explanation names the role.
pub(crate) fn hint(row: &'static Hint, remedy: Remedy, denial: Option<&Denial>) -> ProblemHint {
    let mut explanation = Cow::Borrowed(row.explanation);
    let role = denial.and_then(Denial::role_name);
    if let Some(role) = role.filter(|_| row.title.contains("your user policy")) {
        let text = format!(" The caller is a role: add it to the policies of role {role}.");
        explanation.to_mut().push_str(&text);
    }
    if let Some(reason) = remedy.reason {
        let text = format!(" No policy is given: {reason}.");
        explanation.to_mut().push_str(&text);
    }
    let policy = remedy.policy;
    ProblemHint {
        id: row.id,
        title: row.title,
        explanation,
        policy,
        documentation: row.documentation,
    }
}

pub(crate) fn json(document: &PolicyDocument) -> Value {
    serde_json::to_value(document).expect("a policy contains only strings")
}

fn predicted(predicted: &PredictedError) -> Vec<ProblemHint> {
    match predicted {
        PredictedError::Denial { denial, statement } => {
            let document = statement
                .as_ref()
                .map(|statement| PolicyDocument::new(vec![(**statement).clone()]));
            let fixed = Remedy::from(document.ok_or(NoPolicy::of_cause(denial.cause)));
            hints::of_denial(denial, "")
                .into_iter()
                .map(|row| hint(row, fixed.clone(), Some(denial)))
                .collect()
        }
        PredictedError::Error {
            service,
            operation,
            code,
            message,
        } => hints::lookup(service, operation, code, message)
            .into_iter()
            .map(|row| hint(row, Remedy::default(), None))
            .collect(),
    }
}

fn answer(error: &AwsError, class: FaultClass, denial: Option<&Denial>) -> AwsAnswer {
    let called = || format!("{}:{}", error.service, error.operation);
    let action = match (denial, class) {
        (Some(denial), _) => Some(denial.action.clone()),
        (None, FaultClass::Permission) => Some(called()),
        (None, _) => None,
    };
    AwsAnswer {
        service: error.service.clone(),
        operation: error.operation.clone(),
        code: error.code.clone(),
        message: error.message.clone(),
        request_id: error.request_id.clone(),
        action,
        resource: denial.and_then(|denial| denial.resource.clone()),
        cause: denial.map(|denial| denial.cause.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::iam::denial::DenialCause;

    use super::*;

    fn account() -> AwsAccount {
        AwsAccount {
            sandbox_id: None,
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    fn denied() -> Fault {
        let message = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: \
            iam:CreatePolicy on resource: policy dax-orders-abcdefghij because no identity-based \
            policy allows the iam:CreatePolicy action";
        let arn = "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
        let error = AwsError {
            service: "iam".to_owned(),
            operation: "CreatePolicy".to_owned(),
            code: "AccessDenied".to_owned(),
            message: message.to_owned(),
            request_id: Some("r-1".to_owned()),
            target_arn: Some(arn.to_owned()),
        };
        Fault {
            aws: Some(error),
            ..Fault::new(FaultClass::Permission, "iam:CreatePolicy is not allowed")
        }
    }

    #[test]
    fn a_missing_permission_has_the_hint_of_the_guide_and_a_policy_for_its_resource() {
        let account = account();
        let renderer = ProblemRenderer {
            account: Some(&account),
            permissions_boundary: None,
            lookups: false,
        };
        let problem = serde_json::to_value(renderer.problem_of(&denied())).unwrap();
        assert_eq!(problem["code"], "permission_missing");
        assert_eq!(problem["aws"]["action"], "iam:CreatePolicy");
        assert_eq!(problem["aws"]["resource"], "policy dax-orders-abcdefghij");
        assert_eq!(problem["aws"]["cause"], "identity_policy");
        assert_eq!(
            problem["hints"][0]["title"],
            "Add iam:CreatePolicy to your user policy."
        );
        let statement = &problem["hints"][0]["policy"]["Statement"][0];
        assert_eq!(statement["Action"], "iam:CreatePolicy");
        let arn = "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
        assert_eq!(statement["Resource"], json!(arn));
    }

    #[test]
    fn a_denied_role_is_named_beside_the_title_of_the_guide() {
        let denied = |principal: &str| Denial {
            principal: Some(principal.to_owned()),
            action: "iam:CreateRole".to_owned(),
            resource: None,
            cause: DenialCause::IdentityPolicy,
            policy_arn: None,
        };
        let row = hints::of_denial(&denied("arn:aws:iam::123456789012:user/portal"), "")[0];
        let explanation = |principal: &str| {
            let hint = hint(row, Remedy::default(), Some(&denied(principal)));
            assert_eq!(hint.title, "Add iam:CreateRole to your user policy.");
            hint.explanation.into_owned()
        };
        let role = "The caller is a role: add it to the policies of role Portal.";
        for principal in [
            "arn:aws:sts::123456789012:assumed-role/Portal/i-0abc",
            "arn:aws:iam::123456789012:role/path/Portal",
        ] {
            assert!(explanation(principal).ends_with(role), "{principal}");
        }
        assert_eq!(
            explanation("arn:aws:iam::123456789012:user/portal"),
            row.explanation
        );
    }

    #[test]
    fn hints_have_no_policy_while_the_account_is_unknown() {
        let renderer = ProblemRenderer {
            account: None,
            permissions_boundary: None,
            lookups: false,
        };
        let problem = serde_json::to_value(renderer.problem_of(&denied())).unwrap();
        assert_eq!(problem["hints"][0]["policy"], json!(null));
    }

    #[test]
    fn a_fault_without_an_aws_error_has_neither_aws_nor_hints() {
        let renderer = ProblemRenderer {
            account: None,
            permissions_boundary: None,
            lookups: false,
        };
        let fault = Fault::new(FaultClass::Crashed, "the step crashed");
        let problem = serde_json::to_value(renderer.problem_of(&fault)).unwrap();
        assert_eq!(problem["code"], "step_crashed");
        assert!(problem.get("aws").is_none() && problem.get("hints").is_none());
    }
}
