//! Problem: the RFC 9457 body every refusal has.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::preflight::CheckStatus;
use crate::domain::problems::fault::Difference;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;

use crate::api::http::enum_schemas::{CheckResultSchema, ProblemCodeSchema};

/// Media type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, why, and what to do about it (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The problem type; a page for people is behind it.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/permission_missing")]
    type_: String,
    /// The type in words, the same for every occurrence.
    title: &'static str,
    /// The HTTP status an answer with this problem has.
    #[schema(value_type = i32, minimum = 400, maximum = 599)]
    status: u16,
    /// This occurrence in words.
    detail: String,
    /// What this is about: the operation, for one.
    #[schema(value_type = String, format = "uri-reference", required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The problem type as a word for programs.
    #[schema(value_type = ProblemCodeSchema)]
    code: ProblemCode,
    /// Whether the same request, or the operation by itself, can succeed later without being changed.
    retryable: bool,
    /// Every rule the request breaks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// What AWS said.
    #[schema(value_type = AwsAnswer, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws: Option<AwsAnswer>,
    /// What to do about it, by AWS's own documentation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) hints: Vec<ProblemHint>,
    /// Where what is in AWS differs from what would have been made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) differences: Vec<FieldDifference>,
    /// What can be chosen from: role ARNs, for instance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) candidates: Vec<String>,
    /// AWS's own events about the thing, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) events: Vec<String>,
    /// What a preflight found to be wrong, or could not look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) checks: Vec<PreflightCheck>,
    /// The request to this service that resolves it, ready to be sent.
    #[schema(value_type = Resolution, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
}

/// A request to this service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Resolution {
    /// The method.
    #[schema(example = "POST")]
    method: &'static str,
    /// The path.
    #[schema(format = "uri-reference", example = "/v1/clusters/orders-cache/adopt")]
    path: String,
    /// The body.
    #[schema(value_type = Object)]
    body: Value,
}

/// One thing that a preflight looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreflightCheck {
    /// A permission's action, or a word.
    #[schema(example = "iam:CreatePolicy")]
    pub(crate) name: String,
    /// How it went.
    #[schema(value_type = CheckResultSchema)]
    pub(crate) result: CheckStatus,
    /// What was seen, or why it could not be looked at.
    pub(crate) detail: String,
    /// What to do, where it failed.
    pub(crate) hints: Vec<ProblemHint>,
}

/// One broken rule. `pointer` names a field of the body, `parameter` a header or a part of the URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) of the field in the body.
    #[schema(value_type = String, required = false, example = "/replication_factor")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// Name of the query parameter or header.
    #[schema(value_type = String, required = false, example = "limit")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
    /// The rule as a word for programs.
    #[schema(example = "out_of_range")]
    pub(crate) code: String,
    /// The rule in words.
    #[schema(example = "must be between 1 and 11")]
    pub(crate) detail: String,
}

/// What AWS said about a call it refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AwsAnswer {
    /// `iam`, `dax` or `sts`.
    pub(crate) service: String,
    /// The API operation, such as `CreatePolicy`.
    pub(crate) operation: String,
    /// AWS's error code, or a word of ours when no answer came.
    pub(crate) code: String,
    /// AWS's message, verbatim.
    pub(crate) message: String,
    /// AWS's request id.
    pub(crate) request_id: Option<String>,
    /// The refused action, such as `iam:CreatePolicy`.
    pub(crate) action: Option<String>,
    /// The resource, as AWS names it.
    pub(crate) resource: Option<String>,
    /// Which kind of policy refused it.
    #[schema(example = "identity_policy")]
    pub(crate) cause: Option<&'static str>,
}

/// What to do about a refusal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemHint {
    /// A stable name.
    pub(crate) id: &'static str,
    /// The remedy in one sentence.
    pub(crate) title: &'static str,
    /// Why.
    pub(crate) explanation: &'static str,
    /// An IAM policy that fixes this very failure, where a policy can.
    #[schema(value_type = Option<Object>)]
    pub(crate) policy: Option<Value>,
    /// The page of AWS's documentation.
    #[schema(format = "uri")]
    pub(crate) documentation: &'static str,
}

/// One difference between what is in AWS and what would have been made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldDifference {
    /// The field.
    pub(crate) field: String,
    /// What would have been made.
    pub(crate) expected: String,
    /// What is there.
    pub(crate) found: String,
}

impl From<Difference> for FieldDifference {
    fn from(difference: Difference) -> Self {
        Self {
            field: difference.field,
            expected: difference.expected,
            found: difference.found,
        }
    }
}

