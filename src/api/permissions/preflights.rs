//! Preflights: what would stop a wanted cluster, looked for before anything is made.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::installation::AwsAccount;
use crate::domain::operation::ClusterStatus;
use crate::domain::preflight::{self, CheckStatus};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::ClusterSpec;
use crate::inspections::plan::PlanContext as PlanGround;
use crate::store::IdempotencyKey;

use crate::api::Api;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::believe;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::enum_schemas::CheckResultSchema;
use crate::api::http::problem::{PreflightCheck, Problem};
use crate::api::http::query::Parameters;
use crate::api::permissions::problem_renderer::json;

/// What a preflight found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preflight {
    /// The worst of the checks: `fail` before `not_checked` before `pass`.
    #[schema(value_type = CheckResultSchema)]
    result: CheckStatus,
    /// Everything that was looked at: a check for each permission, then the rest.
    checks: Vec<PreflightCheck>,
    /// The missing permissions as one policy; null if there are none that a policy would cure.
    #[schema(value_type = Option<Object>)]
    policy: Option<Value>,
}

/// Looks for everything that would stop a wanted cluster. Nothing is made.
///
/// Permissions are put to IAM's policy simulator with the ARNs and condition keys of the real calls. What cannot be looked
/// at is `not_checked`, with the reason, and never a missing permission.
#[utoipa::path(
    post, path = "/v1/preflights", tag = "permissions", operation_id = "preflight_cluster",
    request_body(content = ClusterRequest, description = "The wanted cluster."),
    responses((status = 200, description = "What was found.", body = Preflight))
)]
pub(crate) async fn preflight_cluster(
    State(api): State<Api>,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Json<Preflight>, ApiError> {
    parameters.finish()?;
    let place = api.place()?;
    let spec = believe(body, &api.ground(&place));
    let found = api
        .preflight(&spec.map_err(Problem::invalid)?, &place)
        .await?;
    let advice = api.advice(Some(&place));
    Ok(Json(Preflight {
        result: found.grade(),
        checks: found
            .checks
            .iter()
            .map(|check| advice.check(check))
            .collect(),
        policy: found.missing_policy().as_ref().map(json),
    }))
}

impl Api {
    async fn preflight(
        &self,
        spec: &ClusterSpec,
        place: &AwsAccount,
    ) -> Result<preflight::Preflight, ApiError> {
        let permissions_boundary = self.settings.permissions_boundary.as_deref();
        let _leave = self.aws_permit().await?;
        let found = self
            .inspector
            .preflight(
                spec,
                PlanGround {
                    place,
                    permissions_boundary,
                },
            )
            .await;
        found.map_err(|fault| self.advice(Some(place)).problem_of(&fault).into())
    }

    /// Whether a request will be answered by what is in the database, so that no preflight can change the answer.
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

    /// Refuses a wanted cluster that a preflight finds a fault with; all findings at once.
    pub(crate) async fn refuse_unfit(
        &self,
        spec: &ClusterSpec,
        place: &AwsAccount,
    ) -> Result<(), ApiError> {
        let found = self.preflight(spec, place).await?;
        if found.grade() != CheckStatus::Fail {
            return Ok(());
        }
        let advice = self.advice(Some(place));
        let checks = found
            .checks
            .iter()
            .filter(|check| check.grade() != CheckStatus::Pass);
        let checks: Vec<PreflightCheck> = checks.map(|check| advice.check(check)).collect();
        let failed = checks
            .iter()
            .filter(|check| check.result == CheckStatus::Fail);
        let names: Vec<&str> = failed.clone().map(|check| check.name.as_str()).collect();
        let detail = format!(
            "the preflight found {} faults: {}",
            names.len(),
            names.join(", ")
        );
        let hints = failed.flat_map(|check| check.hints.clone()).collect();
        let mut problem = Problem::new(ProblemCode::PreflightFailed, detail);
        (problem.hints, problem.checks) = (hints, checks);
        Err(problem.into())
    }
}
