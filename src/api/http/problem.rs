//! Problem: the RFC 9457 body of every error response.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::preflight::CheckStatus;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::target::TargetName;
use crate::domain::validation::violation::RuleViolation;

use crate::api::enum_schemas::{CheckResultSchema, ProblemCodeSchema};
use crate::api::http::violations;

mod parts;

pub use parts::{FieldDifference, ForbiddingPolicy};

/// Media type of a problem (RFC 9457).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Maximum number of validation errors in a response: a small request must not have a large answer.
const ERRORS_MAX: usize = 20;
/// Number of validation errors beyond which they are not counted, so that they need not be found.
pub(crate) const ERRORS_COUNTED_MAX: usize = 100;

/// An error, its cause and its fix (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// URL of the page that documents the problem type.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference", example = "/problems/permission_missing")]
    type_: String,
    /// Summary of the problem type; the same for every occurrence.
    title: &'static str,
    /// HTTP status of a response with this problem.
    #[schema(value_type = i32, minimum = 400, maximum = 599)]
    status: u16,
    /// Description of this occurrence.
    pub(crate) detail: String,
    /// URL of the affected resource, such as the operation.
    #[schema(value_type = String, format = "uri-reference", required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Machine-readable problem type.
    #[schema(value_type = ProblemCodeSchema)]
    code: ProblemCode,
    /// Whether the same request can succeed later without a change; for the problem of an
    /// operation, whether the operation can.
    retryable: bool,
    /// The first 20 validation errors of the request; `detail` says how many there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) errors: Vec<FieldError>,
    /// The error that AWS returned.
    #[schema(value_type = AwsAnswer, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws: Option<AwsAnswer>,
    /// Fixes, with links to AWS's documentation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) hints: Vec<ProblemHint>,
    /// Differences between the existing AWS resource and the requested one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) differences: Vec<FieldDifference>,
    /// Values to choose from, such as role ARNs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) candidates: Vec<String>,
    /// Events that AWS reports about the resource, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) events: Vec<String>,
    /// Preflight checks that failed or could not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) checks: Vec<PreflightCheck>,
    /// The policies of the organisation that forbid the request, with the advice of their authors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) policies: Vec<ForbiddingPolicy>,
    /// The request to this API that resolves the problem.
    #[schema(value_type = Resolution, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
}

/// A request to this API, ready to be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Resolution {
    /// HTTP method.
    #[schema(example = "POST")]
    method: &'static str,
    #[schema(
        format = "uri-reference",
        example = "/v1/clusters/orders-cache/adopt?target=default"
    )]
    path: String,
    /// JSON request body.
    #[schema(value_type = Object)]
    body: Value,
}

/// One check of a preflight.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreflightCheck {
    /// The IAM action of a permission check, or the name of another check.
    #[schema(example = "iam:CreatePolicy")]
    pub(crate) name: String,
    /// Result of the check.
    #[schema(value_type = CheckResultSchema)]
    pub(crate) result: CheckStatus,
    /// Whether the check is `not_checked` because this build, or this kind of request, has no such
    /// check. It then has no effect on the result of the preflight.
    pub(crate) by_design: bool,
    /// What was found, or why the check could not run.
    pub(crate) detail: String,
    /// Fixes of a failed check, or of one that may fail.
    pub(crate) hints: Vec<ProblemHint>,
}

/// One validation error. `pointer` names a field of the body, `parameter` a header or a query
/// parameter.
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
    /// Machine-readable rule.
    #[schema(example = "out_of_range")]
    pub(crate) code: String,
    /// Description of the rule.
    #[schema(example = "must be between 1 and 11")]
    pub(crate) detail: String,
}

/// The error of a call to AWS.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AwsAnswer {
    /// AWS service, such as `iam`, `dax` or `sts`.
    pub(crate) service: String,
    /// API operation, such as `CreatePolicy`.
    pub(crate) operation: String,
    /// AWS's error code; a code of this service if AWS did not respond.
    pub(crate) code: String,
    /// AWS's message, verbatim.
    pub(crate) message: String,
    /// AWS's request ID.
    pub(crate) request_id: Option<String>,
    /// The denied action, such as `iam:CreatePolicy`.
    pub(crate) action: Option<String>,
    /// The resource of the denied action, as AWS's message names it.
    pub(crate) resource: Option<String>,
    /// Kind of policy that denied the action.
    #[schema(example = "identity_policy")]
    pub(crate) cause: Option<&'static str>,
}

/// A fix for an AWS error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemHint {
    /// Stable identifier of the hint.
    pub(crate) id: &'static str,
    /// The fix in one sentence.
    pub(crate) title: &'static str,
    /// Cause of the error and details of the fix.
    pub(crate) explanation: Cow<'static, str>,
    /// IAM policy that allows the denied action; null if no policy can.
    #[schema(value_type = Option<Object>)]
    pub(crate) policy: Option<Value>,
    /// URL of the page in AWS's documentation.
    #[schema(format = "uri")]
    pub(crate) documentation: &'static str,
}

