//! `GET /v1/me`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::project::{ProjectName, Scope};

use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::query::NoQuery;

/// The caller, as the service knows them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// What identifies the caller: `token:<id>`, `oidc:<issuer>/<subject>`, or `anonymous` where
    /// authentication is off.
    #[schema(example = "token:0b5f2c1e")]
    id: String,
    /// The caller as shown with operations.
    #[schema(example = "token:portal")]
    name: String,
    /// The groups of the caller. Without an organisation they have no effect.
    #[schema(example = json!(["operators"]))]
    groups: Vec<String>,
    /// The projects that the caller is limited to; empty for no limit.
    #[schema(value_type = Vec<String>, example = json!(["payments"]))]
    projects: Vec<ProjectName>,
    /// The project of a new cluster whose request names none; null if there is none.
    #[schema(value_type = Option<String>, example = "payments")]
    default_project: Option<ProjectName>,
    /// The person for whom this request is sent; null without `X-Requested-For`.
    requested_for: Option<String>,
    /// Hash of the organisation whose policies decide; null without an organisation, where every
    /// caller may do everything.
    organisation: Option<String>,
    /// Whether the caller may read everything, also in projects that do not exist yet.
    reads_everything: bool,
    /// The scopes that the caller may read; empty if `reads_everything`.
    scopes: Vec<ReadableScope>,
}

/// The clusters of a project in a target.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadableScope {
    /// The project; null for clusters that belong to none.
    #[schema(value_type = Option<String>, example = "payments")]
    project: Option<ProjectName>,
    /// The target.
    #[schema(example = "default")]
    target: String,
}

impl From<Scope> for ReadableScope {
    fn from(scope: Scope) -> Self {
        Self {
            project: scope.project,
            target: scope.target.to_string(),
        }
    }
}

/// Returns who the service thinks you are, and what you may read.
#[utoipa::path(
    get, path = "/v1/me", tag = "organisation", operation_id = "get_me",
    responses((status = 200, description = "The caller.", body = Me))
)]
pub(crate) async fn get_me(api: CallerApi, _: NoQuery) -> Result<Json<Me>, ApiError> {
    let scopes = api.scopes().await?;
    let caller = &api.caller;
    Ok(Json(Me {
        id: caller.id.clone(),
        name: caller.shown_as.clone(),
        groups: caller.groups.clone(),
        projects: caller.projects.clone(),
        default_project: caller.default_project().cloned(),
        requested_for: caller.requested_for.clone(),
        organisation: api.rules.hash.clone(),
        reads_everything: scopes.is_none(),
        scopes: scopes
            .unwrap_or_default()
            .into_iter()
            .map(ReadableScope::from)
            .collect(),
    }))
}
