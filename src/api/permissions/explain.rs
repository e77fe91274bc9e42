//! `POST /v1/hints/explain`: explains an AWS error message.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::iam::denial;
use crate::domain::iam::denial::Denial;
use crate::domain::iam::policies::service::{ServiceScope, service_policy};
use crate::domain::iam::remedy::check_scope;
use crate::domain::names::{ClusterName, cluster_in_name};
use crate::domain::pasted;
use crate::domain::problems::hints;
use crate::domain::problems::hints::ANY_SERVICE;
use crate::domain::problems::pasted_call;
use crate::domain::problems::pasted_call::PastedCall;
use crate::inspections::has_lookups;

use crate::api::access::CallerApi;
use crate::api::enum_schemas::{EnumSchema, StringEnum};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema;
use crate::api::http::problem::{FieldError, Problem, ProblemHint};
use crate::api::http::query::NoQuery;
use crate::api::permissions::problem_renderer::{Remedy, hint};
use crate::api::targets::{Target, TargetApi};

/// Maximum length of a message, in characters.
const MESSAGE_MAX: usize = 16_384;

/// An AWS error message to explain.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainRequest {
    /// AWS error message as printed by this service, the AWS CLI, an SDK or a log.
    #[schema(value_type = String, min_length = 1, max_length = 16384,
             example = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: iam:CreateRole on resource: role x")]
    message: Option<String>,
    /// What the policies of the hints cover. Default: `failure`.
    #[schema(value_type = PolicyScopeSchema, required = false)]
    policy_scope: Option<PolicyScope>,
}

type PolicyScopeSchema = EnumSchema<PolicyScope>;

/// What the policy of a hint covers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum PolicyScope {
    /// The denied call only.
    #[default]
    Failure,
    /// Every call of the request that failed.
    Request,
}

impl StringEnum for PolicyScope {
    const NAME: &'static str = "PolicyScope";
    const DESCRIPTION: &'static str = "What the policy of a hint covers. `failure`: the denied call \
        only. `request`: every call of the request that failed.";
}

/// An explained AWS error message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The parts of the message.
    aws: ExplainedAnswer,
    /// Whether the text contains an AWS error that this service knows.
    recognized: bool,
    /// Remedies, most likely first; empty if the message is not a known AWS error.
    hints: Vec<ProblemHint>,
}

/// The parts of an AWS error message. A part that the message does not contain is null.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplainedAnswer {
    /// AWS service, such as `iam` or `dax`.
    service: Option<String>,
    /// AWS API operation.
    operation: Option<String>,
    /// AWS error code.
    code: Option<String>,
    /// The message as sent in the request.
    message: String,
    /// The denied principal: an ARN, or `anonymous`.
    principal: Option<String>,
    /// The denied IAM action.
    action: Option<String>,
    /// The resource, as AWS names it.
    resource: Option<String>,
    /// Kind of policy that denied the call.
    #[schema(example = "identity_policy")]
    cause: Option<&'static str>,
    /// ARN of the policy that denied the call.
    policy_arn: Option<String>,
}