impl FieldError {
    /// An error in a field of the body; `pointer` is a JSON pointer.
    pub(crate) fn at(pointer: impl Into<String>, rule: RuleViolation) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            code: rule.code.to_owned(),
            detail: rule.detail,
        }
    }

    /// The same error in a part of the body at this pointer.
    pub(crate) fn below(self, pointer: &str) -> Self {
        Self {
            pointer: self.pointer.map(|inner| format!("{pointer}{inner}")),
            ..self
        }
    }

    /// An error in a query parameter or a header.
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
    /// A problem of a type; `detail` describes this occurrence.
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
            policies: Vec::new(),
            resolution: None,
        }
    }

    /// A request that cannot be parsed: status 400.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self {
            status: 400,
            ..Self::new(ProblemCode::InvalidRequest, detail)
        }
    }

    /// A request with validation errors: status 422.
    pub(crate) fn invalid(mut errors: Vec<FieldError>) -> Self {
        violations::shorten_names(&mut errors);
        let detail = match errors.as_slice() {
            [one] => match (&one.pointer, &one.parameter) {
                (Some(pointer), _) if !pointer.is_empty() => format!("{pointer}: {}", one.detail),
                (_, Some(parameter)) => format!("{parameter}: {}", one.detail),
                (Some(_) | None, None) => format!("the body {}", one.detail),
            },
            many if many.len() <= ERRORS_MAX => {
                format!("{} fields are invalid; see `errors`", many.len())
            }
            many if many.len() <= ERRORS_COUNTED_MAX => format!(
                "{} fields are invalid; `errors` lists {ERRORS_MAX} of them, {} are left out",
                many.len(),
                many.len() - ERRORS_MAX
            ),
            _ => format!(
                "more than {ERRORS_COUNTED_MAX} fields are invalid; \
                 `errors` lists {ERRORS_MAX} of them"
            ),
        };
        errors.truncate(ERRORS_MAX);
        Self {
            errors,
            ..Self::new(ProblemCode::InvalidRequest, detail)
        }
    }

    /// A request to change settings that are fixed at creation.
    pub(crate) fn immutable(mut errors: Vec<FieldError>) -> Self {
        errors.truncate(ERRORS_MAX);
        violations::shorten_names(&mut errors);
        let pointers = errors
            .iter()
            .filter(|error| error.code == ProblemCode::ImmutableField.as_str());
        let pointers: Vec<&str> = pointers
            .filter_map(|error| error.pointer.as_deref())
            .collect();
        let detail = format!(
            "cannot be changed by PATCH: {}; see `errors` for the alternative",
            pointers.join(", ")
        );
        Self {
            errors,
            ..Self::new(ProblemCode::ImmutableField, detail)
        }
    }

    /// The same problem about a cluster of a target. If an unmanaged cluster of that name exists, `resolution`
    /// is the request that adopts it.
    pub(crate) fn about_cluster(self, name: &str, target: &TargetName) -> Self {
        let adopt = || Resolution {
            method: "POST",
            path: format!("/v1/clusters/{name}/adopt?target={target}"),
            body: Value::Object(serde_json::Map::new()),
        };
        let resolution = (self.code == ProblemCode::ClusterExistsInAws).then(adopt);
        Self { resolution, ..self }
    }

    /// The same problem with the operation as its `instance`.
    pub(crate) fn about_operation(self, id: Uuid) -> Self {
        self.at(format!("/v1/operations/{id}"))
    }

    /// The same problem with the resource at a path as its `instance`.
    pub(crate) fn at(self, path: String) -> Self {
        Self {
            instance: Some(path),
            ..self
        }
    }

    pub(crate) fn code(&self) -> ProblemCode {
        self.code
    }

    /// HTTP status of a response with this problem.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_omits_empty_ones() {
        let problem =
            Problem::new(ProblemCode::OperationInProgress, "busy").about_operation(Uuid::nil());
        let expected = json!({
            "type": "/problems/operation_in_progress",
            "title": "Another operation is in progress on this cluster",
            "status": 409,
            "detail": "busy",
            "instance": "/v1/operations/00000000-0000-0000-0000-000000000000",
            "code": "operation_in_progress",
            "retryable": true,
        });
        assert_eq!(serde_json::to_value(problem).unwrap(), expected);
    }

    #[test]
    fn a_single_validation_error_is_in_the_detail() {
        let rule = || RuleViolation::new("out_of_range", "must be between 1 and 11");
        let one = Problem::invalid(vec![FieldError::at("/replication_factor", rule())]);
        assert_eq!(one.detail, "/replication_factor: must be between 1 and 11");
        let header = Problem::invalid(vec![FieldError::of_parameter("limit", rule())]);
        assert_eq!(header.detail, "limit: must be between 1 and 11");
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
            ("2 fields are invalid; see `errors`", 422)
        );
    }

    #[test]
    fn a_problem_lists_twenty_errors_with_short_names() {
        let rule = || RuleViolation::new("unknown_field", "is not a field of this request");
        let name = |n: usize| format!("/{n}{}", "é".repeat(1_000));
        let errors = (0..10_000).map(|n| FieldError::at(name(n), rule()));
        let problem = Problem::invalid(errors.collect());
        assert_eq!(
            problem.detail,
            "more than 100 fields are invalid; `errors` lists 20 of them"
        );
        assert_eq!(problem.errors.len(), ERRORS_MAX);
        let pointer = problem.errors[19].pointer.as_deref().unwrap();
        assert!(pointer.starts_with("/19é") && pointer.ends_with("é…"));
        assert!(pointer.len() < 300, "{pointer}");
    }
}
