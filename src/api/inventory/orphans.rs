//! Orphans: what carries our mark in AWS and belongs to no cluster of ours.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::inventory::ResourceKind;
use crate::domain::orphan::{self, orphans};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::ResourceKindSchema;
use crate::api::http::query::Parameters;
use crate::api::http::responses;

/// Everything that carries our mark and belongs to no cluster of ours.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrphanList {
    /// All of it.
    items: Vec<Orphan>,
    /// Always null: the list is never cut.
    next_cursor: Option<String>,
}

/// One thing in AWS.
#[derive(Serialize, ToSchema)]
pub(crate) struct Orphan {
    /// What it is.
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    /// Its name.
    name: String,
    /// Its ARN, where it has one.
    arn: Option<String>,
    /// Why it is listed.
    reason: String,
    /// When it was made, where AWS says so.
    created_at: Option<DateTime<Utc>>,
    /// How old it is, where AWS says so.
    age_seconds: Option<i64>,
    /// Whether a row of this database names it. The service's own sweep deletes nothing else.
    managed: bool,
    /// The operation that made it, as far as it can be told.
    operation_id: Option<Uuid>,
}

/// Lists what lies under our path or carries our tags and belongs to no cluster of ours. AWS is asked; nothing is touched.
#[utoipa::path(
    get, path = "/v1/orphans", tag = "inventory", operation_id = "list_orphans",
    responses((status = 200, description = "All of it.", body = OrphanList))
)]
pub(crate) async fn list_orphans(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<OrphanList>, ApiError> {
    parameters.finish()?;
    let installation = api.store.installation().await?;
    let managed = api.store.managed_names().await?.into_iter().collect();
    let _leave = api.aws_permit().await?;
    let marked = api
        .inspector
        .marked(installation.id, &managed)
        .await
        .map_err(|fault| api.error_of(&fault))?;
    // The store is asked after AWS, so that what an operation makes meanwhile is known here.
    let names: Vec<String> = marked.iter().map(|thing| thing.name.clone()).collect();
    let evidence = api.store.evidence(&names).await?;
    let now = responses::now();
    let items = orphans(marked, &evidence)
        .into_iter()
        .map(|orphan| Orphan::of(orphan, now))
        .collect();
    Ok(Json(OrphanList {
        items,
        next_cursor: None,
    }))
}

impl Orphan {
    fn of(orphan: orphan::Orphan, now: DateTime<Utc>) -> Self {
        Self {
            managed: orphan.is_managed(),
            reason: orphan.reason.to_string(),
            kind: orphan.kind,
            name: orphan.name,
            arn: orphan.arn,
            age_seconds: orphan.created_at.map(|at| (now - at).num_seconds().max(0)),
            created_at: orphan.created_at,
            operation_id: orphan.operation_id,
        }
    }
}
