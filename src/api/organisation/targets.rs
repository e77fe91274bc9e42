//! Targets: the AWS accounts and Regions of the installation.

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::authorization::Action;
use crate::domain::preflight::{CheckStatus, Preflight};
use crate::domain::target::TargetStatusKind;

use crate::api::access::CallerApi;
use crate::api::enum_schemas::{CheckResultSchema, TargetStatusSchema};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::path::TargetPath;
use crate::api::http::problem::PreflightCheck;
use crate::api::http::query::NoQuery;
use crate::api::permissions::problem_renderer::json;
use crate::api::targets;

/// All targets of the installation, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetList {
    items: Vec<Target>,
    /// Always null: the list has one page.
    next_cursor: Option<String>,
}

/// An AWS account and Region in which the installation has clusters.
#[derive(Serialize, ToSchema)]
pub(crate) struct Target {
    /// Name of the target, which requests use.
    #[schema(example = "default")]
    name: String,
    /// AWS account; null until it is known.
    #[schema(example = "123456789012")]
    account_id: Option<String>,
    /// AWS Region; null until it is known.
    #[schema(example = "us-east-1")]
    region: Option<String>,
    /// AWS partition; null until it is known.
    #[schema(example = "aws")]
    partition: Option<String>,
    #[schema(value_type = TargetStatusSchema)]
    status: TargetStatusKind,
    /// Why the target is not `ready`; null if it is.
    reason: Option<String>,
}

/// What a check of a target found.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetCheck {
    /// The worst result of the checks: `fail` before `not_checked` before `pass`.
    #[schema(value_type = CheckResultSchema)]
    result: CheckStatus,
    /// The checks of the identity, the reads, the permissions boundary, and each permission.
    checks: Vec<PreflightCheck>,
    /// The missing permissions as one IAM policy; null if no policy can fix the failed checks.
    #[schema(value_type = Option<Object>)]
    policy: Option<Value>,
}

impl From<&targets::Target> for Target {
    fn from(target: &targets::Target) -> Self {
        let account = target.account.borrow();
        let status = target.status.borrow();
        Self {
            name: target.name.to_string(),
            account_id: account.as_ref().map(|account| account.account_id.clone()),
            region: account.as_ref().map(|account| account.region.clone()),
            partition: account.as_ref().map(|account| account.partition.clone()),
            status: status.kind(),
            reason: status.reason().map(str::to_owned),
        }
    }
}

/// Lists the targets of the installation: its AWS accounts and Regions.
///
/// A target that the organisation no longer has is `removed`: its clusters stay readable.
#[utoipa::path(
    get, path = "/v1/targets", tag = "organisation", operation_id = "list_targets",
    responses((status = 200, description = "All targets.", body = TargetList))
)]
pub(crate) async fn list_targets(api: CallerApi, _: NoQuery) -> Result<Json<TargetList>, ApiError> {
    let visible = api.visible_targets();
    let items = visible
        .iter()
        .map(|target| Target::from(&**target))
        .collect();
    Ok(Json(TargetList {
        items,
        next_cursor: None,
    }))
}

/// Returns a target: its account and Region, and whether it can be used.
#[utoipa::path(
    get, path = "/v1/targets/{name}", tag = "organisation", operation_id = "get_target",
    params(TargetPath),
    responses((status = 200, description = "The target.", body = Target))
)]
pub(crate) async fn get_target(
    api: CallerApi,
    path: TargetPath,
    _: NoQuery,
) -> Result<Json<Target>, ApiError> {
    let target = path.target(&api)?;
    Ok(Json(Target::from(&*target.target)))
}

/// Checks whether a target can be used, and reports every problem. Changes nothing.
///
/// It enters the account, reads what the service reads, compares the permissions boundary, and
/// simulates every permission of the service's policy.
#[utoipa::path(
    post, path = "/v1/targets/{name}/check", tag = "organisation", operation_id = "check_target",
    params(TargetPath),
    responses((status = 200, description = "The result of the check.", body = TargetCheck))
)]
pub(crate) async fn check_target(
    api: CallerApi,
    path: TargetPath,
    _: NoQuery,
    caller: Caller,
) -> Result<Json<TargetCheck>, ApiError> {
    let api = path.target(&api)?;
    api.decide_target(Action::CheckTarget)?;
    let inspector = api.inspector()?;
    let expected = api.target.account.borrow().clone();
    let _permit = api.aws_permit(&caller).await?;
    let boundary = api.target.permissions_boundary.as_deref();
    let checks = inspector.check_target(expected.as_ref(), boundary).await;
    let checked = Preflight { checks };
    let renderer = api.problem_renderer(expected.as_ref());
    Ok(Json(TargetCheck {
        result: checked.status(),
        checks: checked
            .checks
            .iter()
            .map(|check| renderer.check(check))
            .collect(),
        policy: checked.missing_policy().as_ref().map(json),
    }))
}
