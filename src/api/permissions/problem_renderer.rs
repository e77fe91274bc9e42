//! Advice: what a stored fault means for its reader, looked up when the answer is written and never before.

use serde_json::Value;

use crate::domain::iam::denial;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::{DAX_PRINCIPAL, PolicyDocument};
use crate::domain::iam::remedy;
use crate::domain::iam::remedy::remedy;
use crate::domain::installation::AwsAccount;
use crate::domain::preflight::{Check, Outcome, PredictedError};
use crate::domain::problems::fault::{AwsError, Fault, FaultClass};
use crate::domain::problems::hints;
use crate::domain::problems::hints::Hint;

use crate::api::http::problem::{AwsAnswer, FieldDifference, PreflightCheck, Problem, ProblemHint};

/// Where the advice is for.
pub(crate) struct ProblemRenderer<'a> {
    /// The account and Region, once they are known; without them no policy can be written.
    pub(crate) place: Option<&'a AwsAccount>,
    /// The boundary that roles of ours carry.
    pub(crate) permissions_boundary: Option<&'a str>,
}

impl ProblemRenderer<'_> {
    /// The problem a fault is to its reader: AWS's own words, and what to do.
    pub(crate) fn problem_of(&self, fault: &Fault) -> Problem {
        let mut problem = Problem::new(fault.problem_code(), &fault.detail);
        problem.differences = fault
            .differences
            .iter()
            .cloned()
            .map(FieldDifference::from)
            .collect();
        problem.candidates = fault.candidates.clone();
        problem.events = fault.events.clone();
        if let Some(refusal) = &fault.aws {
            let denial = (fault.class == FaultClass::Permission)
                .then(|| denial::parse(&refusal.message))
                .flatten();
            problem.hints = self.hints(refusal, denial.as_ref());
            problem.aws = Some(answer(refusal, fault.class, denial.as_ref()));
        }
        problem
    }

    fn hints(&self, refusal: &AwsError, denial: Option<&Denial>) -> Vec<ProblemHint> {
        let policy = denial.and_then(|denial| self.policy(refusal, denial));
        let rows = hints::lookup(
            &refusal.service,
            &refusal.operation,
            &refusal.code,
            &refusal.message,
        );
        rows.into_iter()
            .map(|row| hint(row, policy.clone()))
            .collect()
    }

    /// A check of a preflight: what would be refused, and what to do about it now.
    pub(crate) fn check(&self, check: &Check) -> PreflightCheck {
        let (detail, hints) = match &check.outcome {
            Outcome::Pass(detail) | Outcome::NotChecked(detail) => (detail, Vec::new()),
            Outcome::Fail(finding) => (
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
            result: check.grade(),
            detail: detail.clone(),
            hints,
        }
    }

    /// The policy that ends a pasted refusal. AWS's sentence is all that is known of it.
    pub(crate) fn handling(&self, denial: &Denial) -> Option<Value> {
        let place = self.place?;
        remedy(denial, &self.remedy_place(place, None)).map(|document| json(&document))
    }

    /// The policy that allows what was refused.
    fn policy(&self, refusal: &AwsError, denial: &Denial) -> Option<Value> {
        let place = self.place?;
        let document = remedy(
            denial,
            &self.remedy_place(place, refusal.target_arn.as_deref()),
        )?;
        Some(json(&document))
    }

    fn remedy_place<'a>(
        &'a self,
        place: &'a AwsAccount,
        resource_arn: Option<&'a str>,
    ) -> remedy::CallSite<'a> {
        remedy::CallSite {
            partition: &place.partition,
            account_id: &place.account_id,
            region: &place.region,
            resource_arn,
            passed_to_service: DAX_PRINCIPAL,
            boundary_arn: self.permissions_boundary,
        }
    }
}

/// A row of the table as advice, with a policy where there is one.
pub(crate) fn hint(row: &'static Hint, policy: Option<Value>) -> ProblemHint {
    ProblemHint {
        id: row.id,
        title: row.title,
        explanation: row.explanation,
        policy,
        documentation: row.documentation,
    }
}

/// A policy as it stands in an answer.
pub(crate) fn json(document: &PolicyDocument) -> Value {
    serde_json::to_value(document).expect("a policy holds nothing but texts")
}

fn predicted(predicted: &PredictedError) -> Vec<ProblemHint> {
    match predicted {
        PredictedError::Denial { denial, statement } => {
            let policy = statement
                .as_ref()
                .map(|statement| json(&PolicyDocument::new(vec![(**statement).clone()])));
            hints::of_denial(denial)
                .into_iter()
                .map(|row| hint(row, policy.clone()))
                .collect()
        }
        PredictedError::Error {
            service,
            operation,
            code,
            message,
        } => hints::lookup(service, operation, code, message)
            .into_iter()
            .map(|row| hint(row, None))
            .collect(),
    }
}

fn answer(refusal: &AwsError, class: FaultClass, denial: Option<&Denial>) -> AwsAnswer {
    let called = || format!("{}:{}", refusal.service, refusal.operation);
    let action = match (denial, class) {
        (Some(denial), _) => Some(denial.action.clone()),
        (None, FaultClass::Permission) => Some(called()),
        (None, _) => None,
    };
    AwsAnswer {
        service: refusal.service.clone(),
        operation: refusal.operation.clone(),
        code: refusal.code.clone(),
        message: refusal.message.clone(),
        request_id: refusal.request_id.clone(),
        action,
        resource: denial.and_then(|denial| denial.resource.clone()),
        cause: denial.map(|denial| denial.cause.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place() -> AwsAccount {
        AwsAccount {
            sandbox_id: None,
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    fn denied() -> Fault {
        let message = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: iam:CreatePolicy on \
                       resource: policy dax-orders-abcdefghij because no identity-based policy allows the \
                       iam:CreatePolicy action";
        let arn = "arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij";
        let refusal = AwsError {
            service: "iam".to_owned(),
            operation: "CreatePolicy".to_owned(),
            code: "AccessDenied".to_owned(),
            message: message.to_owned(),
            request_id: Some("r-1".to_owned()),
            target_arn: Some(arn.to_owned()),
        };
        Fault {
            aws: Some(refusal),
            ..Fault::new(FaultClass::Permission, "iam:CreatePolicy is not allowed")
        }
    }

    #[test]
    fn a_missing_permission_comes_with_the_remedy_of_the_guide_and_a_policy_for_this_very_resource()
    {
        let place = place();
        let advice = ProblemRenderer {
            place: Some(&place),
            permissions_boundary: None,
        };
        let problem = serde_json::to_value(advice.problem_of(&denied())).unwrap();
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
    fn without_a_place_there_is_advice_but_no_policy() {
        let advice = ProblemRenderer {
            place: None,
            permissions_boundary: None,
        };
        let problem = serde_json::to_value(advice.problem_of(&denied())).unwrap();
        assert_eq!(problem["hints"][0]["policy"], json!(null));
    }

    #[test]
    fn a_fault_without_an_answer_has_no_aws_part() {
        let advice = ProblemRenderer {
            place: None,
            permissions_boundary: None,
        };
        let problem =
            serde_json::to_value(advice.problem_of(&Fault::new(FaultClass::Crashed, "it crashed")))
                .unwrap();
        assert_eq!(problem["code"], "step_crashed");
        assert!(problem.get("aws").is_none() && problem.get("hints").is_none());
    }
}