/// Explains an AWS error message and returns the remedy.
///
/// The response contains the denied principal, action and resource, and the kind of policy that
/// denied the call, as far as the message states them. The message is found inside JSON, XML, logs,
/// debug prints and the frames of a terminal.
///
/// A hint has a policy only within what this service's own policy allows in its own account.
/// Otherwise the explanation says why there is none.
///
/// With `policy_scope` `request`, the policies cover everything that the failed request needs. If
/// the message names a resource of a managed cluster, that is the plan of this cluster. Otherwise
/// it is everything this service needs.
#[utoipa::path(
    post, path = "/v1/hints/explain", tag = "permissions", operation_id = "explain_refusal",
    request_body(content = ExplainRequest, description = "The AWS error message."),
    responses((status = 200, description = "The explained message.", body = Explanation))
)]
pub(crate) async fn explain_refusal(
    api: CallerApi,
    _: NoQuery,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Json<Explanation>, ApiError> {
    let (message, scope) = read(body).map_err(Problem::invalid)?;
    let denial = denial::parse(&message);
    let call = pasted_call::read(&pasted::unwrap(&message));
    let remedy = match &denial {
        Some(denial) => {
            api.target_of(Some(denial))?
                .pasted_remedy(denial, call.called_service(), scope, &caller)
                .await?
        }
        None => Remedy::default(),
    };
    let rows = hints::lookup("", "", "", &message);
    let hints: Vec<ProblemHint> = rows
        .iter()
        .map(|row| hint(row, remedy.clone(), denial.as_ref()))
        .collect();
    let aws = ExplainedAnswer::of(&message, call, denial, rows.first().map(|row| row.service));
    Ok(Json(Explanation {
        aws,
        recognized: !hints.is_empty(),
        hints,
    }))
}

fn read(body: Value) -> Result<(String, PolicyScope), Vec<FieldError>> {
    body_schema::validate(body, |request: ExplainRequest, violations| {
        let message = request.message?;
        if !(1..=MESSAGE_MAX).contains(&message.chars().count()) {
            let detail = format!("must have 1 to {MESSAGE_MAX} characters");
            violations.add("/message", "out_of_range", &detail);
        }
        Some((message, request.policy_scope.unwrap_or_default()))
    })
}

impl CallerApi {
    /// The target that a denial is about: the one whose account the principal or the resource is in.
    fn target_of(&self, denial: Option<&Denial>) -> Result<TargetApi, ApiError> {
        let arns = denial.map(|denial| [denial.principal.as_deref(), denial.resource.as_deref()]);
        let arns = arns.into_iter().flatten().flatten();
        let accounts: Vec<&str> = arns.filter_map(|arn| arn.split(':').nth(4)).collect();
        let is_in = |target: &&Arc<Target>| {
            let account = target.account.borrow();
            account
                .as_ref()
                .is_some_and(|account| accounts.contains(&account.account_id.as_str()))
        };
        let visible = self.visible_targets();
        let any = || visible.first().map(|target| &target.name);
        match visible.iter().find(is_in) {
            Some(target) => self.of_row(&target.name),
            None => self.to_read(None).or_else(|_| self.to_read(any())),
        }
    }
}

impl TargetApi {
    /// The policy that allows a denied call, or everything that the failed request needs.
    async fn pasted_remedy(
        &self,
        denial: &Denial,
        called_service: &str,
        scope: PolicyScope,
        caller: &Caller,
    ) -> Result<Remedy, ApiError> {
        let account = self.account().ok();
        let renderer = self.problem_renderer(account.as_ref());
        let for_failure = || renderer.pasted_remedy(denial, called_service);
        let (PolicyScope::Request, Some(account)) = (scope, &account) else {
            return Ok(for_failure());
        };
        let site = renderer.pasted_call_site(called_service);
        if let Some(Err(reason)) = site.map(|site| check_scope(denial, &site)) {
            return Ok(Err(reason).into());
        }
        if let Some(name) = cluster_named_in(denial)
            && let Some(cluster) = self.store.cluster(name.as_str()).await?
            && self.may_read(&cluster.scope())
        {
            return Ok(Ok(self.plan(&cluster.desired, caller).await?.policy()).into());
        }
        let for_service = service_policy(&ServiceScope {
            partition: &account.partition,
            account_id: &account.account_id,
            region: &account.region,
            boundary_arn: self.target.permissions_boundary.as_deref(),
            service_role_arns: &[],
            lookups: has_lookups(),
        });
        Ok(Ok(for_service).into())
    }
}

/// The cluster that a denial is about, from the name of the cluster, its role or its policy.
fn cluster_named_in(denial: &Denial) -> Option<ClusterName> {
    let resource = denial.resource.as_deref()?;
    let name = resource.rsplit(['/', ' ']).next()?;
    match resource.contains(":cache/") {
        true => ClusterName::parse(name).ok(),
        false => cluster_in_name(name),
    }
}

impl ExplainedAnswer {
    fn of(
        message: &str,
        call: PastedCall,
        denial: Option<Denial>,
        hint_service: Option<&'static str>,
    ) -> Self {
        let non_empty = |text: String| (!text.is_empty()).then_some(text);
        let action_service = denial
            .as_ref()
            .and_then(|denial| denial.action.split_once(':'))
            .map(|(service, _)| service);
        let hint_service = hint_service.filter(|service| *service != ANY_SERVICE);
        Self {
            service: action_service
                .map(str::to_owned)
                .or_else(|| non_empty(call.service))
                .or_else(|| hint_service.map(str::to_owned)),
            operation: non_empty(call.operation),
            code: non_empty(call.code),
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
    use crate::api::http::schema_limits;

    #[test]
    fn the_limits_of_a_message_are_rules() {
        let bodies = ["".to_owned(), "x".repeat(16_385)].map(|text| json!({"message": text}));
        schema_limits::check::<ExplainRequest>(bodies.to_vec(), |body| read(body).is_err());
    }

    #[test]
    fn a_message_is_required_and_unknown_fields_are_rejected() {
        assert_eq!(
            read(json!({"message": "x"})).unwrap(),
            ("x".to_owned(), PolicyScope::Failure)
        );
        let whole = read(json!({"message": "x", "policy_scope": "request"}));
        assert_eq!(whole.unwrap().1, PolicyScope::Request);
        let long = "x".repeat(16_385);
        for bad in [
            json!({}),
            json!({"message": ""}),
            json!({"message": long}),
            json!({"message": "x", "policy_scope": "everything"}),
            json!({"message": "x", "more": 1}),
            json!([]),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cluster_of_a_denial_is_read_from_its_resource() {
        let cluster_of = |resource: &str| {
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
            assert_eq!(
                cluster_of(resource).as_deref(),
                Some("orders"),
                "{resource}"
            );
        }
        assert_eq!(cluster_of("role DAXServiceRole"), None);
    }
}
