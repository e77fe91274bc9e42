//! Hints: the troubleshooting table as data, and any AWS refusal explained.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::iam::denial;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::service::{ServiceScope, service_policy};
use crate::domain::names::{ClusterName, cluster_of_made};
use crate::domain::problems::hints;
use crate::domain::problems::hints::ANY_SERVICE;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::enum_schemas::{EnumSchema, StringEnum};
use crate::api::http::problem::{FieldError, Problem, ProblemHint};
use crate::api::http::query::Parameters;
use crate::api::permissions::problem_renderer::{hint, json};

/// What refuses where a row is about a missing Allow of the caller's own policies.
const OWN_POLICIES: &str = "identity_policy";

/// The whole table.
#[derive(Serialize, ToSchema)]
pub(crate) struct HintList {
    /// Every row.
    items: Vec<Hint>,
    /// Always null: the list is never cut.
    next_cursor: Option<String>,
}

/// One row: a fault, what it means, and what to do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hint {
    /// A stable name.
    id: &'static str,
    /// The AWS service, or `any`.
    #[schema(example = "iam")]
    service: &'static str,
    /// AWS's error code.
    #[schema(example = "AccessDenied")]
    code: &'static str,
    /// Which kind of policy refuses, in rows about permissions.
    #[schema(example = "identity_policy")]
    cause: Option<&'static str>,
    /// The refused action, in rows about one; `*` for every action without a row of its own.
    #[schema(example = "iam:CreateRole")]
    action: Option<&'static str>,
    /// The remedy in one sentence.
    title: &'static str,
    /// What happened and what to do.
    explanation: &'static str,
    /// The page of AWS's documentation.
    #[schema(format = "uri")]
    documentation: &'static str,
}

/// A text to be explained.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainRequest {
    /// An AWS error message, as it was printed: by the service, the AWS CLI, an SDK, a log.
    #[schema(value_type = String, min_length = 1, max_length = 16384,
             example = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: iam:CreateRole on resource: role x")]
    message: Option<String>,
    /// What the policies of the hints shall cover. Absent: `failure`.
    #[schema(value_type = PolicyScopeSchema, required = false)]
    policy_scope: Option<PolicyScope>,
}

/// Schema of [`PolicyScope`].
type PolicyScopeSchema = EnumSchema<PolicyScope>;

/// What the policy of a hint shall cover.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolicyScope {
    /// This very failure.
    #[default]
    Failure,
    /// Everything the request at hand needs.
    Request,
}

impl StringEnum for PolicyScope {
    const NAME: &'static str = "PolicyScope";
    const ABOUT: &'static str = "What the policy of a hint covers. `failure`: this very failure. `request`: everything the \
        request at hand needs.";

    fn words() -> Vec<&'static str> {
        vec!["failure", "request"]
    }
}

/// A text, explained.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// What the text says of itself.
    aws: ExplainedAnswer,
    /// What to do; empty for a text that is no error known here.
    hints: Vec<ProblemHint>,
}

/// What a text says of itself. What it does not say is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainedAnswer {
    /// `iam`, `dax` and so on.
    service: Option<String>,
    /// The API operation.
    operation: Option<String>,
    /// AWS's error code.
    code: Option<String>,
    /// The text.
    message: String,
    /// Who was refused.
    principal: Option<String>,
    /// The refused action.
    action: Option<String>,
    /// The resource, as AWS names it.
    resource: Option<String>,
    /// Which kind of policy refused it.
    #[schema(example = "identity_policy")]
    cause: Option<&'static str>,
    /// The very policy that refused it.
    policy_arn: Option<String>,
}

/// Lists the troubleshooting table: every error of every AWS call that this service makes, and what to do about it.
#[utoipa::path(
    get, path = "/v1/hints", tag = "permissions", operation_id = "list_hints",
    responses((status = 200, description = "All of it.", body = HintList))
)]
pub(crate) async fn list_hints(parameters: Parameters) -> Result<Json<HintList>, ApiError> {
    parameters.finish()?;
    let items = hints::all().map(|row| Hint {
        id: row.id,
        service: row.service,
        code: row.code,
        cause: row
            .cause
            .map(|cause| cause.as_str())
            .or(row.action.map(|_| OWN_POLICIES)),
        action: row.action,
        title: row.title,
        explanation: row.explanation,
        documentation: row.documentation,
    });
    Ok(Json(HintList {
        items: items.collect(),
        next_cursor: None,
    }))
}