impl FieldError {
    /// A rule that a field of the body breaks.
    pub(crate) fn at(pointer: impl Into<String>, rule: RuleViolation) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            code: rule.code.to_owned(),
            detail: rule.detail,
        }
    }

    /// A rule that a query parameter or a header breaks.
    pub(crate) fn of_parameter(name: impl Into<String>, rule: RuleViolation) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            code: rule.code.to_owned(),
            detail: rule.detail,
        }
    }
}

impl Problem {
    /// A problem of a type, with this occurrence in words.
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_: format!("/problems/{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            detail: detail.into(),
            instance: None,
            code,
            retryable: code.retryable(),
            errors: Vec::new(),
            aws: None,
            hints: Vec::new(),
            differences: Vec::new(),
            candidates: Vec::new(),
            events: Vec::new(),
            checks: Vec::new(),
            resolution: None,
        }
    }

    /// A request that cannot be read at all.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self {
            status: 400,
            ..Self::new(ProblemCode::InvalidRequest, detail)
        }
    }

    /// A request that breaks rules.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => match (&one.pointer, &one.parameter) {
                (Some(pointer), _) if !pointer.is_empty() => format!("{pointer} {}", one.detail),
                (_, Some(parameter)) => format!("{parameter} {}", one.detail),
                (Some(_) | None, None) => format!("the body {}", one.detail),
            },
            many => format!("{} rules are broken; see `errors`", many.len()),
        };
        Self {
            errors,
            ..Self::new(ProblemCode::InvalidRequest, detail)
        }
    }

    /// A request to change what cannot change.
    pub(crate) fn immutable(errors: Vec<FieldError>) -> Self {
        let pointers = errors
            .iter()
            .filter(|error| error.code == ProblemCode::ImmutableField.as_str());
        let pointers: Vec<&str> = pointers
            .filter_map(|error| error.pointer.as_deref())
            .collect();
        let detail = format!(
            "{} cannot change here; `errors` says what to do",
            pointers.join(", ")
        );
        Self {
            errors,
            ..Self::new(ProblemCode::ImmutableField, detail)
        }
    }

    /// The same problem, about a cluster: one of that name that is not ours can be adopted at once.
    pub(crate) fn about_cluster(self, name: &str) -> Self {
        let adopt = || Resolution {
            method: "POST",
            path: format!("/v1/clusters/{name}/adopt"),
            body: Value::Object(serde_json::Map::new()),
        };
        let resolution = (self.code == ProblemCode::ClusterExistsInAws).then(adopt);
        Self { resolution, ..self }
    }

    /// The same problem, about an operation.
    pub(crate) fn about_operation(self, id: Uuid) -> Self {
        Self {
            instance: Some(format!("/v1/operations/{id}")),
            ..self
        }
    }

    /// Its type.
    pub(crate) fn code(&self) -> ProblemCode {
        self.code
    }

    /// The HTTP status of an answer that is this problem.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_has_its_five_members_and_ours_and_nothing_empty() {
        let problem =
            Problem::new(ProblemCode::OperationInProgress, "busy").about_operation(Uuid::nil());
        let expected = json!({
            "type": "/problems/operation_in_progress",
            "title": "Another operation works on this cluster",
            "status": 409,
            "detail": "busy",
            "instance": "/v1/operations/00000000-0000-0000-0000-000000000000",
            "code": "operation_in_progress",
            "retryable": true,
        });
        assert_eq!(serde_json::to_value(problem).unwrap(), expected);
    }

    #[test]
    fn a_single_broken_rule_is_told_in_the_detail() {
        let rule = || RuleViolation::new("out_of_range", "must be between 1 and 11");
        let one = Problem::invalid(vec![FieldError::at("/replication_factor", rule())]);
        assert_eq!(one.detail, "/replication_factor must be between 1 and 11");
        let header = Problem::invalid(vec![FieldError::of_parameter("limit", rule())]);
        assert_eq!(header.detail, "limit must be between 1 and 11");
        let body = Problem::invalid(vec![FieldError::at(
            "",
            RuleViolation::new("wrong_type", "must be an object"),
        )]);
        assert_eq!(body.detail, "the body must be an object");
        let many = Problem::invalid(vec![
            FieldError::at("/a", rule()),
            FieldError::at("/b", rule()),
        ]);
        assert_eq!(
            (many.detail.as_str(), many.status),
            ("2 rules are broken; see `errors`", 422)
        );
    }
}
