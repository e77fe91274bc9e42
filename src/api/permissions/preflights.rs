//! `POST /v1/preflights`: checks whether a cluster could be created.

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::installation::AwsAccount;
use crate::domain::operation::ClusterStatus;
use crate::domain::preflight::{self, CheckStatus};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::ClusterSpec;
use crate::inspections::plan::PlanContext;
use crate::store::IdempotencyKey;

use crate::api::access::CallerApi;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::{RequiredPreflight, take_project, take_target, validate};
use crate::api::enum_schemas::CheckResultSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::body::JsonBody;
use crate::api::http::problem::{PreflightCheck, Problem};
use crate::api::http::query::NoQuery;
use crate::api::permissions::problem_renderer::json;
use crate::api::targets::TargetApi;

/// Result of a preflight.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preflight {
    /// The worst result of the checks: `fail` before `not_checked` before `pass`. Checks that are
    /// `not_checked` by design do not count.
    #[schema(value_type = CheckResultSchema)]
    result: CheckStatus,
    /// One check for each permission, then all others.
    checks: Vec<PreflightCheck>,
    /// The missing permissions as one IAM policy; null if no policy can fix the failed checks.
    #[schema(value_type = Option<Object>)]
    policy: Option<Value>,
    /// Price of an hour of the nodes, in US dollars on demand, by the price list of the
    /// installation; null if that has no price of them.
    #[schema(example = 0.807)]
    hourly_cost_usd: Option<f64>,
    /// The same for a month of 730 hours, rounded up to a cent.
    #[schema(example = 589.11)]
    monthly_cost_usd: Option<f64>,
}

/// Checks whether a cluster could be created, and reports every problem. Creates nothing.
///
/// Permissions are checked by IAM's policy simulator, with the ARNs and condition keys of the real
/// calls. A check `fails` only on what is certain. One that cannot run, or whose result depends on
/// what only AWS knows, is `not_checked`, with the reason. It is never reported as a missing
/// permission.
#[utoipa::path(
    post, path = "/v1/preflights", tag = "permissions", operation_id = "preflight_cluster",
    request_body(content = ClusterRequest, description = "Settings of the planned cluster."),
    responses((status = 200, description = "The result of the preflight.", body = Preflight))
)]
pub(crate) async fn preflight_cluster(
    api: CallerApi,
    _: NoQuery,
    caller: Caller,
    JsonBody(mut body): JsonBody,
) -> Result<Json<Preflight>, ApiError> {
    let target = take_target(&mut body);
    let api = api.to_inspect(target.as_ref())?;
    let project = take_project(&mut body);
    let project = project.or_else(|| api.caller.default_project().cloned());
    api.check_readable(project.as_ref())?;
    let account = api.account()?;
    let spec = validate(body, &api.validation_context(&account)).map_err(Problem::invalid)?;
    let preflight = api.preflight(&spec, &account, &caller).await?;
    let renderer = api.problem_renderer(Some(&account));
    let cost = api.cost(&spec, &account);
    Ok(Json(Preflight {
        result: preflight.status(),
        checks: preflight
            .checks
            .iter()
            .map(|check| renderer.check(check))
            .collect(),
        policy: preflight.missing_policy().as_ref().map(json),
        hourly_cost_usd: cost.hourly_usd,
        monthly_cost_usd: cost.monthly_usd,
    }))
}

impl TargetApi {
    async fn preflight(
        &self,
        spec: &ClusterSpec,
        account: &AwsAccount,
        caller: &Caller,
    ) -> Result<preflight::Preflight, ApiError> {
        let context = PlanContext {
            account,
            permissions_boundary: self.target.permissions_boundary.as_deref(),
        };
        let _permit = self.aws_permit(caller).await?;
        let preflight = self.inspector()?.preflight(spec, context).await;
        preflight.map_err(|fault| {
            self.problem_renderer(Some(account))
                .problem_of(&fault)
                .into()
        })
    }

    /// Whether stored data alone decides the response, so that no preflight can change it.
    pub(crate) async fn is_answered_already(
        &self,
        key: Option<&IdempotencyKey>,
        spec: &ClusterSpec,
    ) -> Result<bool, ApiError> {
        if let Some(key) = key
            && self.store.known_key(key).await?.is_some()
        {
            return Ok(true);
        }
        let cluster = self.store.cluster(spec.name.as_str()).await?;
        Ok(cluster.is_some_and(|cluster| cluster.status != ClusterStatus::Failed))
    }

    /// Rejects a spec without the required preflight, with every check that did not pass.
    pub(crate) async fn reject_failed_preflight(
        &self,
        spec: &ClusterSpec,
        account: &AwsAccount,
        caller: &Caller,
        required: RequiredPreflight,
    ) -> Result<(), ApiError> {
        let preflight = self.preflight(spec, account, caller).await?;
        match (preflight.status(), required) {
            (CheckStatus::Pass, _) => return Ok(()),
            (CheckStatus::Fail, _) | (CheckStatus::NotChecked, RequiredPreflight::Complete) => {}
            (CheckStatus::NotChecked, _) => return Ok(()),
        }
        let renderer = self.problem_renderer(Some(account));
        let checks = preflight
            .checks
            .iter()
            .filter(|check| check.status() != CheckStatus::Pass);
        let checks: Vec<PreflightCheck> = checks.map(|check| renderer.check(check)).collect();
        let named = |result| -> Vec<&str> {
            let found = checks
                .iter()
                .filter(|check| check.result == result && !check.by_design);
            found.map(|check| check.name.as_str()).collect()
        };
        let failed = named(CheckStatus::Fail).join(", ");
        let detail = if failed.is_empty() {
            let unknown = named(CheckStatus::NotChecked).join(", ");
            format!("preflight checks without a result: {unknown}; see `checks`")
        } else {
            format!("failed preflight checks: {failed}; see `checks`")
        };
        let counted = checks.iter().filter(|check| {
            check.result == CheckStatus::Fail || required == RequiredPreflight::Complete
        });
        let hints = counted.flat_map(|check| check.hints.clone()).collect();
        let mut problem = Problem::new(ProblemCode::PreflightFailed, detail);
        (problem.hints, problem.checks) = (hints, checks);
        Err(problem.into())
    }
}