/// Explains an AWS error message: who was refused what, by which kind of policy, and what to do.
///
/// With `policy_scope` `request` the policies cover all that the request at hand needs: that of the cluster whose things
/// the text names, if it is one of ours, else everything this service ever needs.
#[utoipa::path(
    post, path = "/v1/hints/explain", tag = "permissions", operation_id = "explain_refusal",
    request_body(content = ExplainRequest, description = "The text."),
    responses((status = 200, description = "What it means.", body = Explanation))
)]
pub(crate) async fn explain_refusal(
    State(api): State<Api>,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Json<Explanation>, ApiError> {
    parameters.finish()?;
    let (message, scope) = read(body).map_err(Problem::invalid)?;
    let denial = denial::parse(&message);
    let policy = match &denial {
        Some(denial) => api.policy_against(denial, scope).await?,
        None => None,
    };
    let rows = hints::lookup("", "", "", &message);
    let aws = ExplainedAnswer::of(&message, denial, rows.first().map(|row| row.service));
    Ok(Json(Explanation {
        aws,
        hints: rows
            .into_iter()
            .map(|row| hint(row, policy.clone()))
            .collect(),
    }))
}

fn read(body: Value) -> Result<(String, PolicyScope), Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ExplainRequest"));
    let (request, faults) = SCHEMA.read::<ExplainRequest>(body);
    let errors = faults.merged_with(Vec::new());
    let request = request.unwrap_or_default();
    let message = request.message.unwrap_or_default();
    if errors.is_empty() {
        Ok((message, request.policy_scope.unwrap_or_default()))
    } else {
        Err(errors)
    }
}

impl Api {
    /// A policy that ends a refusal, where a policy can.
    async fn policy_against(
        &self,
        denial: &Denial,
        scope: PolicyScope,
    ) -> Result<Option<Value>, ApiError> {
        let place = self.place.borrow().clone();
        let narrow = self.advice(place.as_ref()).handling(denial);
        let (PolicyScope::Request, Some(place), true) =
            (scope, place, denial.cause.is_fixed_by_allowing())
        else {
            return Ok(narrow);
        };
        if let Some(name) = cluster_named_in(denial)
            && let Some(cluster) = self.store.cluster(name.as_str()).await?
        {
            return Ok(Some(json(&self.plan(&cluster.desired).await?.policy())));
        }
        let whole = service_policy(&ServiceScope {
            partition: &place.partition,
            account_id: &place.account_id,
            region: &place.region,
            boundary_arn: self.settings.permissions_boundary.as_deref(),
            service_role_arns: &[],
            lookups: self.inspector.looks_up(),
        });
        Ok(Some(json(&whole)))
    }
}

/// The cluster that a refusal is about, read from the name of its role, its policy or itself.
fn cluster_named_in(denial: &Denial) -> Option<ClusterName> {
    let resource = denial.resource.as_deref()?;
    let name = resource.rsplit(['/', ' ']).next()?;
    match resource.contains(":cache/") {
        true => ClusterName::parse(name).ok(),
        false => cluster_of_made(name),
    }
}

impl ExplainedAnswer {
    fn of(message: &str, denial: Option<Denial>, told: Option<&'static str>) -> Self {
        let (operation, code) = hints::read_pasted(message);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let of_action = denial
            .as_ref()
            .and_then(|denial| denial.action.split_once(':'))
            .map(|(service, _)| service);
        let service = of_action.or(told.filter(|service| *service != ANY_SERVICE));
        Self {
            service: service.map(str::to_owned),
            operation: some(operation),
            code: some(code),
            message: message.to_owned(),
            cause: denial.as_ref().map(|denial| denial.cause.as_str()),
            principal: denial.as_ref().and_then(|denial| denial.principal.clone()),
            resource: denial.as_ref().and_then(|denial| denial.resource.clone()),
            policy_arn: denial.as_ref().and_then(|denial| denial.policy_arn.clone()),
            action: denial.map(|denial| denial.action),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_to_explain_has_a_message_and_no_stranger() {
        assert_eq!(
            read(json!({"message": "x"})).unwrap(),
            ("x".to_owned(), PolicyScope::Failure)
        );
        let asked = read(json!({"message": "x", "policy_scope": "request"}));
        assert_eq!(asked.unwrap().1, PolicyScope::Request);
        let long = "x".repeat(16_385);
        for bad in [
            json!({}),
            json!({"message": ""}),
            json!({"message": long}),
            json!({"message": "x", "policy_scope": "world"}),
            json!({"message": "x", "more": 1}),
            json!([]),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cluster_of_a_refusal_is_read_from_its_resource() {
        let about = |resource: &str| {
            let text = format!(
                "User: x is not authorized to perform: iam:GetRole on resource: {resource}"
            );
            cluster_named_in(&denial::parse(&text).unwrap()).map(String::from)
        };
        for resource in [
            "role dax-orders-abcdefghij",
            "policy dax-orders-abcdefghij-2",
            "arn:aws:iam::123456789012:role/dax-provisioner/dax-orders-abcdefghij",
            "arn:aws:dax:us-east-1:123456789012:cache/orders",
        ] {
            assert_eq!(about(resource).as_deref(), Some("orders"), "{resource}");
        }
        assert_eq!(about("role DAXServiceRole"), None);
    }
}
